"""What goes wrong around the program: one table of faults, signals at every moment, crashes."""
