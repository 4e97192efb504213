"""Data sets, and the sequences and windows that models are trained on."""
