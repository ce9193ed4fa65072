"""Both stores side by side, call by call, against a model of a few lines."""
