"""The REST API of `todo serve`, over the same service as the commands."""
