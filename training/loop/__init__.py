"""The training loop, on one process or several."""
