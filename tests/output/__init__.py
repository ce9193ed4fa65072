"""What a result or an error looks like, to a terminal, a pipe and a program."""
