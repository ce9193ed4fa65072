"""Every call of every command to its store fails once, in every way."""
