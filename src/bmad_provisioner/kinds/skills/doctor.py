"""Doctor: what in a project will be lost or broken by BMAD's next update, and what past updates left behind.

Every rule stands for something BMAD was seen to do (docs: the compatibility contract).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Sight
from bmad_provisioner.kinds.skills.bmad import CONTEXT_FILES, LARGEST, MANIFEST, SKILL_MANIFEST, read_yaml, rows, text_at
from bmad_provisioner.kinds.skills.contract import OFFICIAL_MODULES, REMOVALS
from bmad_provisioner.kinds.skills.installation import Installation, has_toml_overrides
from bmad_provisioner.kinds.skills.legacy_config import OLD_HOME
from bmad_provisioner.kinds.skills.platforms import ALL_FOLDERS, skill_folders
from bmad_provisioner.source import DEFAULT_NAME

RULES: Mapping[str, str] = {
    "bmad-unreadable": "one of BMAD's own lists cannot be read",
    "skill-below-bmad": "a `SKILL.md` visibly below `_bmad/` is deleted by BMAD 6.3 and later",
    "agents-below-bmad": "an `agents/` folder visibly below `_bmad/` loses its files on the next update",
    "skill-in-custom": "a `SKILL.md` or `agents/` in `_bmad/custom/` makes BMAD delete all overrides and then fail",
    "unknown-module": "BMAD lists a folder as a module without a source, which an update deletes",
    "custom-module": "a module from a custom source is deleted by an update that does not name it again",
    "id-collision": "a skill of yours bears an id that BMAD overwrites or deletes",
    "bmad-prefix": "a skill of yours starts with `bmad`, which BMAD takes for its own",
    "stale-skill": "skills that an older BMAD left behind point to files that are gone",
    "stale-folder": "a folder of an older BMAD still offers its commands or skills to a tool",
    "override-unparseable": "a TOML override that does not parse stops BMAD's skills",
    "override-for-nobody": "a TOML override is named after a skill that is not installed",
    "inert-customize": "a `customize.yaml` of ours is not read by BMAD 6.3 and later",
    "cached-custom": "files in `_bmad/_config/custom/` make an update of BMAD 6.2 and earlier fail",
    "backup-left": "an update of BMAD stopped half-way and left the files it had moved aside",
    "bak-left": "BMAD replaced a file you had edited and kept yours as `.bak`",
    "v4-left": "a BMAD v4 installation stands beside the new one",
}
"""What doctor looks for: rule id -> one line."""

_COMMANDS = (".claude/commands", ".cursor/commands")
_BACKUPS = ("_bmad-custom-backup-temp", "_bmad-modified-backup-temp")
DOCTOR_FILES: tuple[str, ...] = (*CONTEXT_FILES, DEFAULT_NAME)
DOCTOR_FOLDERS: tuple[str, ...] = ("_bmad", *_BACKUPS, *ALL_FOLDERS, *_COMMANDS)
"""What has to be observed before `diagnose` can say anything."""

RENAMED: Mapping[str, str] = {
    "bmad-checkpoint-preview": "bmad-walkthrough",
    "bmad-create-architecture": "bmad-architecture",
    "bmad-create-prd": "bmad-prd",
    "bmad-create-ux-design": "bmad-ux",
    "bmad-dev-auto": "bmad-build-auto",
    "bmad-dev-story": "bmad-build",
    "bmad-document-project": "bmad-project-context",
    "bmad-domain-research": "bmad-deep-recon",
    "bmad-edit-prd": "bmad-prd",
    "bmad-market-research": "bmad-deep-recon",
    "bmad-quick-dev": "bmad-build",
    "bmad-sprint-status": "bmad-sprint-planning",
    "bmad-technical-research": "bmad-deep-recon",
    "bmad-validate-prd": "bmad-prd",
}
"""Skills that 6.11 and 6.12 renamed or merged, and what took their place (from the shims BMAD ships for them)."""

_WRAPPERS = re.compile(r"bmad-(?:analyst|architect|dev|master|pm|qa|quick-flow-solo-dev|sm|tech-writer|ux-designer)(?:\.md)?")
_WHERE = re.compile(r"\bat line (\d+)")


@dataclass(frozen=True, slots=True)
class _Case:
    """The project on the table: its paths in order, the installation, and where each module came from."""

    sight: Sight
    installation: Installation
    paths: tuple[str, ...]
    sources: Mapping[str, str]

    @property
    def strips(self) -> bool:
        """Whether this BMAD deletes skills below `_bmad/` and knows only self-contained ones: 6.3 up to 7."""
        return (6, 3) <= self.installation.release < (7, 0)

    @property
    def declared(self) -> bool:
        """Whether the project has a manifest, so that there is nothing more for `init` to do."""
        return self.sight.entry(DEFAULT_NAME) is not None

    def below(self, folder: str) -> Iterator[tuple[str, list[str]]]:
        """Yield each path below `folder`, and the parts of it after that."""
        start = folder + "/"
        return ((path, path[len(start) :].split("/")) for path in self.paths if path.startswith(start))

    def entries(self, folder: str) -> tuple[str, ...]:
        """Return the names directly in `folder`."""
        return tuple(dict.fromkeys(parts[0] for _, parts in self.below(folder)))


def diagnose(sight: Sight, installation: Installation) -> tuple[Finding, ...]:
    """Return everything that `RULES` finds in the project, the most urgent first."""
    if installation.era == "none" and not installation.faults:
        return ()
    case = _Case(sight, installation, tuple(sorted(sight.tree)), _sources(sight))
    found = (*installation.faults, *(finding for check in _CHECKS for finding in check(case)))
    order = list(Severity)
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: order.index(finding.severity)))


def _sources(sight: Sight) -> Mapping[str, str]:
    entry = sight.entry(MANIFEST)
    if entry is None or not entry.is_plain:
        return {}
    try:
        data: Any = read_yaml(sight.read(MANIFEST))
    except ValueError:
        return {}
    modules = data.get("modules") if isinstance(data, dict) else None
    known = (module for module in modules or () if isinstance(module, dict)) if isinstance(modules, list) else ()
    return {str(module.get("name")): str(module.get("source")) for module in known}


def _bare_skills(case: _Case) -> Iterator[Finding]:
    for rule, folder in _bare_places(case):
        yield _bare(case, rule, folder)


def _bare_places(case: _Case) -> list[tuple[str, str]]:
    """Return rule and folder of the skills and agents that the installer's scanner sees.

    It looks into every folder below `_bmad/` but `_config`, `render` and hidden ones, and skips sub-folders that
    start with `.` or `_`.
    """
    seen: set[tuple[str, str]] = set()
    for _, parts in case.below("_bmad") if case.installation.release < (7, 0) else ():
        module, inner = parts[0], parts[1:]
        hidden = module.startswith(".") or module in ("_config", "render") or any(part[0] in "._" for part in inner[:-1] if part)
        if not inner or hidden or (not case.strips and _is_known(case, module)):
            continue
        if inner[-1] == "SKILL.md":
            seen.add(("skill-below-bmad", "/".join(("_bmad", *parts[:-1]))))
        if "agents" in inner[:-1]:
            seen.add(("agents-below-bmad", "/".join(("_bmad", *parts[: parts.index("agents", 1) + 1]))))
    return sorted(seen)


def _bare(case: _Case, rule: str, folder: str) -> Finding:
    severity = Severity.ERROR if case.strips else Severity.WARNING
    if _in_custom(folder):
        message = "the second update from now deletes all of `_bmad/custom/`, your overrides with it, and then fails"
        return Finding(folder, "skill-in-custom", message, Severity.ERROR, hint=_mend_custom(case))
    if case.strips:
        message = "BMAD's next updates take this for a module of its own and delete it"
    else:
        message = "safe with this BMAD; deleted by the first or second update to 6.3 or later"
    return Finding(folder, rule, message, severity, hint=_way_out(case, folder))


def _in_custom(folder: str) -> bool:
    return f"{folder}/".startswith("_bmad/custom/")


def _way_out(case: _Case, folder: str) -> str:
    """Return how the skill that `folder` is, or belongs to, comes to lie where updates leave it alone."""
    homes = (folder, folder.rpartition("/")[0])
    home = next((home for home in homes if case.sight.entry(f"{home}/SKILL.md") is not None), "")
    old = folder.startswith(f"{OLD_HOME}/")
    if old and not case.declared:
        return "run `bmadp init --adopt` before you run BMAD again: it brings leaders and skills along under a manifest"
    if not home:
        return f"before you run BMAD again, move `{folder}` out of `_bmad/`, for example to `docs/`"
    name = home.rpartition("/")[2]
    made = f"; delete it instead if the manifest makes `{name}` already" if old else ""
    return f"before you run BMAD again, move `{home}` to {_beside(case, name)}, then run `bmadp apply`{made}"


def _beside(case: _Case, name: str) -> str:
    manifest = "the manifest" if case.declared else f"`{DEFAULT_NAME}` (`bmadp init` writes one)"
    return f"`./skills/{name}` beside {manifest} and declare it there under `skills:` (`- source: ./skills/{name}`)"


def _mend_custom(case: _Case) -> str:
    """Return what saves `_bmad/custom/`: the folder stays, for it holds everybody's overrides."""
    bare = [folder for _, folder in _bare_places(case) if _in_custom(folder)]
    moving = ", ".join(f"`{folder}/SKILL.md`" if folder == "_bmad/custom" else f"`{folder}`" for folder in bare)
    ignoring = has_toml_overrides(case.installation) and case.sight.entry("_bmad/custom/.gitignore") is None
    steps = (
        "restore `_bmad/custom/.gitignore` (from git, or with the one line `*.user.toml`)" if ignoring else "",
        f"take the entry `custom` and the lines below it out of `modules:` in `{MANIFEST}`" if "custom" in case.sources else "",
        f"move {moving} out of `_bmad/custom/` and nothing else, a skill to {_beside(case, '<id>')}" if bare else "",
        "take back from git what is missing there (`bmadp heal` puts back what bmadp made)" if not case.declared else "",
        "run `bmadp heal`" + (", then `bmadp apply`" if bare else "") if case.declared else "",
    )
    return f"before you run BMAD again: {'; '.join(step for step in steps if step)}"


def _is_known(case: _Case, module: str) -> bool:
    return module in OFFICIAL_MODULES or case.sources.get(module, "unknown") not in ("unknown", "None")


def _modules(case: _Case) -> Iterator[Finding]:
    for name, source in case.sources.items():
        if source == "unknown":
            message = f"BMAD took `_bmad/{name}/` for a module (`source: unknown`); its next full update deletes it"
            yield Finding(MANIFEST, "unknown-module", message, Severity.ERROR, hint=_mend_module(case, name))
        elif source == "custom":
            message = f"module `{name}` came from a custom source; an update that does not name it again deletes it silently"
            hint = "pass `--custom-source` and the module's name on every BMAD update, or bring its skills along in the manifest"
            yield Finding(MANIFEST, "custom-module", message, Severity.WARNING, hint=hint)


def _mend_module(case: _Case, name: str) -> str:
    if name == "custom":
        return _mend_custom(case)
    if f"_bmad/{name}" == OLD_HOME and not case.declared:
        return "run `bmadp init --adopt` before you run BMAD again: it brings leaders and skills along, and takes the entry out"
    moving = f"move each skill in `_bmad/{name}/` to {_beside(case, '<id>')}, and what else is yours out of it"
    return f"before you run BMAD again: {moving}; then take the entry `{name}` and the lines below it out of `modules:` in the file"


def _collisions(case: _Case) -> Iterator[Finding]:
    text = text_at(case.sight, SKILL_MANIFEST) or ""
    foreign = {row["canonicalId"]: row.get("module", "") for row in rows(text) if row.get("canonicalId")}
    foreign = {skill: module for skill, module in foreign.items() if not _is_known(case, module)}
    for folder in skill_folders(case.installation):
        for name in case.entries(folder):
            path = f"{folder}/{name}"
            if name in foreign:
                message = f"BMAD lists `{name}` as its own (module `{foreign[name]}`): its next update deletes this folder"
                hint = (
                    f"unless the manifest makes it, copy the folder to {_beside(case, name)}; see to it that nothing of it is left "
                    f"below `_bmad/` and that `{MANIFEST}` does not list `{foreign[name]}`; run BMAD once, then `bmadp apply`"
                )
                yield Finding(path, "id-collision", message, Severity.ERROR, hint=hint)
            elif name in REMOVALS and name not in case.installation.skills:
                message = f"BMAD retired `{name}` and deletes every skill of this name on update"
                yield Finding(path, "id-collision", message, Severity.ERROR, hint="rename the skill if it is yours, else delete it")


def _prefixes(case: _Case) -> Iterator[Finding]:
    for folder in skill_folders(case.installation):
        known = case.installation.skills | {*REMOVALS, "bmad"}
        odd = [name for name in case.entries(folder) if name.startswith("bmad") and name not in known]
        stale = [name for name in odd if _WRAPPERS.fullmatch(name)]
        for name in odd:
            if name not in stale:
                severity = Severity.ERROR if case.installation.release < (6, 3) else Severity.WARNING
                message = f"`{name}` is not BMAD's, yet starts with `bmad`: versions up to 6.2 delete it, later ones may"
                hint = "rename the skill so that it does not start with `bmad`"
                yield Finding(f"{folder}/{name}", "bmad-prefix", message, severity, hint=hint)
        if stale and case.strips:
            yield _stale(folder, stale)


def _stale(folder: str, names: list[str]) -> Finding:
    left = ", ".join(f"`{name}`" for name in names)
    many = (
        f"{len(names)} skills that BMAD 6.2 or earlier left point"
        if len(names) > 1
        else "a skill that BMAD 6.2 or earlier left points"
    )
    paths = " ".join(f'"{folder}/{name}"' for name in names)
    message = f"{many} to files that are gone: {left}"
    return Finding(folder, "stale-skill", message, Severity.WARNING, hint=f"in the project's folder, run `rm -r {paths}`")


def _stale_folders(case: _Case) -> Iterator[Finding]:
    if case.installation.release < (6, 1):
        return
    current = skill_folders(case.installation)
    for folder in (*ALL_FOLDERS, *_COMMANDS):
        left = [name for name in case.entries(folder) if name.lower().startswith("bmad")]
        if folder in current or not left:
            continue
        message = (
            f"{len(left)} entries of an older BMAD are still here, such as `{left[0]}`; the tool may offer them beside the new ones"
        )
        hint = f"in the project's folder, run `rm -r \"{folder}\"/bmad*`; what does not start with `bmad` is not BMAD's"
        yield Finding(folder, "stale-folder", message, Severity.WARNING, hint=hint)


def _overrides(case: _Case) -> Iterator[Finding]:
    if not has_toml_overrides(case.installation):
        return
    own = {name for folder in skill_folders(case.installation) for name in case.entries(folder)}
    for path, parts in case.below("_bmad/custom"):
        if len(parts) > 1 or not path.endswith(".toml"):
            continue
        yield from _override(case, path, parts[0].removesuffix(".toml").removesuffix(".user"), own | case.installation.skills)


def _override(case: _Case, path: str, skill: str, installed: Iterable[str]) -> Iterator[Finding]:
    fault = _toml_fault(case.sight, path)
    if fault is not None:
        place = _WHERE.search(fault)
        line = int(place[1]) if place else None
        message = f"not readable as TOML: {fault}; BMAD 6.11 and later stops at it"
        yield Finding(path, "override-unparseable", message, Severity.ERROR, line, "mend the file, or remove it")
    if skill == "config" or skill in installed:
        return
    successor = RENAMED.get(skill)
    hint = f"BMAD renamed the skill: move what you need to `_bmad/custom/{successor}.toml`" if successor else "rename or remove it"
    yield Finding(
        path, "override-for-nobody", f"no skill `{skill}` is installed, so nothing reads this", Severity.WARNING, hint=hint
    )


def _toml_fault(sight: Sight, path: str) -> str | None:
    import tomllib  # noqa: PLC0415 - only where there are overrides

    entry = sight.entry(path)
    if entry is None or not entry.is_plain:
        return "it is no plain file"
    data = sight.read(path)
    if len(data) > LARGEST:
        return "it is larger than 1 MB"
    try:
        tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        return " ".join(str(error).split())
    return None


def _customize(case: _Case) -> Iterator[Finding]:
    strips = case.installation.release >= (6, 3)
    for path, parts in case.below("_bmad/_config"):
        if parts[0] == "custom" and len(parts) > 1 and not strips:
            message = "BMAD takes this for a cached module, does not find its source, and its update fails"
            yield Finding(path, "cached-custom", message, Severity.ERROR, hint="move it out of `_bmad/_config/custom/`")
        if strips and parts[0] == "agents" and parts[-1].startswith("custom-") and parts[-1].endswith(".customize.yaml"):
            message = "this BMAD no longer reads it"
            hint = "put its memories and principles under `customizations:` in the manifest"
            hint += ", then delete it" if case.declared else "; `bmadp init --adopt` does so"
            yield Finding(path, "inert-customize", message, Severity.WARNING, hint=hint)


def _leftovers(case: _Case) -> Iterator[Finding]:
    for folder in _BACKUPS:
        count = sum(1 for _ in case.below(folder))
        if count:
            message = f"an update of BMAD stopped half-way; {count} files stand only here"
            hint = f"compare with `_bmad/`, move back what is missing, then delete `{folder}`"
            yield Finding(folder, "backup-left", message, Severity.ERROR, hint=hint)
    for path, parts in case.below("_bmad"):
        if path.endswith(".bak") and not parts[0].startswith("."):
            hint = "carry your edit over to `_bmad/custom/`, which updates keep, then delete the `.bak`"
            yield Finding(path, "bak-left", "BMAD replaced the file and kept your edited version here", Severity.INFO, hint=hint)
    if case.installation.era != "v4" and case.sight.entry(".bmad-core/install-manifest.yaml") is not None:
        hint = "remove `.bmad-core/` when nothing of yours is left in it"
        yield Finding(".bmad-core", "v4-left", "a BMAD v4 installation stands beside this one", Severity.INFO, hint=hint)


_CHECKS: tuple[Callable[[_Case], Iterator[Finding]], ...] = (
    _bare_skills,
    _modules,
    _collisions,
    _overrides,
    _leftovers,
    _customize,
    _prefixes,
    _stale_folders,
)
