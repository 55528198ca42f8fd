"""Legacy: a manifest from what a project already holds, and the way there that loses nothing.

Understands the first public prototype's `_bmad/custom-skills/` and skills written by hand in the tools' folders. Every
old file of the prototype is kept under `adopted/`; skills written by hand are copied to `skills/` beside the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Sight
from bmad_provisioner.kinds.skills.bmad import CONTEXT_FILES, text_at
from bmad_provisioner.kinds.skills.contract import reserved_reason
from bmad_provisioner.kinds.skills.installation import Installation
from bmad_provisioner.kinds.skills.legacy_config import KEPT, OLD_HOME, adopt_customizations, without_old_module
from bmad_provisioner.kinds.skills.naming import specialist_skill
from bmad_provisioner.kinds.skills.platforms import ALL_FOLDERS, skill_folders
from bmad_provisioner.kinds.skills.prototype import LeaderFolder, chains, is_leader, leader_data, slug
from bmad_provisioner.kinds.skills.versions import rank

RULES: Mapping[str, str] = {
    "adopt-unclear": "`bmadp init --adopt` found what the manifest cannot hold, or not under its name; nothing is lost",
}
"""What an adoption may have to say: rule id -> one line."""

ADOPT_FILES: tuple[str, ...] = (*CONTEXT_FILES, "_bmad/bmm/config.yaml")
ADOPT_FOLDERS: tuple[str, ...] = ("_bmad", *ALL_FOLDERS, "skills", KEPT)
"""What has to be observed before `adopt` can say anything."""

_PROJECT_NAME = re.compile(r"^project_name\s*[:=]\s*[\"']?([^\"'\n]{1,80}?)[\"']?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Adopted:
    """A manifest as plain data, and what has to happen for it to be the whole truth.

    `copies` are pairs of project paths, from and to; `removals` are paths whose bytes stand under `adopted/` or in the
    manifest; `rewrites` holds the new bytes of BMAD's manifest where it lists the prototype's folder as a module, which
    is why BMAD would delete it. Copy first, then remove.
    """

    manifest: Mapping[str, Plain]
    copies: tuple[tuple[str, str], ...] = ()
    removals: tuple[str, ...] = ()
    rewrites: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def adopt(sight: Sight, installation: Installation, *, name: str = "", managed: frozenset[str] = frozenset()) -> Adopted:
    """Return the manifest that declares what the project holds; `managed` are paths that are already ours."""
    folders = _folders(sight, installation, managed)
    leaders = _leaders(sight, folders)
    stems = {key: leader.name for leader in leaders.values() for key in (leader.name, leader.stem)}
    told = [leader_data(leader) for leader in leaders.values()]
    linked = [chains(leader, stems) for leader in leaders.values()]
    chained = {f"{folder}/{path}": flow for folder, (found, _) in zip(leaders, linked, strict=True) for path, flow in found.items()}
    workflows = list({str(flow["name"]): flow for flow in reversed(chained.values())}.values())[::-1]
    made = _made([leader for leader, _ in told], workflows)
    custom = adopt_customizations(sight, installation, leaders, {path: str(flow["name"]) for path, flow in chained.items()})
    skills = _skills(sight, installation, folders, leaders, made)
    moves = _moves(sight, folders, leaders)
    rewrites, faults = without_old_module(sight)
    project: dict[str, Plain] = {
        "name": name or _project_name(sight),
        "bmad_version": _version(installation),
        "leaders": [leader for leader, _ in told],
        "skills": list(skills.sources),
        "customizations": custom.data,
        "integration": {"workflows": workflows} if workflows else {},
    }
    said = (
        *(found for _, found in told),
        *(found for _, found in linked),
        custom.findings,
        skills.findings,
        faults,
        _odd(leaders, chained),
    )
    removals = (*moves.removals, *custom.used, *skills.removals)
    return Adopted(
        manifest={"kind": "Skills", "project": {key: value for key, value in project.items() if value}},
        copies=(
            *moves.copies,
            *((path, _free(sight, path, f"{KEPT}/{path.removeprefix('_bmad/')}")) for path in custom.used),
            *skills.copies,
        ),
        removals=(*removals, *_strays(sight, removals)),
        rewrites=rewrites,
        findings=tuple(dict.fromkeys(finding for group in said for finding in group)),
    )


@dataclass(frozen=True, slots=True)
class _Moves:
    """What happens to the files of some folders, and the hand-written skills among them."""

    copies: tuple[tuple[str, str], ...] = ()
    removals: tuple[str, ...] = ()
    sources: tuple[dict[str, Plain], ...] = ()
    findings: tuple[Finding, ...] = ()


def _plain(sight: Sight, path: str) -> bool:
    entry = sight.entry(path)
    return entry is not None and entry.is_plain


def _folders(sight: Sight, installation: Installation, managed: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the files of each folder that may be a skill: the prototype's first, then the tools' in their order."""
    homes = tuple(dict.fromkeys((OLD_HOME, *skill_folders(installation), *ALL_FOLDERS)))
    found: dict[str, list[str]] = {}
    for path in sorted(sight.tree):
        home = next((home for home in homes if path.startswith(home + "/")), None)
        if home is None:
            continue
        name, slash, _ = path[len(home) + 1 :].partition("/")
        bmads = home != OLD_HOME and (name.startswith("bmad") or name in installation.skills)
        if slash and name[0] not in "._" and not bmads:
            found.setdefault(f"{home}/{name}", []).append(path)
    order = sorted(found, key=lambda folder: (homes.index(folder.rpartition("/")[0]), folder))
    return {folder: tuple(found[folder]) for folder in order if not managed.intersection(found[folder])}


def _leaders(sight: Sight, folders: Mapping[str, Sequence[str]]) -> dict[str, LeaderFolder]:
    """Return each leader by the name of its folder; copies in the tools' folders fill in what BMAD took away."""
    leaders: dict[str, LeaderFolder] = {}
    for folder, paths in folders.items():
        inner = {path[len(folder) + 1 :]: path for path in paths}
        name = folder.rpartition("/")[2]
        known = leaders.get(name)
        if known is None and not is_leader(tuple(inner)):
            continue
        files = {short: sight.read(path) for short, path in inner.items() if _plain(sight, path)}
        leaders[name] = LeaderFolder(_fit(name), known.place if known else folder, {**files, **(known.files if known else {})})
    return leaders


def _free(sight: Sight, path: str, target: str) -> str:
    """Return `target`, or beside it a name of its own where an earlier adoption left something else."""
    entry, there = sight.entry(path), sight.entry(target)
    return target if there is None or entry is None or there == entry else f"{target}.{entry.digest[:8]}"


def _fit(name: str) -> str:
    """Return a leader's name as a skill may be called."""
    return slug(name).removeprefix("bmad").strip("-") or "leader"


def _odd(leaders: Mapping[str, LeaderFolder], chained: Mapping[str, Mapping[str, Plain]]) -> tuple[Finding, ...]:
    """Return what had to be called otherwise, and which of several workflows of one name was left out."""
    first: dict[str, Mapping[str, Plain]] = {}
    for flow in chained.values():
        first.setdefault(str(flow["name"]), flow)
    same = [(path, str(flow["name"])) for path, flow in chained.items() if flow != first[str(flow["name"])]]
    twice = [
        _fault(f"{OLD_HOME}/{path}", f"another workflow is called `{name}` too", "add it under its own name") for path, name in same
    ]
    changed = ((leader, name) for name, leader in leaders.items() if leader.name != name)
    message = "the leader is called `{}` from now on; its old name is no id for a skill of yours"
    renamed = [_fault(leader.place, message.format(leader.name), "choose another name in the manifest") for leader, _ in changed]
    return (*renamed, *twice)


def _moves(sight: Sight, folders: Mapping[str, Sequence[str]], leaders: Mapping[str, LeaderFolder]) -> _Moves:
    """Return how the leaders' old files leave: each different content once to `adopted/`, then away."""
    copies: list[tuple[str, str]] = []
    removals: list[str] = []
    kept: set[tuple[str, str, str]] = set()
    for folder, paths in folders.items():
        home, _, name = folder.rpartition("/")
        for path in paths if name in leaders else ():
            entry = sight.entry(path)
            if entry is None or not entry.is_plain:
                continue
            content = (name, path[len(folder) :], entry.digest)
            if content not in kept:
                place = home.removeprefix("_bmad/").lstrip(".").replace("/", "-")
                copies.append((path, _free(sight, path, f"{KEPT}/{place}/{name}{path[len(folder) :]}")))
            kept.add(content)
            removals.append(path)
    return _Moves(tuple(copies), tuple(removals))


def _made(leaders: Iterable[Mapping[str, Plain]], workflows: Iterable[Mapping[str, Plain]]) -> frozenset[str]:
    """Return the ids of the skills that the leaders and workflows of the manifest will make."""
    names = {str(workflow["name"]) for workflow in workflows}
    for leader in leaders:
        specialists = leader["specialists"]
        assert isinstance(specialists, list)
        names |= {str(leader["name"]), *(specialist_skill(str(leader["name"]), str(each["id"])) for each in specialists)}
    return frozenset(names)


def _skills(
    sight: Sight,
    installation: Installation,
    folders: Mapping[str, Sequence[str]],
    leaders: Mapping[str, LeaderFolder],
    made: frozenset[str],
) -> _Moves:
    """Return the hand-written skills: each taken from the first folder that has it."""
    found: dict[str, _Moves] = {}
    findings: list[Finding] = []
    for folder, paths in folders.items():
        home, _, name = folder.rpartition("/")
        if name in leaders:
            continue
        fault = _unfit(sight, installation, folder, paths, made)
        if fault is None and name in found:
            fault = _differs(sight, folder, paths, found[name])
        elif fault is None:
            found[name] = _skill(folder, paths)
        if fault is not None and (home == OLD_HOME or f"{folder}/SKILL.md" in paths):
            findings.append(fault)
    moves = found.values()
    return _Moves(
        tuple(copy for move in moves for copy in move.copies if sight.entry(copy[1]) != sight.entry(copy[0])),
        tuple(path for move in moves for path in move.removals),
        tuple(source for move in moves for source in move.sources),
        tuple(findings),
    )


def _unfit(sight: Sight, installation: Installation, folder: str, paths: Sequence[str], made: frozenset[str]) -> Finding | None:
    """Return why the folder cannot come along as a skill, or `None`."""
    name = folder.rpartition("/")[2]
    odd = next((path for path in paths if not _plain(sight, path)), None)
    beside = next((path for path in paths if _blocked(sight, path, folder)), None)
    reason = reserved_reason(name, installation)
    reasons = (
        (f"{folder}/SKILL.md" not in paths, "it is no leader and has no `SKILL.md`", "it is left where it is"),
        (odd is not None, f"`{odd}` is no plain file", "replace the link by what it points to, and adopt again"),
        (
            reason is not None,
            f"`{name}` cannot be a skill's name: {reason}",
            "rename its folder and the `name:` in it, and adopt again",
        ),
        (name in made, f"a leader, specialist or workflow of the manifest makes a skill `{name}`", "rename one of them"),
        (beside is not None, f"`skills/{name}/` beside the manifest holds something else", "compare the two and keep one"),
    )
    return next((_fault(folder, message, hint) for holds, message, hint in reasons if holds), None)


def _blocked(sight: Sight, path: str, folder: str) -> bool:
    there = sight.entry(_beside(path, folder))
    return there is not None and there != sight.entry(path)


def _differs(sight: Sight, folder: str, paths: Sequence[str], first: _Moves) -> Finding | None:
    """Return a finding when a second copy of a skill is not the same as the one that was taken."""
    there = {_beside(path, folder): sight.entry(path) for path in paths}
    if there == {target: sight.entry(path) for path, target in first.copies}:
        return None
    taken = next(path for path, target in first.copies if target.count("/") == 2).rpartition("/")[0]
    return _fault(folder, f"this copy differs from `{taken}`, which is the one adopted", "carry over what you need")


def _skill(folder: str, paths: Sequence[str]) -> _Moves:
    name = folder.rpartition("/")[2]
    copies = tuple((path, _beside(path, folder)) for path in paths)
    removals = tuple(paths) if folder.startswith(OLD_HOME) else ()
    return _Moves(copies, removals, ({"source": f"./skills/{name}"},))


def _beside(path: str, folder: str) -> str:
    """Return where a skill's file goes: its folder's place beside the manifest."""
    return f"skills/{folder.rpartition('/')[2]}{path[len(folder) :]}"


def _fault(path: str, message: str, hint: str) -> Finding:
    return Finding(path, "adopt-unclear", message, Severity.WARNING, hint=hint)


def _strays(sight: Sight, removals: Iterable[str]) -> tuple[str, ...]:
    """Return the `config.yaml` that BMAD drops into the prototype's folder, when nothing else stays there."""
    stray = f"{OLD_HOME}/config.yaml"
    gone = {*removals, stray}
    left = [path for path in sight.tree if path.startswith(OLD_HOME + "/") and path not in gone]
    return (stray,) if _plain(sight, stray) and not left else ()


def _version(installation: Installation) -> str:
    """Return what the manifest asks of BMAD: what is here, up to the next major; empty where there is no BMAD 6 or later."""
    major, minor = installation.release
    if major < 6:
        return ""
    order = rank(installation.version or "")
    early = order is not None and bool(order[2])
    return f">={installation.version if early else f'{major}.{minor}'},<{major + 1}"


def _project_name(sight: Sight) -> str:
    for path in ("_bmad/config.toml", "_bmad/bmm/config.yaml"):
        match = _PROJECT_NAME.search(text_at(sight, path) or "")
        if match:
            return match[1].strip()
    return "project"
