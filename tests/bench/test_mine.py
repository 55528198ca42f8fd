"""Broken files are found in a git history, and what tools make of them is told apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "bench" / "code" / "repair"))

from mine import judge, mended

BROKEN, MENDED = b"def f(a):\n    return a +\n", b"def f(a):\n    return a + 1\n"


def test_a_broken_version_and_the_next_are_found_unless_it_was_rewritten(tmp_path):
    history(tmp_path)

    assert [(one.path, one.broken, one.mended) for one in mended(tmp_path)] == [("one.py", BROKEN, MENDED)]


def test_a_mended_file_is_as_they_mended_it_or_compiles_or_names_what_is_not_there(tmp_path):
    history(tmp_path)
    (one,) = mended(tmp_path)

    assert judge(one, BROKEN) == "left"
    assert judge(one, BROKEN + b"\n") == "changed, does not compile"
    assert judge(one, MENDED + b"# done\n") == "as they mended it"
    assert judge(one, b"def f(a):\n    return a\n") == "compiles"
    assert judge(one, b"def f(a):\n    return a + b\n") == "compiles, names undefined"


def history(folder: Path) -> None:
    git(folder, "init", "--quiet")
    rewritten = b"".join(b"x%d = 1\n" % number for number in range(99))
    for version, other in ((BROKEN, b"def\n"), (MENDED, rewritten), (b"x = 1\n", b"y = 1\n")):
        (folder / "one.py").write_bytes(version)
        (folder / "other.py").write_bytes(other)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", "Change")


def git(folder: Path, *words: str) -> None:
    names = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
    subprocess.run(["git", *words], cwd=folder, check=True, env={**os.environ, **dict.fromkeys(names, "somebody")})
