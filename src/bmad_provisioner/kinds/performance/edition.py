"""Edition: the version of everything that decides what is measured, found and written."""

EDITION = "650866105c08"
"""Part of every cache key. A test compares it with the digest of the sources and says what to write here."""
