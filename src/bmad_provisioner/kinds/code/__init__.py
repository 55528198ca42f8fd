"""Code: repair and modernise Python files, prove it, and refuse where it is not sure."""
