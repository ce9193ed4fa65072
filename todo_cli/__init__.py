"""A command-line task manager whose tasks live in the user's own database."""

__version__ = "0.1.0"
