"""Formats of other programs, and our own: bytes to values and back, without SQL."""
