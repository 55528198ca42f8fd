"""Corpus: a library of hand-written skills, all different and the same on every machine."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

RESOURCES = 3
_TEXT = (
    "agent branch build cache change check clean clear commit context contract count deploy design digest draft error event "
    "export fault field file folder format gate graph group handle hint index input journal kind label layer leader ledger limit "
    "line list lock manifest merge message model name note order output owner path phase plan policy project proof query range "
    "record release repair report restore result review risk role route rule sample scope score section session signal skill "
    "source stage state step store table target task team test token trace tree unit update user value verb version view watch"
)
_WORDS = _TEXT.split()


def names(count: int) -> list[str]:
    """Return the names of `count` skills."""
    return [f"skill-{number:04d}" for number in range(count)]


def write(library: Path, count: int) -> None:
    """Write `count` skills below `library`/skills: a SKILL.md of about 5 KB and three resources of about 4 KB each."""
    for name in names(count):
        folder = library / "skills" / name
        (folder / "references").mkdir(parents=True)
        chance = random.Random(name)
        (folder / "SKILL.md").write_text(_skill(name, chance), encoding="utf-8")
        for number in range(RESOURCES):
            (folder / "references" / f"part-{number}.md").write_text(
                _prose(f"{name} part {number}", 4_000, chance), encoding="utf-8"
            )


def change(library: Path, count: int, *, share: float = 0.01) -> list[str]:
    """Edit the SKILL.md of a share of the skills, at least one; return their names."""
    chosen = names(count)[:: max(1, round(1 / share))][: max(1, round(count * share))]
    for name in chosen:
        path = library / "skills" / name / "SKILL.md"
        path.write_text(path.read_text(encoding="utf-8") + "\nOne more line, added upstream.\n", encoding="utf-8")
    return chosen


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file below `folder`, links followed."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.is_symlink():
            found |= {f"{path.relative_to(folder).as_posix()}/{name}": digest for name, digest in contents(path.resolve()).items()}
    return found


def _skill(name: str, chance: random.Random) -> str:
    words = " ".join(chance.choices(_WORDS, k=12))
    head = f"---\nname: {name}\ndescription: Keeps {words}. Use when asked to review them.\n---\n\n"
    links = "".join(f"- [part {number}](references/part-{number}.md)\n" for number in range(RESOURCES))
    return head + _prose(name, 4_800, chance) + "\n## References\n\n" + links


def _prose(title: str, size: int, chance: random.Random) -> str:
    lines = [f"# {title}", ""]
    length = 0
    while length < size:
        line = " ".join(chance.choices(_WORDS, k=14)).capitalize() + "."
        lines += [line, ""] if chance.random() < 0.3 else [line]
        length += len(line) + 1
    return "\n".join(lines) + "\n"
