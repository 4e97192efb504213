"""Poses to files, one writer a format."""
