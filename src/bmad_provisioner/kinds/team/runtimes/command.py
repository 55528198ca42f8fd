"""Command: the runtime that asks any command line program, through its standard input and the folder it runs in."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import which
from typing import cast

from bmad_provisioner.characters import scrubbed, shown
from bmad_provisioner.digest import Plain, digest, fingerprint
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Resources, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import MEBI, Answer, Ask
from bmad_provisioner.kinds.team.runtimes.answers import parse
from bmad_provisioner.kinds.team.runtimes.words import is_secret, masked, secrets
from bmad_provisioner.tree.paths import collisions, refusal
from bmad_provisioner.usage import Usage

EX_TEMPFAIL = 75
"""The exit code (sysexits.h) by which a command says that trying again may help."""

_WORDS = 64 * 1024
"""Bytes of a command's talk that are kept as its words: the last ones."""
_SCRIPT = 4 * MEBI
"""Bytes up to which a program is known by its content: hashing more would be felt at every start."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Rule = tuple[Callable[[Plain], bool], str]
"""Whether the value of an option is right, and what it has to be."""


def are_names(value: Plain) -> bool:
    """Say whether `value` is a list of names of environment variables."""
    return _are_texts(value) and all(_NAME.fullmatch(str(name)) for name in cast("Sequence[Plain]", value))


ENV: Rule = (are_names, "a list of the NAMES of environment variables it may see")
_OPTIONS: Mapping[str, Rule] = {
    "command": (
        lambda value: (isinstance(value, str) and bool(value.strip())) or (_are_texts(value) and bool(value)),
        "a program with its arguments, as a list, or a line for the shell",
    ),
    "env": ENV,
    "answer": (lambda value: value in ("files", "json"), "`files` (it writes them) or `json` (it prints them)"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A runtime that runs a command in the agent's folder, its role and its prompt on standard input.

    Options: `command` (a list, or a line for `sh`); `env` (NAMES of variables it may see beside the harmless ones);
    `answer`: `files`, those it writes, or `json`: it prints `{"files": {path: text}, "text": ..., "data": ...}`. A program
    given with a `/` in it is looked for from where we were started. It finds `BMADP_AGENT` and `BMADP_MODEL` set.
    """

    name: str = "command"
    floor: Resources = Resources()
    pure: bool = False

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options, one message each."""
        return tuple(faults(self.name, options, _OPTIONS, "command"))

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return which program it is, by size and time on PATH, by content where a place was given, and what it is told besides."""
        program, *arguments = _words(options)
        found = which(program)
        if found is None:
            return "absent"
        files = [_known(argument) for argument in arguments if argument.startswith("/") and Path(argument).is_file()]
        return f"{Path(found).name} {fingerprint([_known(found, by_content='/' in program), *files, told(options)])[:16]}"

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return the whole command: two scripts that one interpreter runs have nothing to do with each other."""
        command = options["command"]
        return command if isinstance(command, str) else " ".join(map(str, cast("Sequence[Plain]", command)))

    def ask(self, ask: Ask) -> Answer:
        """Run the command; raises TaskError where it does not start, or does not end well."""
        asked = "\n\n".join(part for part in (ask.system, ask.prompt) if part)
        more = {"BMADP_AGENT": ask.agent, "BMADP_MODEL": ask.model}
        ended = run_child(
            _words(ask.options),
            folder=ask.folder,
            environment=environment(cast("Sequence[str]", ask.options.get("env") or ()), **more),
            turn=ask.turn,
            stdin=asked.encode("utf-8", "replace"),
        )
        command = ask.options["command"]
        name = command if isinstance(command, str) else str(cast("Sequence[Plain]", command)[0])
        raise_failure(shown(name), ended, ask)
        if ask.options.get("answer") == "json":
            return printed(ended, ask)
        words = ended.stdout[-_WORDS:].decode("utf-8", "replace")
        return Answer(text=scrubbed(masked(words, given_secrets(ask))), usage=Usage(peak=ended.peak))


def given_secrets(ask: Ask) -> tuple[str, ...]:
    """Return the secrets that an agent was given in its environment."""
    return secrets(map(str, cast("Sequence[Plain]", ask.options.get("env") or ())))


def told(options: Mapping[str, Plain]) -> Plain:
    """Return what the environment tells an agent by name, but for secrets: another key for the same door changes nothing."""
    names = map(str, cast("Sequence[Plain]", options.get("env") or ()))
    return {name: os.environ.get(name) for name in names if not is_secret(name)}


def refused(path: str) -> str:
    """Return why an agent may not write to `path` in its folder, or nothing: it is absolute, climbs, is empty, ..."""
    return refusal(path) or ""


def faults(runtime: str, options: Mapping[str, Plain], rules: Mapping[str, Rule], *needed: str) -> Iterator[str]:
    """Yield what is wrong with the options a document gives a runtime, one message each."""
    for name in options:
        if name not in rules:
            yield f"`{name}` is no option of `{runtime}`: {', '.join(sorted(rules))}"
    for name, (is_right, meaning) in rules.items():
        if name not in options and name in needed:
            yield f"`{name}` is missing: {meaning}"
        elif name in options and not is_right(options[name]):
            yield f"`{name}` has to be {meaning}"


def raise_failure(name: str, ended: Ended, ask: Ask) -> None:
    """Raise TaskError unless a child exited with 0; another try may help after a timeout, a signal or `EX_TEMPFAIL`."""
    if ended.ending is Ending.EXITED and ended.code == 0:
        return
    how, hint, heals = _ending(ended, ask.turn)
    said = _last_lines(masked(ended.stderr.decode("utf-8", "replace"), given_secrets(ask)))
    raise TaskError(f"`{name}` {how}" + (f": {said}" if said else ""), hint=hint, heals=heals)


def _ending(ended: Ended, turn: Turn) -> tuple[str, str, bool]:
    if ended.ending is Ending.TIMED_OUT:
        return f"took longer than {turn.seconds or 0:g} s", "give it more time, or less to do", True
    if ended.ending is Ending.OUT_OF_MEMORY:
        return f"needed more than {(turn.memory or 0) // MEBI} MiB of memory", "give it more memory, or less to do", False
    if ended.ending is Ending.STOPPED:
        return "was stopped", "", False
    if ended.ending is Ending.SIGNALLED:
        return f"was ended by {_signal(ended.code)}", "", True
    return f"ended with exit code {ended.code}", "", ended.code == EX_TEMPFAIL


def _signal(number: int) -> str:
    known = {int(one): one.name for one in signal.Signals}
    return known.get(number, f"signal {number}")


def _last_lines(stderr: str) -> str:
    lines = [line.strip() for line in stderr[-4096:].splitlines()]
    text = scrubbed(" | ".join([line for line in lines if line][-3:]))
    return text if len(text) <= 400 else "..." + text[-397:]


def printed(ended: Ended, ask: Ask) -> Answer:
    """Return the answer a child printed as JSON, or what is wrong with it."""
    if ended.cut:
        return Answer(trouble=f"the answer is longer than {len(ended.stdout) // MEBI} MiB")
    try:
        answer = given(parse(ended.stdout))
        return replace(answer, text=masked(answer.text, given_secrets(ask)), usage=Usage(peak=ended.peak))
    except ValueError as error:
        return Answer(trouble=f"the answer is not the JSON it should be: {scrubbed(str(error))}")


def given(value: Plain) -> Answer:
    """Return the answer that `{"files": {path: text}, "text": ..., "data": ...}` gives, or what is wrong with it."""
    if not isinstance(value, Mapping):
        return Answer(trouble="the answer is no JSON object")
    files, text = value.get("files") or {}, value.get("text") or ""
    trouble = next(_troubles(value, files, text), "")
    if trouble:
        return Answer(trouble=trouble)
    contents = {path: str(content).encode() for path, content in cast("Mapping[str, Plain]", files).items()}
    return Answer(text=scrubbed(str(text)), files=contents, data=value.get("data"))


def _troubles(value: Mapping[str, Plain], files: Plain, text: Plain) -> Iterator[str]:
    for name in value:
        if name not in ("files", "text", "data"):
            yield f"`{shown(name)}` is no part of an answer: files, text, data"
    if not isinstance(text, str):
        yield "`text` of the answer is no text"
    if not isinstance(files, Mapping):
        yield "`files` of the answer is no object of paths and texts"
        return
    for path, content in files.items():
        reason = refused(path) or _unwritable(content)
        if reason:
            yield f"`{shown(path)}` is refused: {reason}"
    for one, other in collisions(files):
        yield f"`{shown(one)}` and `{shown(other)}` cannot both be written"


def _unwritable(content: Plain) -> str:
    if not isinstance(content, str):
        return "its content is no text"
    try:
        content.encode()
    except UnicodeEncodeError:
        return "its content holds half a character"
    return ""


def _words(options: Mapping[str, Plain]) -> list[str]:
    command = options["command"]
    if isinstance(command, str):
        return ["sh", "-c", command]
    program, *arguments = map(str, cast("Sequence[Plain]", command))
    return [os.path.abspath(program) if "/" in program else program, *arguments]


def _known(path: str, *, by_content: bool = True) -> Plain:
    """Return what tells one program from another: its content, or where it is, how long and how old."""
    status = os.stat(path)
    if by_content and status.st_size <= _SCRIPT:
        return digest(Path(path).read_bytes())
    return [status.st_size, status.st_mtime_ns]


def _are_texts(value: Plain) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) and one for one in value)


RUNTIME = Command()
