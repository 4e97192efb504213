"""Motion capture: readers, one skeleton for all of them, checks, the prepared file."""
