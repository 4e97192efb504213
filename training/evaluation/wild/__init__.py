"""How served models do on people nobody prepared: ``python -m training.evaluate --suite wild``."""
