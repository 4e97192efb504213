"""Pure pose arithmetic in NumPy, shared by training and serving. No input or output happens here."""
