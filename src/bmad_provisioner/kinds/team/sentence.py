"""Sentence: cut a requirement into what it says, one sentence at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bmad_provisioner.kinds.team.application import Evidence
from bmad_provisioner.kinds.team.fields import slug_of

_NAMED = re.compile(
    r"^\s*[-*]?\s*(?:\[?(?:[A-Z][A-Z0-9]{1,11}-|FR|NFR|REQ|US|UC|AC|BR)\d+(?:\.\d+)*\]?[:.)]?\s+)?"
    r"(?:(?P<key>[\w.'-]{1,30}(?: [\w.'-]{1,20}){0,2}?)\s*[:=]\s+)?(?P<text>.*)$",
    re.DOTALL,
)
"""A bullet, an id (`REQ-7`) and a name of at most three words (`theme:`) before what is said."""
MOST_CHARACTERS = 600
"""What is longer says nothing plainly, and would take patterns long to read."""
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, and the name it was given (`theme: dark`, or the end of its path)."""

    path: str
    key: str
    text: str
    words: str
    """As they were written; `text` has plain apostrophes, so that patterns need to know but one."""

    @property
    def group(self) -> str:
        """The section it stands in: the first part of its path."""
        return self.path.partition(".")[0].lower()

    def proves(self, about: str) -> Evidence:
        """Return this sentence as evidence."""
        return Evidence(about, self.path, self.words)


def sentences(path: str, text: str) -> Iterator[Said]:
    """Yield each sentence of the requirement at `path`."""
    for part in _SENTENCE.split(_whole(path.rpartition(".")[2], text)):
        match = _NAMED.match(part)
        words = match["text"].strip() if match else ""
        if match and words and len(words) <= MOST_CHARACTERS:
            key = match["key"] or path.rpartition(".")[2]
            words = words.rstrip(" .;!")
            yield Said(path, key.strip().lower(), words.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"), words)


def _whole(name: str, text: str) -> str:
    """Return `text` with the words before its colon, where they were taken for its name: `a-task-has-a-status`, `open, done`."""
    words = name.split("-")
    taken = len(words) > 3 and not slug_of(text).startswith("_".join(words[:2]))
    return f"{' '.join(words)}: {text}" if taken else text
