"""Requests and streams from bytes to bytes, for every transport."""
