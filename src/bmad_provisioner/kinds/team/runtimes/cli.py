"""Cli: coding agents that are commands (Claude Code, Codex, Gemini CLI, ...), run without a screen, one process a turn."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Resources, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import MEBI, Answer, Ask
from bmad_provisioner.kinds.team.runtimes import adapters
from bmad_provisioner.kinds.team.runtimes.adapters import Adapter
from bmad_provisioner.kinds.team.runtimes.answers import Shape, find
from bmad_provisioner.kinds.team.runtimes.parsers import Report
from bmad_provisioner.kinds.team.runtimes.words import is_secret, one_line

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODEL = re.compile(r"[\w./:@+-]*")
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")
_BARRING = re.compile(r"log(ged)? ?in|api key|authenticat|unauthori[sz]ed|auth method|credential", re.IGNORECASE)
_HEALING = re.compile(
    r"overloaded|rate.?limit|too many requests|connect|network|socket|timed? ?out|reset by peer|temporar|ECONN|ENOTFOUND|EAI_AGAIN",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Call:
    """One run of a command."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: bytes
    secrets: tuple[str, ...]


class Cli:
    """The runtime of one adapter.

    Options: `model`, `permissions` (`read`; `edit`, the default, writes files in its folder; `all` asks nobody), `tools`
    (allowed ones), `max_turns`, `max_cost` (US dollars), `arguments` (added at the end), `command` (another executable),
    `env` (names of more environment variables to pass).
    """

    pure = False

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.name = adapter.name
        self.floor = Resources(memory=adapter.floor * MEBI)

    def __repr__(self) -> str:
        return f"Cli({self.name}{self._untested})"

    @property
    def _untested(self) -> str:
        return "" if self.adapter.tried else " (untested)"

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options."""
        return tuple(self._wrong(options))

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return name and version of the command that would run, from its package where it comes in one."""
        program = self._program(options)
        if program is None:
            return "absent"
        real = os.path.realpath(program)
        found = _packaged(real, self.adapter.package) or _reported(program, os.stat(real).st_mtime_ns)
        return f"{self.name} {found}{self._untested}"

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return name and base URL of the provider; only the name where the command itself knows."""
        del options
        return f"{self.name} {os.environ.get(self.adapter.base) or self.adapter.url}".strip()

    def ask(self, ask: Ask) -> Answer:
        """Return what the command reported of its run; raises TaskError where it failed."""
        program = self._program(ask.options)
        if program is None:
            name = ask.options.get("command") or self.adapter.name
            raise TaskError(f"`{name}` is not installed", barred=True, hint=f"install `{self.adapter.package}`")
        with TemporaryDirectory(prefix="bmadp-agent-") as private:
            call = _call(self.adapter, program, ask, Path(private))
            ended = run_child(
                call.command,
                folder=ask.folder,
                environment=call.environment,
                turn=ask.turn,
                stdin=call.stdin,
                hard=self.adapter.hard,
            )
        report = self.adapter.parse(ended.code, ended.stdout, ended.stderr)
        report = replace(report, usage=replace(report.usage, peak=ended.peak))
        _judge(self.adapter, ended, report, lambda words: one_line(words, call.secrets))
        return _answer(ask, report)

    def _program(self, options: Mapping[str, Plain]) -> str | None:
        return shutil.which(str(options.get("command") or self.adapter.name))

    def _wrong(self, options: Mapping[str, Plain]) -> Iterator[str]:
        adapter = self.adapter
        checks: dict[str, tuple[Callable[[Plain], bool], str, bool]] = {
            "model": (lambda v: isinstance(v, str) and bool(_MODEL.fullmatch(v)), "the name of a model", True),
            "permissions": (lambda v: isinstance(v, str) and v in adapter.permissions, "one of `read`, `edit`, `all`", True),
            "tools": (_are_words, "a list of the tools it may use", bool(adapter.tools)),
            "max_turns": (lambda v: isinstance(v, int) and v is not True and v > 0, "a whole number above 0", bool(adapter.turns)),
            "max_cost": (
                lambda v: isinstance(v, int | float) and v is not True and v > 0,
                "US dollars above 0",
                bool(adapter.cost),
            ),
            "arguments": (_are_words, "a list of arguments", True),
            "command": (lambda v: isinstance(v, str) and v != "", "the name or path of an executable", True),
            "env": (
                lambda v: _are_words(v) and all(_VARIABLE.fullmatch(str(name)) for name in cast("list[Plain]", v)),
                "a list of names of environment variables",
                True,
            ),
        }
        for name, value in options.items():
            if name not in checks:
                yield f"`{name}`: no such option; there are {', '.join(f'`{known}`' for known in checks)}"
                continue
            is_right, what, is_known = checks[name]
            if not is_known:
                yield f"`{name}`: `{adapter.name}` cannot be told"
            elif not is_right(value):
                yield f"`{name}`: has to be {what}"


def _are_words(value: Plain) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def _call(adapter: Adapter, program: str, ask: Ask, private: Path) -> _Call:
    """Write the private files and return the run of a command that this question takes."""
    options = ask.options
    url = os.environ.get(adapter.base, "")
    level = str(options.get("permissions") or "edit")
    values = {
        "model": str(options.get("model") or ask.model),
        "url": url,
        "schema": json.dumps(ask.schema or {}),
        "system": ask.system,
        "prompt": _prompt(adapter, ask),
        "level": adapter.levels.get(level, ""),
        "private": str(private),
    }
    for name, text in (*adapter.files.items(), *(adapter.config.items() if url else ())):
        (private / name).parent.mkdir(exist_ok=True)
        (private / name).write_text(Template(text).substitute(values), encoding="utf-8")
    switches = {**adapter.switches, **(adapter.given if url else {})}
    extra = [str(name) for name in cast("list[Plain]", options.get("env") or ())]
    passed = environment(
        (*adapter.passes, adapter.base, *extra),
        **{name: Template(text).substitute(values) for name, text in switches.items()},
    )
    return _Call(
        command=(program, *_arguments(adapter, ask, level, values)),
        environment=passed,
        stdin=values["prompt"].encode(),
        secrets=tuple(passed[name] for name in (*adapter.passes, *extra) if name in passed and is_secret(name)),
    )


def _arguments(adapter: Adapter, ask: Ask, level: str, values: Mapping[str, str]) -> Iterator[str]:
    """Yield the arguments: a word for each thing to say that the command can be told."""
    options = ask.options
    tools = ",".join(map(str, cast("list[Plain]", options.get("tools") or ())))
    said: tuple[tuple[tuple[str, ...], Plain], ...] = (
        (adapter.always, True),
        (adapter.permissions[level], True),
        (adapter.provider, values["url"]),
        (adapter.named if values["url"] else adapter.model, values["model"]),
        (adapter.system, ask.system),
        (adapter.tools, tools),
        (adapter.turns, options.get("max_turns")),
        (adapter.cost, options.get("max_cost")),
        (adapter.schema, ask.schema is not None),
    )
    for words, value in said:
        if value:
            yield from (Template(word).substitute(values, value=value) for word in words)
    yield from map(str, cast("list[Plain]", options.get("arguments") or ()))


def _prompt(adapter: Adapter, ask: Ask) -> str:
    """Return the prompt, with all in it that the command cannot be told apart from it."""
    schema = Shape(schema=ask.schema).words if ask.schema is not None and not adapter.schema else ""
    return "\n\n".join(part for part in ("" if adapter.system else ask.system, ask.prompt, schema) if part)


def _judge(adapter: Adapter, ended: Ended, report: Report, clean: Callable[[str], str]) -> None:
    """Raise what a failed run means; return when it can count."""
    name, usage = adapter.name, report.usage
    if ended.ending is Ending.TIMED_OUT:
        raise TaskError(f"`{name}` did not end within {ended.seconds:.0f} s", heals=True, usage=usage)
    if ended.ending is Ending.OUT_OF_MEMORY:
        hint = f"it needs {adapter.floor} MiB and more"
        raise TaskError(f"`{name}` took more memory than it may ({ended.peak // MEBI} MiB)", hint=hint, usage=usage)
    if ended.ending is Ending.STOPPED:
        raise TaskError(f"`{name}` was stopped", usage=usage)
    if ended.ending is Ending.SIGNALLED:
        raise TaskError(f"`{name}` was ended by signal {ended.code}", heals=True, usage=usage)
    if report.error:
        raise _failure(adapter, report, clean(report.error))
    if ended.code or not report.ended:
        complaint = clean(ended.stderr.decode("utf-8", "replace")[-300:]) or "it said nothing"
        how = f"exit code {ended.code}" + ("" if report.ended else " and no result")
        raise TaskError(f"`{name}` ended with {how}: {complaint}", usage=usage)


def _failure(adapter: Adapter, report: Report, words: str) -> TaskError:
    """Return what a reported error means, by its status, or by its words where it has none."""
    status, message = report.status, f"`{adapter.name}` failed: {words}"
    if status in (408, 409, 429) or status >= 500 or (not status and _HEALING.search(words)):
        return TaskError(message, heals=True, after=report.after, usage=report.usage)
    if status in (401, 402, 403) or (not status and _BARRING.search(words)):
        keys = ", ".join(f"`{name}`" for name in adapter.passes if is_secret(name))
        return TaskError(message, barred=True, hint=f"log in with `{adapter.name}`, or set one of {keys}", usage=report.usage)
    return TaskError(message, usage=report.usage)


def _answer(ask: Ask, report: Report) -> Answer:
    found = find(report.text, report.data, Shape(schema=ask.schema))
    denied = tuple(_within(one, ask.folder) for one in report.denied)
    more = f" and {len(denied) - 1} more" if len(denied) > 1 else ""
    trouble = f"permission denied: {denied[0]}{more}" if denied else found.trouble
    return Answer(text=report.text, trouble=trouble, denied=denied, data=found.data, usage=report.usage)


def _within(words: str, folder: Path) -> str:
    """Return the words with paths below the folder made relative to it."""
    for root in {f"{folder}/", f"{folder.resolve()}/"}:
        words = words.replace(root, "")
    return words


def _packaged(real: str, package: str) -> str:
    """Return the version in the `package.json` that the executable belongs to, or nothing."""
    for folder in Path(real).parents:
        try:
            manifest = json.loads((folder / "package.json").read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(manifest, dict) and manifest.get("name") == package:
            return str(manifest.get("version", ""))
    return ""


@cache
def _reported(program: str, changed: int) -> str:
    """Return the version that the command prints; `changed` is when its file did, so that an update is noticed."""
    del changed
    with TemporaryDirectory(prefix="bmadp-agent-") as folder:
        ended = run_child((program, "--version"), folder=Path(folder), environment=environment(), turn=Turn(seconds=60))
    found = _VERSION.search(ended.stdout.decode("utf-8", "replace"))
    return found.group() if found else "of unknown version"


CLAUDE = Cli(adapters.CLAUDE)
CODEX = Cli(adapters.CODEX)
GEMINI = Cli(adapters.GEMINI)
QWEN = Cli(adapters.QWEN)
OPENCODE = Cli(adapters.OPENCODE)
PI = Cli(adapters.PI)
AIDER = Cli(adapters.AIDER)
