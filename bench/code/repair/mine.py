"""Mine: files of a git history that did not compile until a later commit, and what the tools make of them.

Nothing is downloaded: the history must be a clone on this machine. What mended a file in truth often changed more than the
fault, so besides "as they mended it" it counts what compiles with no undefined name that the mended file has not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from oracles import undefined
from peers import TOOLS, install, work
from score import shape
from source import tree

MOST_LINES = 40
"""Lines by which a broken file and the mended one may differ: beyond it is a rewrite."""
_NO_BLOB = "0" * 40


@dataclass(frozen=True, slots=True)
class Mended:
    """A file that did not compile, and the next version of it, which does."""

    path: str
    commit: str
    broken: bytes
    mended: bytes


def mended(clone: Path) -> Iterator[Mended]:
    """Yield the broken files of a history with their next versions, each broken version once."""
    seen = set()
    for commit, path, old, new in _changes(clone):
        if old not in seen:
            before, after = _blob(clone, old), _blob(clone, new)
            if tree(before) is None and tree(after) is not None and _distance(before, after) <= MOST_LINES:
                seen.add(old)
                yield Mended(path, commit, before, after)


def _changes(clone: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield commit, path and both blobs of every change of a Python file."""
    commit = ""
    for line in (
        _git(clone, "log", "--all", "--raw", "--no-abbrev", "--no-renames", "--format=%H", "--", "*.py").decode().splitlines()
    ):
        if not line.startswith(":"):
            commit = line or commit
            continue
        _modes, _mode, old, new, rest = line.split(" ", 4)
        if _NO_BLOB not in (old, new):
            yield commit, rest.partition("\t")[2], old, new


def _blob(clone: Path, name: str) -> bytes:
    return _git(clone, "cat-file", "blob", name)


def _git(clone: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(clone), "-c", "core.quotePath=false", *words], check=True, capture_output=True).stdout


def _distance(before: bytes, after: bytes) -> int:
    """Return how many lines differ."""
    matched = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()
    return sum(max(end - start, stop - begin) for what, start, end, begin, stop in matched if what != "equal")


def judge(one: Mended, after: bytes) -> str:
    """Return what became of a broken file."""
    parsed, goal = tree(after), tree(one.mended)
    if parsed is None or goal is None:
        return "left" if after == one.broken else "changed, does not compile"
    if shape(after) == shape(one.mended):
        return "as they mended it"
    return "compiles, names undefined" if undefined(parsed) - undefined(goal) else "compiles"


def main() -> int:
    """Count, for each tool, the fates of the broken files of the clones given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clones", nargs="+", type=Path, help="folders with a git history")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="only this tool; may be given again")
    asked = parser.parse_args()
    install()
    found: Sequence[Mended] = [one for clone in asked.clones for one in mended(clone)]
    print(f"{len(found)} broken files that were mended")
    for tool in asked.tool or TOOLS:
        done = work(tool, "", [(one.path, one.broken) for one in found])
        print(f"{tool}: {dict(Counter(judge(one, after) for one, after in zip(found, done.after, strict=True)))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
