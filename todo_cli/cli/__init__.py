"""The command line: it parses the arguments, runs a command, and prints."""
