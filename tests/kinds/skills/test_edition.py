"""Editing what rendering depends on must change the cache keys."""

from hashlib import sha256
from pathlib import Path

import bmad_provisioner.kinds.skills.edition as module

FOLDER = Path(module.__file__).parent
SOURCES = ("domains", "fetch", "help", "naming", "render", "routing", "rules", "spelling", "words")


def edition() -> str:
    paths = [FOLDER / f"{name}.py" for name in SOURCES]
    paths += sorted(
        p for folder in ("templates", "packs") for p in (FOLDER / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts
    )
    total = sha256()
    for path in paths:
        total.update(f"{path.relative_to(FOLDER).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def test_the_edition_is_that_of_the_sources() -> None:
    assert edition() == module.EDITION, f'write EDITION = "{edition()}" in {module.__file__}'
