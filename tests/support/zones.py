"""Time zones that every machine of the tests has: those of the package `tzdata`."""

from importlib.resources import files

ZONES = str(files("tzdata") / "zoneinfo")
"""A value for `TZDIR`."""
