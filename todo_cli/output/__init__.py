"""A result becomes words and columns, and these become a terminal's table,
tab-separated lines or JSON.
"""
