"""Tests, domain by domain, under the same names as the package."""
