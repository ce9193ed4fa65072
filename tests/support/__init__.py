"""Real parts for the tests: servers, proxies, certificates and ways to run the program."""
