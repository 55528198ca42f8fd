"""Passes: the rewrites that ship, one a module."""
