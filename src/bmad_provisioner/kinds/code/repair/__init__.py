"""Repair: files that do not parse, or name what is not there."""
