"""Corpus: three large packages as their wheels hold them, fetched once into `.cache/bench-code`."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

CACHE = Path(__file__).parents[3] / ".cache" / "bench-code"
NEEDS = ("mpmath", "asgiref", "sqlparse", "typing_extensions")
"""What the packages import, for the test that imports them."""
WHEELS = ("django==5.2.19", "sympy==1.14.0", "sqlalchemy==2.1.9")


def corpus() -> Path:
    """Return the folder with the packages; the first call needs the package index."""
    folder, wheels = CACHE / "corpus", CACHE / "wheels"
    if not folder.is_dir():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), *WHEELS], check=True)
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        needs = ["--target", str(CACHE / "needs"), *NEEDS]
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *needs], check=True)
    return folder


def files() -> list[Path]:
    """Return its Python files in order."""
    return sorted(corpus().rglob("*.py"))


if __name__ == "__main__":
    found = files()
    print(f"{len(found)} files, {sum(file.stat().st_size for file in found) / 1e6:.1f} MB in {corpus()}")
