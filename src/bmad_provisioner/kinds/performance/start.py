"""Start: a slow shop to try measuring on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_WHOLE, _QUICK = "\nquick: false", "\nquick: true"


def samples(name: str, quick: bool = False) -> Mapping[str, str]:
    """Return the files of a slow service, `quick` to measure less of it; of an empty name, the names of all that ship."""
    shipped = Path(__file__).parent / "samples"
    if not name:
        return {path.name: "" for path in sorted(shipped.iterdir()) if path.is_dir()}
    home = shipped / name
    # Each bears the ending `.txt`: what measures this product itself is not to take them for its own.
    files = sorted(path for path in home.rglob("*.txt") if path.is_file())
    texts = {str(path.relative_to(home)).removesuffix(".txt"): path.read_text(encoding="utf-8") for path in files}
    return {path: text.replace(_WHOLE, _QUICK) if quick and path.endswith(".yaml") else text for path, text in texts.items()}
