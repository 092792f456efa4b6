"""Honest stand-ins for ports, shared by the suites."""
