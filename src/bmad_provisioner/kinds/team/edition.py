"""Edition: the version of how requirements are understood."""

EDITION = 1
"""Raise it whenever the same requirements would be understood otherwise."""
