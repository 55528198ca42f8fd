"""Edition: the version of everything that decides what is surveyed, repaired and rewritten: code and counts."""

EDITION = "a7224ea1e7f4"
"""Part of every cache key. A test compares it with the digest of the sources and says what to write here."""
