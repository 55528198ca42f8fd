"""Edition: whoever changes how something is measured or concluded is told to say so, so that no old result stands for a new one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from bmad_provisioner.kinds.performance import edition as module

FOLDER = Path(module.__file__).parent


def edition() -> str:
    total = sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in (".py", ".js", ".j2") and path.name != "edition.py" and "samples" not in path.parts:
            total.update(f"{path.relative_to(FOLDER).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def test_the_edition_is_that_of_the_sources() -> None:
    assert edition() == module.EDITION, f'write EDITION = "{edition()}" in {module.__file__}'
