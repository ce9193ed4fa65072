"""The command line: the door, the road, and thin commands."""
