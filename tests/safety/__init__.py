"""No text drives a terminal, whoever wrote it and wherever it is shown; and none is lost."""
