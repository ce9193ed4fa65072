"""Host names of the tests' own, without a name server."""
