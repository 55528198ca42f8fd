"""Report: the counts as a page and as data."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
INCUMBENT = REPOSITORY / "docs" / "crash-incumbent.json"
TITLES = {
    "kills": "Killed",
    "errors": "Refused by the disk",
    "pairs": "Killed, and killed again in recovery",
    "saves": "Edited meanwhile",
    "power": "Power cut",
    "concurrent": "Many at once",
    "sequences": "Random lives",
    "mutants": "Is the harness awake?",
}
HEAD = """\
# Crash matrix

What `bmadp apply`, `restore`, `heal` and their recovery leave behind when they are broken. Made by
`python tests/crash/matrix.py{flag} --write-docs`, whose campaigns may be run one at a time with `--only` ({system}). Every
file-changing call below the project is counted by a preloaded library and broken in turn; a checker that shares no code with the product then looks at the disk.

Invariants: **I1** each file is wholly old or new. **I2** after recovery the tree is all old or all new. **I3** bytes we did
not write are never lost. **I4** exit 0 is durable and journalled. **I5** another exit is all old, before any recovery (or
says that the disk kept failing while it was taken back). **I6** recovery is idempotent and may itself be killed. **I7** every
change has a receipt, the chain verifies. **I8** nothing beside the project changes.

"swap" is with `renameat2(2)`, "no swap" without (NFS, FUSE, NTFS): there, a file that its user replaces by rename between our
check and our rename is lost; such saves are counted apart below and are no violation, for no call can exclude them.

A `--full` run breaks every call; a plain run breaks a fixed sample of at most 240 kills and 300 failures a row, and what its
other rows count. Here every kill point was tried (`--full --only kills`); the other rows are the sample.

**{tried:,} tried, {violations} violations.**
"""


def page(rows: dict[str, dict[str, Any]], size: str) -> str:
    """Return the page."""
    every = [row for group in rows.values() for row in group.values()]
    kernel = ".".join(platform.release().split(".")[:2])
    system = f"{platform.system()} {kernel}, Python {platform.python_version()}"
    flag = "" if size == "normal" else f" --{size}"
    parts = [
        HEAD.format(flag=flag, system=system, tried=sum(r["tried"] for r in every), violations=sum(r["violations"] for r in every))
    ]
    for name, group in rows.items():
        parts += [f"\n## {TITLES[name]}\n", "| what | tried | violations | notes |", "|---|---:|---:|---|"]
        for label, row in group.items():
            notes = ", ".join(f"{count:,} {note}" for note, count in row["notes"].items())
            parts.append(f"| {label} | {row['tried']:,} | {row['violations']} | {notes} |")
    if INCUMBENT.exists():
        parts += ["\n## The incumbent, for comparison\n", json.loads(INCUMBENT.read_text())["text"]]
    return "\n".join(parts) + "\n"


def write(rows: dict[str, dict[str, Any]], size: str) -> None:
    """Write `docs/crash-matrix.md` and `docs/crash-matrix.json`."""
    docs = REPOSITORY / "docs"
    docs.mkdir(exist_ok=True)
    (docs / "crash-matrix.md").write_text(page(rows, size))
    (docs / "crash-matrix.json").write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
