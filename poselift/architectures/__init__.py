"""Families of networks, one module each: the shape of a network, as its card describes it."""
