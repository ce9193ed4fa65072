"""The rules for text and the shapes of a task."""
