"""Rules: what a Code document must be, and what is told of the files that it cares for."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "code-form": "the document has a known form: no unknown or missing keys, each value of its type",
    "code-paths": "a path is a pattern inside the project, and takes in a Python file (one that takes in none: a warning)",
    "code-pass": "a pass is installed, or loads from where its name says",
    "code-repair": "what was broken in a file and is repaired (an info), or could be, and was not certain enough (a warning)",
    "code-broken": "a file that does not compile, and is left as it is (a warning)",
    "code-fault": "what is still wrong with a file that compiles, such as a name that nothing binds (a warning)",
    "code-rewritten": "what a pass rewrote in a file (an info)",
    "code-left-out": "a pass that failed on a file and was left out of it (a warning)",
    "code-quarantined": "a pass that kept failing is left out of all files (a warning)",
    "code-taken-back": "a change that turned a test red is taken back (a warning)",
    "code-verified": "what the verification said before and after (an info)",
}
"""Every rule by its id, with what it asks for or tells."""
