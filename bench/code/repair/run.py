"""Run: let every tool repair the same damaged files, and leave alone the same healthy ones; count, keep, print."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

import corpus
import page
from cases import EACH, SEEDS, Case, draw
from peers import TOOLS, Work, install, work
from score import REPAIRED, Scored, Tally, scored, tally

HEALTHY = 500
"""Healthy files at most."""


def healthy(part: str, most: int) -> list[tuple[str, bytes]]:
    """Return healthy files of a part, drawn by its seed."""
    files = sorted(corpus.files(part).items())
    return Random(SEEDS[part]).sample(files, min(most, len(files)))


def judge(tool: str, part: str, cases: Sequence[Case], controls: Sequence[tuple[str, bytes]], keep: Path | None) -> Tally:
    """Return what a tool did to the files of a part."""
    done = work(tool, part, [(case.path, case.damaged) for case in cases])
    results = [scored(case, after) for case, after in zip(cases, done.after, strict=True)]
    if keep:
        _keep(keep / part, cases, results, done)
    left = work(tool, part, controls)
    pairs = [(before, after) for (_path, before), after in zip(controls, left.after, strict=True)]
    if keep:
        _keep_touched(keep / part / "healthy", controls, left)
    return tally(tool, results, pairs, done.seconds + left.seconds, len(done.raised) + len(left.raised))


def _keep(folder: Path, cases: Sequence[Case], results: Sequence[Scored], done: Work) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for case, one, after, notes in zip(cases, results, done.after, done.notes, strict=True):
        if one.fate != REPAIRED:
            _write(
                folder / one.fate / case.name,
                {"healthy": case.healthy, "damaged": case.damaged, "after": after},
                f"{case.path}\n{notes}\n",
            )
    _write(folder, {}, "\n".join(sorted(f"{one.name} {one.fate}" for one in results)) + "\n")
    (folder / "raised.txt").write_text("\n".join(done.raised))


def _keep_touched(folder: Path, controls: Sequence[tuple[str, bytes]], done: Work) -> None:
    for (path, before), after in zip(controls, done.after, strict=True):
        if before != after:
            _write(folder / path.replace("/", "-"), {"healthy": before, "after": after}, path + "\n")


def _write(folder: Path, files: dict[str, bytes], notes: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.py").write_bytes(data)
    (folder / "notes.txt").write_text(notes)


def stored(part: str) -> dict[str, Tally]:
    """Return what earlier runs on a part found, by tool."""
    file = corpus.STORE / f"repair-{part}.json"
    return {name: Tally(**one) for name, one in json.loads(file.read_text()).items()} if file.exists() else {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cases of a kind and 60 healthy files; nothing is kept")
    parser.add_argument("--part", choices=sorted(SEEDS), default="dev", help="whose files (default: dev)")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="only this tool; may be given again")
    parser.add_argument("--kind", default="", help="only kinds of damage with this in their name; nothing is kept")
    parser.add_argument("--keep", type=Path, help="a folder for all that one tool did not repair, or wrongly")
    parser.add_argument("--write-docs", action="store_true", help="write the page from the last runs on both parts")
    return parser.parse_args()


def main() -> int:
    """Compare the tools on one part."""
    asked = _arguments()
    install()
    cases = [case for case in draw(asked.part, 2 if asked.quick else EACH) if asked.kind in case.kind]
    controls = healthy(asked.part, 60 if asked.quick or asked.kind else HEALTHY)
    found = {} if asked.quick or asked.kind else stored(asked.part)
    for tool in asked.tool or TOOLS:
        print(f"{tool} ...", file=sys.stderr, flush=True)
        found[tool] = judge(tool, asked.part, cases, controls, asked.keep)
        if not (asked.quick or asked.kind):
            found = stored(asked.part) | {tool: found[tool]}  # another run may have stored others meanwhile
            kept = json.dumps({name: asdict(one) for name, one in found.items()}, indent=1)
            (corpus.STORE / f"repair-{asked.part}.json").write_text(kept)
    print(page.tables(found))
    if asked.write_docs:
        text = page.page({part: stored(part) for part in SEEDS})
        (corpus.ROOT / "docs" / "benchmarks-repair.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
