"""Puts a result into words, and draws it as table, plain lines or JSON."""
