"""Edition: the version of everything rendering depends on: code, templates and packs."""

EDITION = "881f9ce6d343"
"""Part of every cache key. A test compares it with the digest of the sources and says what to write here."""
