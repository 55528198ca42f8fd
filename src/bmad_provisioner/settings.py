"""Settings: how runs behave in a project: its settings file, the environment over that, flags over both."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmad_provisioner.characters import shown
from bmad_provisioner.errors import UsageError
from bmad_provisioner.plugins import did_you_mean
from bmad_provisioner.source import MOST_BYTES, read

# What reads a settings file or an address is imported for one: most projects have neither.
# ruff: noqa: PLC0415

FILE = "bmad-provisioner.toml"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_NUMBER = r"(\d{1,15}(?:\.\d{1,9})?)"
_POLICIES = ("adaptive", "lru", "lfu", "cost")
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_HIDDEN = "***"


def parse_size(text: str) -> int:
    """Return bytes: `64M` or `64MB` is 67,108,864, as for memory everywhere; raises ValueError."""
    match = re.fullmatch(_NUMBER + r"\s*([kmgt]?)(?:i?b)?", text.strip().lower(), re.ASCII)
    if match is None:
        raise ValueError(f"`{text[:40]}` is no size")
    return round(float(match[1]) * _UNITS[match[2]])


def parse_duration(text: str) -> float:
    """Return seconds: `30s`, `15m`, `24h`, `7d`, or a plain number of them; raises ValueError."""
    match = re.fullmatch(_NUMBER + r"\s*(ms|[smhdw]?)", text.strip().lower(), re.ASCII)
    if match is None:
        raise ValueError(f"`{text[:40]}` is no duration")
    return float(match[1]) * _SECONDS[match[2]]


# --- what a value may look like ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """What values a setting takes: in words, as types of the settings file, and how a text of them is read."""

    wanted: str
    types: tuple[type, ...]
    read: Callable[[str], Any]


def _count(text: str) -> int:
    number = int(text) if re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) else 0
    if number < 1:
        raise ValueError(text)
    return number


def _positive(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError(text)
    return seconds


def _switch(text: str) -> bool:
    if text.strip().lower() not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[text.strip().lower()]


def _word(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text.strip()


def _policy(text: str) -> str:
    return _POLICIES[_POLICIES.index(text.strip().lower())]


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(text.strip())
    elsewhere = parts.path + parts.query + parts.fragment
    named = parts.scheme in {"redis", "rediss", "valkey", "valkeys", "unix"} and (parts.hostname or parts.path)
    if not named or "@" in elsewhere or parts.port == 0:
        raise ValueError(text)  # an `@` elsewhere: a password with an unquoted `/`, `?` or `#`, which would be shown
    return text.strip()


COUNT = Form("a whole number, at least 1", (int,), _count)
SWITCH = Form("`true` or `false`", (bool,), _switch)
SIZE = Form("a size such as `64M` or `2G`", (int, str), parse_size)
DURATION = Form("a duration such as `30s`, `15m`, `24h` or `7d`", (int, float, str), _positive)
POLICY = Form("one of " + ", ".join(f"`{name}`" for name in _POLICIES), (str,), _policy)
URL = Form("an address such as `redis://host:6379/0`", (str,), _url)
WORD = Form("a text that is not empty", (str,), _word)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name, what it takes, what holds where nobody says anything, and one line of help.

    A `secret` is never shown, and is taken from the environment only: files are committed, command lines are listed.
    """

    name: str
    form: Form
    default: str
    help: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"BMADP_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """The option that sets it."""
        return "--" + self.name.replace("_", "-")


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("max_concurrent_agents", COUNT, "", "agents that run at once; unset: as many as the profile has slots"),
        Setting("task_timeout_seconds", DURATION, "", "seconds one try may take; unset: as the document says"),
        Setting("parallel_execution_enabled", SWITCH, "true", "whether agents run beside each other"),
        Setting("profile", WORD, "", "the size of a run, such as `small` or `auto`; unset: as the document says"),
        Setting("memory_cache_size", SIZE, "64M", "bytes of results kept in memory"),
        Setting("memory_cache_policy", POLICY, "adaptive", "what leaves a full memory first"),
        Setting("disk_cache_size", SIZE, "2G", "bytes of results kept on disk"),
        Setting("memory_cache_ttl", DURATION, "1h", "how long a result stays in memory"),
        Setting("disk_cache_ttl", DURATION, "", "how long a result stays on disk; unset: as long as there is room"),
        Setting("shared_cache_ttl", DURATION, "7d", "how long a result stays in the shared cache"),
        Setting("shared_cache_url", URL, "", "where the shared cache is; unset: there is none"),
        Setting("shared_cache_secret", WORD, "", "what signs the entries of the shared cache", secret=True),
        Setting("performance_logging", SWITCH, "false", "whether the time of every step is logged, in `performance.jsonl`"),
        Setting("benchmark_mode", SWITCH, "false", "caches off: everything runs"),
    )
}


@dataclass(frozen=True, slots=True)
class Values:
    """The settings that hold: sizes in bytes, times in seconds; `None` is unset."""

    max_concurrent_agents: int | None
    task_timeout_seconds: float | None
    parallel_execution_enabled: bool
    profile: str | None
    memory_cache_size: int
    memory_cache_policy: str
    disk_cache_size: int
    memory_cache_ttl: float
    disk_cache_ttl: float | None
    shared_cache_ttl: float
    shared_cache_url: str | None = field(repr=False)
    shared_cache_secret: str | None = field(repr=False)
    performance_logging: bool
    benchmark_mode: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as it is shown: `source` is `default`, a place in the file, a variable or a flag."""

    name: str
    shown: str
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that hold, and where each came from."""

    values: Values
    rows: tuple[Row, ...]

    def sources(self) -> tuple[Row, ...]:
        """Return every setting with its value, fit to be shown, and where that came from."""
        return self.rows


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as it was written, and where."""

    value: object = field(repr=False)
    source: str


def load(root: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """Return the settings of the project at `root` (`None`: no project); a flag that is `None` and an empty variable say nothing.

    Raises UsageError for an unknown name and for a value that does not fit, with the line where it is written in the file.
    """
    given = {setting.name: _Given(setting.default or None, "default") for setting in SETTINGS.values()}
    given |= _from_file(root / FILE) if root is not None else {}
    given |= {s.name: _Given(environ[s.variable], s.variable) for s in SETTINGS.values() if environ.get(s.variable)}
    given |= _from_flags(flags)
    read_as = {name: _value(SETTINGS[name], one) for name, one in given.items()}
    rows = tuple(Row(name, _fit(SETTINGS[name], one.value), one.source) for name, one in given.items())
    return Settings(Values(**read_as), rows)


def _from_flags(flags: Mapping[str, object]) -> dict[str, _Given]:
    given = {name: value for name, value in flags.items() if value is not None}
    for name in given:
        if name not in SETTINGS or SETTINGS[name].secret:
            raise _refused(name, "--" + name.replace("_", "-"))
    return {name: _Given(value, SETTINGS[name].flag) for name, value in given.items()}


def _from_file(path: Path) -> dict[str, _Given]:
    if not os.path.lexists(path):
        return {}
    import tomllib

    text = _text(path)
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_toml(error) from None
    given = {name: _Given(value, _place(text, name)) for name, value in data.items()}
    for name, one in given.items():
        if name not in SETTINGS or SETTINGS[name].secret:
            raise _refused(name, one.source)
    return given


def _text(path: Path) -> str:
    content = read(path)
    if len(content) > MOST_BYTES:
        raise UsageError(f"`{path}` is longer than {MOST_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{FILE}:{line}: this is not UTF-8", hint="save it as UTF-8 in your editor") from None


def _not_toml(error: ValueError | RecursionError) -> UsageError:
    """Return the parser's complaint with its line in front, which it says in words only.

    Besides what is no TOML, it refuses numbers of thousands of digits and lists in hundreds of lists, without a line.
    """
    match = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error), re.DOTALL)
    where, what = (f"{FILE}:{match[2]}", match[1]) if match else (FILE, str(error))
    return UsageError(f"{where}: this is not TOML: {what[:1].lower()}{what[1:]}")


def _place(text: str, name: str) -> str:
    """Return where a key is written, `bmad-provisioner.toml:3`; without a line if it is spelt with escapes.

    The parser tells no lines. A line that looks like the key is the key if all before it is whole TOML (so it is not in
    a text of several lines) that does not have the key yet.
    """
    quoted = re.escape(name)
    key = re.compile(rf"""[ \t]*\[{{0,2}}[ \t]*(?:{quoted}|"{quoted}"|'{quoted}')[ \t]*[.=\]]""")
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if key.match(line) and _lacks("\n".join([*lines[: number - 1], ""]), name):
            return f"{FILE}:{number}"
    return FILE


def _lacks(text: str, name: str) -> bool:
    import tomllib

    try:
        return name not in tomllib.loads(text)
    except ValueError:
        return False


def _refused(name: str, source: str) -> UsageError:
    if name in SETTINGS:
        return UsageError(
            f"{source}: `{name}` is a secret and is taken from the environment only", hint=f"set `{SETTINGS[name].variable}`"
        )
    return UsageError(f"{source}: unknown setting `{shown(name)}`", hint=did_you_mean(name, SETTINGS))


def _value(setting: Setting, given: _Given) -> Any:
    """Return a value as its setting has it; what the file says has to have a type of its form, elsewhere all is text."""
    value, in_file = given.value, given.source.startswith(FILE)
    if value is None:
        return None
    try:
        if in_file and type(value) not in setting.form.types:
            raise ValueError(setting.name)
        return setting.form.read(str(value))
    except ValueError:
        name = f"`{setting.name}` " if in_file else ""
        instead = "" if setting.secret or setting.form is URL else f", not {_written(value)}"
        raise UsageError(f"{given.source}: {name}must be {setting.form.wanted}{instead}") from None


def _written(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number that large"
    return f"`{shown(str(value).lower() if isinstance(value, bool) else str(value))}`"


def _fit(setting: Setting, value: object) -> str:
    if value is None:
        return "unset"
    if setting.secret:
        return _HIDDEN
    if setting.form is URL:
        return _without_password(str(value))
    return shown(str(value).lower() if isinstance(value, bool) else str(value))


def _without_password(url: str) -> str:
    """Return an address in which whatever may be a password is hidden: before the `@`, and in the query."""
    from urllib.parse import urlsplit

    parts = urlsplit(url.strip())
    account, at, host = parts.netloc.rpartition("@")
    user, colon, _password = account.partition(":")
    netloc = f"{user}:{_HIDDEN}@{host}" if colon else f"{account}{at}{host}"
    return parts._replace(netloc=netloc, query=_HIDDEN if parts.query else "").geturl()
