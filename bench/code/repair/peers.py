"""Peers: the tools that are compared, installed apart, and how files are handed to them: in batches, each a process."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import child
from corpus import ROOT, STORE

OURS = "bmadp"
TOOLS = ("nothing", OURS, *(name for name in child.TOOLS if name != "nothing"), *child.COMMANDS)
BATCH = 100
"""Files that a process gets."""
_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE.parent / "requirements.txt"
_PYTHON = STORE / "peers" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Work:
    """What a tool made of files, in their order; the CPU seconds it took; and what it raised."""

    after: Sequence[bytes]
    seconds: float
    raised: Sequence[str]
    notes: Sequence[str]


def install() -> None:
    """Put the tools into an environment of their own, if they are not there yet."""
    if not (STORE / "peers" / "bin" / "ruff").exists():
        subprocess.run([sys.executable, "-m", "venv", str(STORE / "peers")], check=True)
        subprocess.run([str(_PYTHON), "-m", "pip", "install", "--quiet", "--requirement", str(_REQUIREMENTS)], check=True)


def versions() -> list[str]:
    """Return what is compared with, each with its version."""
    lines = _REQUIREMENTS.read_text().splitlines()
    return [line.replace("==", " ") for line in lines if line and not line.startswith("#")]


def work(tool: str, part: str, files: Sequence[tuple[str, bytes]]) -> Work:
    """Let a tool work on files, each given by its path in the corpus and its bytes, and each in a folder of its own."""
    folder = STORE / "work" / (part or "mined") / tool.replace(", ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    placed = []
    for number, (path, data) in enumerate(files):
        file = folder / f"{number:04d}" / Path(path).name
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        placed.append((path, str(file)))
    before = _seconds()
    raised = [one for start in range(0, len(placed), BATCH) for one in _batch(tool, part, placed[start : start + BATCH])]
    seconds = _seconds() - before
    notes = [_text(Path(file).with_suffix(".notes")) for _path, file in placed]
    return Work([Path(file).read_bytes() for _path, file in placed], seconds, raised, notes)


def _batch(tool: str, part: str, placed: Sequence[tuple[str, str]]) -> list[str]:
    """Run one process; files of a batch that hangs or dies stay as they are by then."""
    if tool == OURS:
        command, given = [sys.executable, str(_HERE / "ours.py"), part], json.dumps(placed)
    else:
        command, given = [str(_PYTHON), str(_HERE / "child.py"), tool], json.dumps([file for _path, file in placed])
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(STORE), "PYTHONPATH": str(ROOT / "src")}
    try:
        ran = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=BATCH * child.LIMIT,
            cwd=STORE,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ["TimeoutExpired"]
    return json.loads(ran.stdout) if ran.returncode == 0 else [f"exit {ran.returncode}: {ran.stderr.strip()[-300:]}"]


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
