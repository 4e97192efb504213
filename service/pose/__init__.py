"""Pure pose arithmetic in NumPy, shared by training and serving; it reads and writes nothing."""
