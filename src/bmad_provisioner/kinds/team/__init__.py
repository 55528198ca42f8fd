"""The kind Team: a leader and specialists, run as a graph."""
