"""Edition: the version of everything rendering depends on: code, templates and packs."""

EDITION = "992da5a8a40e"
"""Part of every cache key. A test compares it with the digest of the sources and says what to write here."""
