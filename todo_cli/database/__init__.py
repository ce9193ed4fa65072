"""Every query, every transaction and both drivers; the columns and CHECKs of
the tables are in `models.py`.
"""
