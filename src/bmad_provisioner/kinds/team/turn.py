"""Turn: one agent's turn. Its runtime works in a scratch folder; what it left there is looked at before it counts."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias, cast

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.digest import Entry, Plain
from bmad_provisioner.engine.child import Ending, environment, run_child
from bmad_provisioner.engine.task import Action, Inputs, Lane, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.team.runtime import Answer, Ask, Runtime
from bmad_provisioner.kinds.team.runtimes.answers import conflict
from bmad_provisioner.patterns import meet
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.tree.model import BESIDE
from bmad_provisioner.tree.paths import collisions, refusal
from bmad_provisioner.usage import Usage

RUNTIMES = "bmad_provisioner.runtimes"
REQUIREMENT = "requirement "
"""How the arguments begin that hold what is asked of the team: one each, so that `why` can name it."""
ORDER = "the order of what is asked"
"""The argument that holds the paths of what is asked in their order, where they are not sorted."""
NO_CHANGE = "NO_CHANGE"
"""What an agent answers that found nothing to do about what it made before."""
HANDED_ON = "handed on"
"""The argument that holds what others amend after an agent: what it did to that is handed on, and not yet a file of the result."""
BEFORE = ".bmadp-before"
"""The folder in which files lie as they were before others amended them, or the agent itself in its last draft."""
_LARGEST = 256 * 1024 * 1024
"""Bytes of one artefact."""
_OURS = (".git", ".bmad-provisioner", BEFORE, "__pycache__", ".DS_Store")


Marks: TypeAlias = Mapping[str, tuple[int, ...]]
"""How to tell the files that were laid into a folder from what a turn did to them."""


@dataclass(frozen=True, slots=True)
class Left:
    """A file that a turn left in its scratch folder, and whether the turn wrote it."""

    path: str
    place: Path
    executable: bool
    written: bool


def take(inputs: Inputs) -> Output:
    """Have an agent do its work; raises TaskError unless everything it has to make is there and stands its check."""
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        folder = Path(scratch).resolve()
        laid = lay(folder, inputs)
        answer = asked(inputs, folder)
        try:
            return _taken(folder, laid, inputs, answer)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TaskError(f"what it left cannot be taken: {reason}", usage=answer.usage) from error


def _taken(folder: Path, laid: Marks, inputs: Inputs, answer: Answer) -> Output:
    _meet_schema(inputs, answer)
    for path, data in answer.files.items():
        _write(folder, path, data, answer.usage)
    left = _left(folder, laid, answer.usage)
    made = _made(left, inputs, answer)
    _check(folder, inputs, answer.usage)
    kept = {one.path: inputs.keep(one.place, one.executable) for one in made}
    files, hands = handed_on(kept, texts(inputs.args.get(HANDED_ON)), texts(inputs.args.get("makes")))
    return Output(files, tuple(_undeclared(left, made, inputs)), _facts(inputs, answer), hands, usage=answer.usage)


def handed_on(kept: Mapping[str, Entry], amended: Sequence[str], made: Sequence[str]) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Return what of an agent's work is a file of the result, and what it only hands on: others amend it after it."""
    on = {path for path in kept if _fits(path, amended) and not _fits(path, made)}
    return {path: kept[path] for path in kept if path not in on}, {path: kept[path] for path in kept if path in on}


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(meet(path, pattern) for pattern in patterns)


MAKE = Action("make", "1", take)
ASK = Action("ask", "1", take, lane=Lane.IO, external=True)


def lay(folder: Path, inputs: Inputs) -> Marks:
    """Put what the agent reads into its folder, dated 1970, and return how to tell whatever it touches.

    What is newer comes later: what it made the last time, the file as it stands now, the draft of this run.
    """
    for path, entry in _made_before(inputs).items():
        _place(folder, path, partial(inputs.lay, entry), entry.executable)
    for path, entry in _standing(inputs).items():
        _place(folder, path, partial(_write_read, inputs, path), entry.executable)
    for path, entry in _handed(inputs).items():
        _place(folder, path, partial(inputs.lay, entry), entry.executable)
    _lay_before(folder, inputs)
    return {place.relative_to(folder).as_posix(): _mark(place.lstat()) for place in _walk(folder)}


def _lay_before(folder: Path, inputs: Inputs) -> None:
    """Lay down what the agent's own draft, or else what others handed on, stands in the place of."""
    standing, handed = _standing(inputs), _handed(inputs)
    drafted = _drafted(inputs) if "round" in inputs.args else {}
    below = _handed(inputs, besides=str(inputs.args.get("draft"))) if drafted else {}
    for path in drafted or handed:
        if path in below:
            _place(folder, f"{BEFORE}/{path}", partial(inputs.lay, below[path]), below[path].executable)
        elif path in standing:
            _place(folder, f"{BEFORE}/{path}", partial(_write_read, inputs, path), standing[path].executable)


def _mark(info: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file does: nobody can set the time of the last change, whatever date a file is given."""
    return (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def _write_read(inputs: Inputs, path: str, place: Path) -> None:
    place.write_bytes(inputs.read(path))


def _standing(inputs: Inputs) -> dict[str, Entry]:
    """Return what the agent reads of the project as it stands there."""
    found = {path: entry for path, entry in inputs.files.items() if not path.startswith(BESIDE)}
    return {path: entry for path, entry in found.items() if entry is not None and entry.is_plain}


def _handed(inputs: Inputs, *, besides: str = "") -> dict[str, Entry]:
    outputs = [output for name, output in inputs.needs.items() if name != besides]
    return {path: entry for output in outputs for path, entry in (*output.files.items(), *output.hands.items())}


def _made_before(inputs: Inputs) -> Mapping[str, Entry]:
    """Return what the agent made the last time, if it is to go on from there."""
    last = inputs.turn.last
    return last.files if last is not None and inputs.args.get("goes on") else {}


def _drafted(inputs: Inputs) -> Mapping[str, Entry]:
    """Return what an earlier round left: what was right of that may stay as it is."""
    draft = inputs.needs.get(str(inputs.args.get("draft")))
    return draft.hands if draft is not None else {}


def _place(folder: Path, path: str, lay: Callable[[Path], None], executable: bool) -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    lay(place)
    place.chmod(0o755 if executable else 0o644)
    os.utime(place, (0, 0))


def asked(inputs: Inputs, folder: Path) -> Answer:
    """Ask the agent's runtime, in a folder that holds what it reads; raises TaskError if the answer itself tells of trouble."""
    args = inputs.args
    runtime: Runtime = Plugins(RUNTIMES)[str(args["runtime"])]
    options = dict(cast("Mapping[str, Plain]", args.get("options") or {}))
    if args.get("tree"):
        options = {"files": _tree(inputs)}
    if args.get("context"):
        options["context"] = _context(inputs)
    ask = Ask(
        agent=str(args["agent"]),
        prompt=_prompt(inputs),
        folder=folder,
        options=options,
        system=str(args.get("system") or ""),
        model=str(args.get("model") or ""),
        makes=texts(args.get("makes")),
        schema=cast("Mapping[str, Plain] | None", args.get("schema")),
        turn=inputs.turn,
    )
    answer = runtime.ask(ask)
    if answer.trouble:
        raise TaskError(answer.trouble, hint=f"nothing of what `{ask.agent}` left was taken", usage=answer.usage)
    return answer


def _tree(inputs: Inputs) -> Plain:
    """Return the texts of the template tree that lies beside the document; raises TaskError for one that is no text."""
    start = f"{BESIDE}{inputs.args['tree']}/"
    texts: dict[str, Plain] = {}
    for path in inputs.files:
        if path.startswith(start):
            try:
                texts[path.removeprefix(start)] = inputs.read(path).decode("utf-8")
            except UnicodeDecodeError as error:
                raise TaskError(
                    f"`{path.removeprefix(BESIDE)}` is no UTF-8: byte {error.start}", hint="a template is text"
                ) from error
    return texts


def _requirements(inputs: Inputs) -> list[tuple[str, str]]:
    asked = {name.removeprefix(REQUIREMENT): str(text) for name, text in inputs.args.items() if name.startswith(REQUIREMENT)}
    return [(path, asked[path]) for path in texts(inputs.args.get(ORDER)) or sorted(asked)]


def _context(inputs: Inputs) -> Plain:
    """Return what a template sees: the requirements, and the texts of what it reads."""
    texts = {path: inputs.fetch(entry).decode("utf-8", "replace") for path, entry in _handed(inputs).items()}
    texts |= {path: inputs.read(path).decode("utf-8", "replace") for path in _standing(inputs)}
    return {"requirements": [list(pair) for pair in _requirements(inputs)], "team": inputs.args["team"], "inputs": texts}


def _prompt(inputs: Inputs) -> str:
    """Return all that the agent is told: its task, what is asked of the team, what it may read and what it has to leave."""
    parts = [str(inputs.args.get("prompt") or f"You are {inputs.args['agent']}. Do your part of what is asked.")]
    asked = [f"- {path}: {text}" for path, text in _requirements(inputs)]
    read = sorted({*_handed(inputs), *_standing(inputs)})
    parts += ["What is asked:", "\n".join(asked)] if asked else []
    parts += ["In this folder you find:", _listed(read)] if read else []
    before = sorted(_made_before(inputs))
    parts += (
        [f"You made these before; bring them up to date, or answer {NO_CHANGE} if they are:", _listed(before)] if before else []
    )
    makes = texts(inputs.args.get("makes"))
    parts += ["Leave in this folder, and write nothing elsewhere:", _listed(makes)] if makes else []
    amends = texts(inputs.args.get("amends"))
    parts += ["These you may change where they stand:", _listed(amends)] if amends else []
    objections = texts(inputs.args.get("objections"))
    parts += ["A reviewer objects:", _listed(objections)] if objections else []
    return "\n\n".join(parts) + "\n"


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _write(folder: Path, path: str, data: bytes, usage: Usage) -> None:
    """Write an artefact that came as text; raises TaskError for a path that leads out of the folder."""
    reason = refusal(path)
    place = folder / path
    if reason or not place.parent.resolve().is_relative_to(folder) or place.is_symlink():
        raise TaskError(f"`{path}` is refused: {reason or 'it leads out of the scratch folder'}", usage=usage)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)  # a pipe would wait for a reader, and a hard link lead out of the folder
    place.write_bytes(data)
    if data.startswith(b"#!"):
        place.chmod(0o755)  # text has no mode: a script says on its first line that it is one


def _left(folder: Path, laid: Marks, usage: Usage) -> list[Left]:
    """Return every plain file and link in the folder; raises TaskError for one that is too large."""
    found = []
    for place in _walk(folder):
        info = place.lstat()
        path = place.relative_to(folder).as_posix()
        if stat.S_ISREG(info.st_mode):
            if info.st_size > _LARGEST:
                raise TaskError(f"`{scrubbed(path)}` has more than {_LARGEST // 1024 // 1024} MiB", usage=usage)
            found.append(Left(path, place, bool(info.st_mode & 0o100), laid.get(path) != _mark(info)))
        elif stat.S_ISLNK(info.st_mode):
            found.append(Left(path, place, False, True))
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name in _OURS:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _made(left: Sequence[Left], inputs: Inputs, answer: Answer) -> list[Left]:
    """Return what the agent wrote of what it has to make or may amend, with what others amended before and it left alone;
    raises TaskError when something of what it has to make is not there.
    """
    makes, amends = texts(inputs.args.get("makes")), texts(inputs.args.get("amends"))
    handed = _handed(inputs) if amends else {}
    stays = {**_made_before(inputs), **_drafted(inputs)} if NO_CHANGE in answer.text or any(one.written for one in left) else {}
    taken = [one for one in left if one.written or one.path in stays]
    made = [one for one in taken if _fits(one.path, makes)]
    made += [one for one in left if (one.written or one.path in handed) and _fits(one.path, amends) and not _fits(one.path, makes)]
    for one in made:
        reason = refusal(one.path) or ("it is a symbolic link" if one.place.is_symlink() else "")
        if reason:
            raise TaskError(f"`{scrubbed(one.path)}` is refused: {reason}", usage=answer.usage)
    for one_path, other in collisions(one.path for one in made):
        hint = "it has to give one of them another name"
        message = f"`{scrubbed(one_path)}` and `{scrubbed(other)}` are one file where case does not count"
        raise TaskError(message, hint=hint, usage=answer.usage)
    missing = [wanted for wanted in makes if not any(meet(one.path, wanted) for one in made)]
    if missing:
        said = f"; it said: {scrubbed(' '.join(answer.text.split())[:200])}" if answer.text else ""
        names = ", ".join(f"`{path}`" for path in missing)
        raise TaskError(f"it reported success and did not write {names}{said}", usage=answer.usage)
    return made


def _meet_schema(inputs: Inputs, answer: Answer) -> None:
    """Raise TaskError with the place where the data of the answer does not meet the agent's schema, if it has one."""
    schema = cast("Mapping[str, Plain] | None", inputs.args.get("schema"))
    fault = conflict(answer.data, schema) if schema else ""
    if fault:
        hint = "" if answer.data is not None else f"`{inputs.args['runtime']}` gave no data beside its words and files"
        raise TaskError(scrubbed(fault), hint=hint, usage=answer.usage)


def _check(folder: Path, inputs: Inputs, usage: Usage) -> None:
    """Run the document's own check in the folder; raises TaskError with its last words when it fails."""
    command = str(inputs.args.get("check") or "")
    if not command:
        return
    ended = run_child(["/bin/sh", "-c", command], folder=folder, environment=environment(), turn=inputs.turn)
    if ended.ending is Ending.EXITED and ended.code == 0:
        return
    words = (ended.stdout + b"\n" + ended.stderr).decode("utf-8", "replace").strip().splitlines()[-12:]
    how = f"exit {ended.code}" if ended.ending is Ending.EXITED else ended.ending.value
    hint = "\n      ".join(["its last words:", *map(scrubbed, words)]) if words else "it said nothing"
    raise TaskError(f"its check `{command}` failed ({how})", hint=hint, usage=usage)


def _undeclared(left: Sequence[Left], made: Sequence[Left], inputs: Inputs) -> Iterator[Finding]:
    agent = str(inputs.args["agent"])
    extra = [one.path for one in left if one.written and one not in made]
    if extra and not inputs.args.get("check"):  # a check leaves files of its own
        more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
        message = (
            f"it also wrote {', '.join(f'`{scrubbed(path)}`' for path in extra[:3])}{more}, which it does not declare; left out"
        )
        yield Finding(agent, "team-undeclared", message, Severity.INFO, hint="name it in `makes` to have it")


def _facts(inputs: Inputs, answer: Answer) -> dict[str, Plain]:
    return {"data": {str(inputs.args["agent"]): answer.data}} if inputs.args.get("schema") else {}


def texts(value: Plain) -> tuple[str, ...]:
    """Return a list of texts in an argument; nothing where it is none."""
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
