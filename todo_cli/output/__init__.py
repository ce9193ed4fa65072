"""What is printed: a result becomes a `Sheet`, and that a table, tab-separated
lines or JSON.
"""
