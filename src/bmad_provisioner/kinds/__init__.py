"""Kinds: one folder a capability, each a plugin that ships with us."""
