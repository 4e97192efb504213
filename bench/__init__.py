"""Measurements, each a command that prints ratios against a named baseline; never timed tests."""
