"""Ours: let our own repairer work on files in place; run by `peers.py`. It knows a package as it is without the file itself."""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import cache
from pathlib import Path

import corpus
from bmad_provisioner.kinds.code.repair.knows import Knows, facts, knows
from child import LIMIT, too_long
from package import module

from bmad_provisioner.errors import BmadpError
from bmad_provisioner.kinds.code.repair.repair import repair


@cache
def _facts(part: str, package: str) -> dict[str, dict]:
    texts = {path: data.decode("utf-8", "replace") for path, data in corpus.files(part).items() if path.split("/")[0] == package}
    return {path: facts(path, text) for path, text in texts.items()}


def _known(part: str, path: str) -> Knows:
    """Return what the rest of its package tells; nothing of a file that is in no part of the corpus."""
    if not part:
        return knows(module(path), {})
    others = {name: known for name, known in _facts(part, path.split("/", maxsplit=1)[0]).items() if name != path}
    return knows(module(path), others)


def _rewrite(part: str, path: str, file: Path) -> str:
    """Repair a file; return what went wrong."""
    data, known = file.read_bytes(), _known(part, path)
    signal.alarm(LIMIT)
    try:
        repaired = repair(data, known)
    except (BmadpError, Exception) as error:  # noqa: BLE001  # whatever it raises is a failure to be counted
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    if repaired.data != data:
        file.write_bytes(repaired.data)
    notes = [f"fix: {one}" for one in repaired.fixes] + [f"proposal: {one}" for one in repaired.proposals]
    file.with_suffix(".notes").write_text("\n".join([*notes, *(f"left: {one}" for one in repaired.left)]))
    return ""


def main() -> None:
    part, files = sys.argv[1], json.load(sys.stdin)
    signal.signal(signal.SIGALRM, too_long)
    said = [_rewrite(part, path, Path(file)) for path, file in files]
    os.write(1, json.dumps([one for one in said if one]).encode())


if __name__ == "__main__":
    main()
