"""Every query, every transaction, and both drivers."""
