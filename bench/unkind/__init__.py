"""Callers who take more than their part, and what others have of a service meanwhile."""
