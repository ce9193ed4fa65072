"""The commands, a file for each group; each is a value of its options that can
run.
"""
