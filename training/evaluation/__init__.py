"""Metrics on held-out data, predictions, and the suite of real and simulated conditions."""
