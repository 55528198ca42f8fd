"""Ours: let our own repairer work on files in place; run by `peers.py`. It knows a package as it is without the file itself."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import corpus
from child import LIMIT, too_long

from bmad_provisioner.kinds.code.repair.knows import Knows, facts, knows
from bmad_provisioner.kinds.code.repair.repair import repair


@cache
def _facts(part: str, package: str) -> dict[str, Mapping[str, Any]]:
    texts = {path: _text(data) for path, data in corpus.files(part).items() if path.split("/", maxsplit=1)[0] == package}
    return {path: facts(path, text) for path, text in texts.items()}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _known(part: str, path: str, data: bytes) -> Knows:
    """Return what the rest of its package tells; nothing of a file that is in no part of the corpus."""
    own = facts(path, _text(data))
    around = _facts(part, path.split("/", maxsplit=1)[0]) if part else {}
    return knows(own["module"], [own, *(one for name, one in around.items() if name != path)])


def _rewrite(part: str, path: str, file: Path) -> str:
    """Repair a file; return what went wrong."""
    data = file.read_bytes()
    signal.alarm(LIMIT)
    try:
        repaired = repair(data, _known(part, path, data))
    except Exception as error:  # noqa: BLE001  # whatever it raises is a failure to be counted
        return f"{path}: {type(error).__name__}: {error}"
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
