"""Start: a Code document that fits a project, and a small broken package to try it on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bmad_provisioner.digest import Plain
from bmad_provisioner.kind import Adoption, Sight
from bmad_provisioner.kinds.code.affected import is_test

PASSES = ("modern-syntax", "unused-imports", "import-order")
"""Those that only rewrite what stands there; `annotations` and `docstrings` add something."""
_FOREIGN = frozenset(("vendor", "_vendor", "vendored", "third_party", "site-packages"))
_MADE = frozenset(("build", "dist"))
"""Folders at the top that hold what a project makes of its files."""
_OLDEST = re.compile(r">=\s*3\.(\d+)")
_KNOWN = range(8, 20)


def samples(name: str) -> Mapping[str, str]:
    """Return the files of a broken package; of an empty name, the names of all that ship."""
    shipped = Path(__file__).parent / "samples"
    if not name:
        return {path.name: "" for path in sorted(shipped.iterdir())}
    home = shipped / name
    # Each bears the ending `.txt`: an installer compiles every `.py`, and these are broken.
    files = sorted(path for path in home.rglob("*.txt") if path.is_file())
    return {str(path.relative_to(home)).removesuffix(".txt"): path.read_text(encoding="utf-8") for path in files}


def adopt(sight: Sight, name: str, _managed: frozenset[str]) -> Adoption:
    """Return the document that cares for the Python files of a project; it moves nothing."""
    paths = sorted(path for path in sight.tree if path.endswith(".py") and path.partition("/")[0] not in _MADE)
    data: dict[str, Plain] = {"kind": "Code", "name": name, "paths": [*_patterns(paths)]}
    oldest = _oldest(sight)
    if oldest:
        data["python"] = oldest
    data["passes"] = list(PASSES)
    if any(is_test(path) for path in paths):
        data["verify"] = {"command": ["python3", "-m", "pytest", "-q"]}
    return Adoption(data)


def _patterns(paths: Sequence[str]) -> Iterator[str]:
    """Yield patterns for the folders that hold Python files, and for those that hold a stranger's."""
    own = [path for path in paths if not any(part in _FOREIGN for part in path.split("/")[:-1])]
    if any("/" not in path for path in own):
        yield "*.py"
    yield from (f"{folder}/**/*.py" for folder in sorted({path.partition("/")[0] for path in own if "/" in path}))
    foreign = {_home(path) for path in paths if path not in own}
    yield from (f"!{folder}/**" for folder in sorted(foreign) if not _is_outside(folder, own))


def _home(path: str) -> str:
    """Return the highest folder above a stranger's file that says so by its name."""
    parts = path.split("/")[:-1]
    first = next(place for place, part in enumerate(parts) if part in _FOREIGN)
    return "/".join(parts[: first + 1])


def _is_outside(folder: str, own: Sequence[str]) -> bool:
    return not any(path.startswith(f"{folder.partition('/')[0]}/") for path in own)


def _oldest(sight: Sight) -> str:
    """Return the oldest Python that a project says it runs on, where it says so."""
    said = ""
    if "pyproject.toml" in sight.tree:
        with suppress(tomllib.TOMLDecodeError, UnicodeDecodeError):
            project = tomllib.loads(sight.read("pyproject.toml").decode()).get("project")
            said = str(project.get("requires-python", "")) if isinstance(project, dict) else ""
    for path in ("setup.cfg", "setup.py"):
        if not said and path in sight.tree:
            line = re.search(r"python_requires\s*=\s*([^\n]+)", sight.read(path).decode("utf-8", "replace"))
            said = line[1] if line else ""
    found = _OLDEST.search(said)
    return f"3.{found[1]}" if found and int(found[1]) in _KNOWN else ""
