"""How motion capture becomes varied training data."""
