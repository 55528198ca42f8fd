"""Run: CPU seconds to rewrite 2,676 files, by the engine, by LibCST in two ways, and what Ruff takes for its like.

Each row is a process of its own, its children counted, its start included; it works on a copy. What would take hours is
done on every `--sample`th file and multiplied by the bytes; the row says so. The five transformers are those of
`tests/kinds/code/toy_passes.py` in every row that says "five transformers".
"""

# ruff: noqa: PLC0415 - each row loads what it needs, and nothing else
from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "tests")]

from corpus import corpus  # noqa: E402 - found by the line above
from product import measured  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks-rewrite.md"
INTRODUCTION = """# Benchmark of rewriting

`.venv/bin/python bench/code/rewrite/run.py --write-docs` wrote this page: CPU seconds for the 2,676 files of Django 5.2.19,
SymPy 1.14.0 and SQLAlchemy 2.1.9, each row a process of its own with its start and its children. A row that would take hours has
every n-th file and says so. The "five transformers" are the same code in every row that names them; what Ruff does is like
what the five passes do, and not the same.

The proof (`pytest -m slow tests/kinds/code/test_rewrite_corpus.py`): of all files, the five passes make byte for byte what LibCST
makes of them as a whole with the same findings (1,928 files change); every result compiles; a second run changes none; every
module that loaded before still loads.

The second table is of `bench/code/rewrite/product.py`, run alone: repair, the five passes and the transaction, from the start
of the process to its end.

"""

Row = tuple[str, Callable[[Path], None], int]


def floor(folder: Path) -> None:
    """Read and `ast.parse` every file, the collector off: less no tool can do that looks at trees."""
    import ast
    import gc

    gc.disable()
    for file in sorted(folder.rglob("*.py")):
        ast.parse(file.read_bytes())


def shipped(folder: Path) -> None:
    from bmad_provisioner.kinds.code.load import load

    home = "bmad_provisioner.kinds.code.passes"
    names = ("unused_imports", "import_order", "modern_syntax", "annotations", "docstrings")
    _engine(folder, load(f"{home}.{name}:{name.upper()}" for name in names))


def toys(folder: Path) -> None:
    from kinds.code.toy_passes import FIVE

    _engine(folder, FIVE)


def _engine(folder: Path, passes: tuple) -> None:
    from bmad_provisioner.kinds.code.rewrite import rewrite

    for file in sorted(folder.rglob("*.py")):
        data = file.read_bytes()
        done = rewrite(data, passes, {"path": file.relative_to(folder).as_posix()})
        assert not done.failures, (file, done.failures)
        if done.data != data:
            file.write_bytes(done.data)


def merged(folder: Path) -> None:
    """One parse, one visit of the whole file for all five: the best that LibCST can do alone."""
    import gc

    import libcst

    from bmad_provisioner.kinds.code.transform import Merged
    from kinds.code.toy_passes import EmptyDict, IsNone, NoObject, NoPrint, NotIn

    gc.disable()
    for file in sorted(folder.rglob("*.py")):
        data = file.read_bytes()
        new = libcst.parse_module(data).visit(Merged([NoPrint(), IsNone(), NotIn(), EmptyDict(), NoObject()])).bytes
        if new != data:
            file.write_bytes(new)


def tool(folder: Path) -> None:
    """`libcst.tool codemod`, once for each of the five, as its users run it; one process, so that none waits for another."""
    from commands import NAMES

    found = [str(file) for file in sorted(folder.rglob("*.py"))]
    path = os.pathsep.join([str(HERE), str(ROOT / "tests"), str(ROOT / "src")])
    for name in NAMES:
        command = [sys.executable, "-m", "libcst.tool", "codemod", "-x", f"commands.{name}", "--no-format", "-j", "1", *found]
        subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, cwd=folder, check=False, capture_output=True)


def ruff(folder: Path) -> None:
    """Rules of the same kinds as the five passes, not the same edits."""
    beside = Path(sys.executable).with_name("ruff")
    rules = "F401,I,UP,ANN2,D2,D3"
    command = [
        str(beside),
        "check",
        "--isolated",
        "--no-cache",
        "--fix",
        "--unsafe-fixes",
        "--exit-zero",
        "--quiet",
        "--select",
        rules,
    ]
    subprocess.run([*command, str(folder)], check=False, capture_output=True, env={**os.environ, "RAYON_NUM_THREADS": "1"})


def rows(sample: int) -> list[Row]:
    return [
        ("floor: read and `ast.parse`", floor, 1),
        ("ours, the five passes that ship", shipped, 1),
        ("ours, five transformers", toys, 1),
        ("LibCST, five transformers in one visit, whole files", merged, sample),
        ("`libcst.tool codemod`, five transformers, five runs", tool, sample),
        ("Ruff, rules like the five passes", ruff, 1),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sample", type=int, default=44, help="every how many-th file the slow rows get (44: 61 files)")
    arguments.add_argument("--write-docs", action="store_true", help=f"write docs/{PAGE.name}")
    arguments.add_argument("--only", help="one row by the name of its function, in this process, on a folder", nargs=2)
    options = arguments.parse_args()
    if options.only:
        {function.__name__: function for _, function, _ in rows(1)}[options.only[0]](Path(options.only[1]))
        return
    lines: list[str] = []
    for line in _table(options.sample):
        print(line, flush=True)
        lines.append(line)
    if options.write_docs:
        PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _table(sample: int) -> Iterator[str]:
    total = _size(corpus())
    yield "| way | CPU s | of |\n|---|---|---|"
    for title, function, step in rows(sample):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as place:
            folder = Path(place)
            share = _copy(folder, step) / total
            seconds = _cpu([sys.executable, __file__, "--only", function.__name__, str(folder)])
        whole = "all files" if step == 1 else f"{seconds:.1f} s for {share:.1%} of the bytes, extrapolated"
        yield f"| {title} | {seconds / share:.1f} | {whole} |"
    yield "\n| `bmadp` from the command line | wall s | CPU s | peak MB | of a worker |\n|---|---|---|---|---|"
    for title, cost in measured():
        yield f"| {title} | {cost.wall:.2f} | {cost.cpu:.1f} | {cost.own:.0f} | {cost.worker:.0f} |"


def _copy(folder: Path, step: int) -> int:
    """Copy every `step`-th file; return how many bytes those are."""
    root = corpus()
    for file in sorted(root.rglob("*.py"))[::step]:
        place = folder / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return _size(folder)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.py"))


def _cpu(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
