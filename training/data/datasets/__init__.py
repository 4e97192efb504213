"""Data sets: readers of motion capture and of recordings, one prepared file for each kind."""
