"""Incumbent: BMAD's own installer, killed at random calls while it updates a project that holds one user-edited file.

    python tests/crash/incumbent.py [--points 60]

Writes docs/crash-incumbent.json, which the page of the crash matrix shows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bmad_install import NEWEST, install, installer
from crash import check
from crash.preload import Fault, counted, environment, work_folder
from crash.report import INCUMBENT

EDIT = b"\nThe user wrote this line, and wants to keep it.\n"


def update(project: Path, folder: Path, fault: Fault) -> tuple[int, int, bool]:
    """Run the installer; return its exit code, its calls below the project, and whether it was killed."""
    counter, home = folder / "counter", folder / "home"
    counter.unlink(missing_ok=True)
    home.mkdir(exist_ok=True)
    base = {"HOME": str(home), "PATH": os.environ["PATH"], "CI": "1", "NO_COLOR": "1"}
    command = (*installer(NEWEST), "install", "--directory", str(project), "--yes")
    done = subprocess.run(
        command,
        env=environment(project, fault, counter, base),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    calls, met = counted(counter)
    return done.returncode, calls, met


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=60)
    points = parser.parse_args().points
    folder = work_folder()
    try:
        project = install(NEWEST, folder / "project")
        edited = next(path for path in sorted(project.glob("_bmad/**/*.md")) if path.stat().st_size > 500)
        with edited.open("ab") as file:
            file.write(EDIT)
        seed, mine = check.load(project), check.sha(edited.read_bytes())
        paths = {row[0] for row in seed if row[1] != "d"}
        code, calls, _met = update(project, folder, Fault())
        kept_whole = mine in _bytes(project)
        print(f"unharmed: exit {code}, {calls} calls, the edit {'kept' if kept_whole else 'lost'}", flush=True)
        missing = lost = worst = reruns = 0
        for number, at in enumerate(sorted(random.Random(1).sample(range(1, calls + 1), points))):
            check.lay(seed, project)
            _code, _calls, met = update(project, folder, Fault(at, "before"))
            gone = len(paths - {row[0] for row in check.load(project)})
            missing += bool(gone)
            worst = max(worst, gone)
            again, _calls, _met = update(project, folder, Fault())
            reruns += again == 0
            lost += mine not in _bytes(project)
            print(
                f"{number + 1}/{points}: call {at}, met {met}, {gone} files missing, rerun {again}, lost so far {lost}", flush=True
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = (
        f"BMAD-METHOD {NEWEST}'s own installer, updating a project with one user-edited file ({calls:,} file-changing calls), killed\n"
        f"before one of {points} calls drawn at random: **{missing} of {points}** kills leave files missing (up to {worst} of {len(paths)}); after running\n"
        f"the installer again (exit 0 in {reruns} of {points}), the user's edit is gone for good in **{lost} of {points}**. Without a kill it is "
        f"{'kept' if kept_whole else 'not kept'}."
    )
    row = {"points": points, "missing": missing, "lost": lost, "worst": worst, "files": len(paths), "calls": calls, "text": text}
    INCUMBENT.write_text(json.dumps(row, indent=1) + "\n")
    print(text)
    return 0


def _bytes(project: Path) -> set[str]:
    return {check.sha(data) for _path, kind, _bits, data in check.load(project) if kind != "d"}


if __name__ == "__main__":
    sys.exit(main())
