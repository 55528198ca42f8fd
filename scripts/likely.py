"""Likely: count how the standard library of this Python is written, for the repair of what does not parse.

`python scripts/likely.py` writes `kinds/code/repair/likely.json`; run it with CPython 3.11, on which the judgement was tuned.
Left out are tests, tables and demonstrations: the library as people read it is what damaged code is held against.
"""

from __future__ import annotations

import ast
import json
import sysconfig
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from bmad_provisioner.kinds.code.repair.likely import Counts, counts

LEFT_OUT = frozenset({"encodings", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo"})
RARELY = 60
"""Of calls only names that occur so often are kept: of the others the library says too little."""
ONCE = 2
"""Of what is handed to a call, what was seen fewer times is chance."""


def trees(root: Path) -> Iterator[ast.AST]:
    """Yield the trees of a library."""
    for file in sorted(root.rglob("*.py")):
        if LEFT_OUT.isdisjoint(file.relative_to(root).parts):
            yield ast.parse(file.read_bytes())


def kept(found: Counts) -> Counts:
    """Return the counts without what was seen by chance."""
    least = {key: ONCE if key.startswith("(") else 1 for key in found}
    return {key: {one: n for one, n in sorted(seen.items()) if n >= least[key]} for key, seen in sorted(found.items())}


def main() -> None:
    """Write the counts, one circumstance a line."""
    found = kept(counts(trees(Path(sysconfig.get_path("stdlib"))), RARELY))
    lines = ",\n".join(f"{json.dumps(key)}:{json.dumps(seen, separators=(',', ':'))}" for key, seen in found.items())
    package = resources.files("bmad_provisioner.kinds.code.repair")
    Path(str(package.joinpath("likely.json"))).write_text("{" + lines + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
