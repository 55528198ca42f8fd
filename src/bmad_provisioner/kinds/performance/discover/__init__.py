"""Discover: what a project's own files say of its workload, its limits and what watches it; nothing is run, nothing is guessed."""
