"""The command line, through its true door: one file a command and a topic."""
