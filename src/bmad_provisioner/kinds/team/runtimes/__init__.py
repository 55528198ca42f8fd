"""Runtimes: what answers for an agent, each behind the same two functions."""
