"""Served models on real people: ``python -m training.evaluate --suite wild``."""
