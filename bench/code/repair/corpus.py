"""Corpus: the public packages whose files are damaged, pinned, and never executed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from package import Package
from source import Source, tree

ROOT = Path(__file__).resolve().parents[3]
STORE = ROOT / ".cache" / "bench-code"
LARGEST, SMALLEST = 40_000, 400
"""Bytes of a file that is damaged; healthy files may have any size."""

PINS = {
    "dev": {"aiohttp": "3.14.5", "click": "8.5.1", "docutils": "0.23", "rich": "15.0.0"},
    "test": {
        "httpx": "0.28.1",
        "networkx": "3.6.1",
        "setuptools": "84.2.1",
        "sqlparse": "0.6.1",
        "tornado": "6.6.1",
        "websockets": "17.4",
    },
}
"""Part of the benchmark: package, version. All are under the MIT, BSD or Apache licence or in the public domain."""


def install(part: str) -> Path:
    """Return the folder that holds the packages of a part; what is not there yet is installed without what it needs."""
    folder = STORE / "packages" / part
    if not (folder / ".done").exists():
        pins = [f"{name}=={version}" for name, version in PINS[part].items()]
        flags = ["--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:", "--target", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "install", *flags, *pins], check=True)
        (folder / ".done").touch()
    return folder


@cache
def files(part: str) -> dict[str, bytes]:
    """Return every Python file of a part that compiles: its path, starting with its package, and its bytes."""
    folder = install(part)
    found = {}
    for package in PINS[part]:
        for path in sorted((folder / package).rglob("*.py")):
            data = path.read_bytes()
            if tree(data) is not None:
                found[path.relative_to(folder).as_posix()] = data
    return found


@cache
def to_damage(part: str) -> dict[str, list[str]]:
    """Return the paths that may be damaged, by package: neither tiny nor huge, in UTF-8, with plain line ends."""
    chosen: dict[str, list[str]] = {}
    for path, data in files(part).items():
        if SMALLEST <= len(data) <= LARGEST and Source.of(path, data) is not None:
            chosen.setdefault(path.split("/")[0], []).append(path)
    return chosen


@cache
def package(part: str, name: str) -> Package:
    """Return what the modules of a package define."""
    return Package.of({path: data for path, data in files(part).items() if path.startswith(f"{name}/")})
