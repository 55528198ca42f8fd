"""Models: the runtimes `openai` and `anthropic`, which ask a model over HTTP and bring its files back as text."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlsplit

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Resources
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import MEBI, Answer, Ask
from bmad_provisioner.kinds.team.runtimes.answers import Found, Shape, find, parse
from bmad_provisioner.kinds.team.runtimes.dialects import CHAT, MESSAGES, RESPONSES, Dialect, Question, Reply, kinds, said
from bmad_provisioner.kinds.team.runtimes.prices import own_price, price
from bmad_provisioner.kinds.team.runtimes.words import one_line
from bmad_provisioner.usage import Usage

if TYPE_CHECKING:
    from bmad_provisioner.kinds.team.runtimes.wire import Post, Received

_ATTACHED = 2 * MEBI
"""Bytes of files that may go along with a prompt: more than any model reads."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Model:
    """A runtime that asks a model through one of its `dialects`: the first, or the second if option `responses` says so.

    Options: `model`; `base_url`; `key` (the NAME of the environment variable that holds the key; give it with `base_url` too
    if a key is wanted there); `headers` (name of a header: NAME of the environment variable that holds its value);
    `temperature`; `max_tokens`; `strict` (the provider itself holds the model to the schema, where it can); `attach` (globs
    of files in the scratch folder whose text goes along); `price` (`{input, output, cached}`, US dollars per million tokens).
    """

    name: str
    dialects: tuple[Dialect, ...]
    floor: Resources = Resources(memory=64 * MEBI)
    pure: bool = False

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options, one message each."""
        return (*self._unknown(options), *_wrong(options))

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return the dialect, whom it is spoken to, and the model."""
        return f"{self._dialect(options).name} {self.endpoint(options)} {options.get('model', '')}".rstrip()

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return the address requests begin with."""
        return str(options.get("base_url") or self._dialect(options).home).rstrip("/")

    def ask(self, ask: Ask) -> Answer:
        """Return the model's answer; raises TaskError where there is none."""
        from bmad_provisioner.kinds.team.runtimes.wire import MOST, Post, post  # noqa: PLC0415 - httpx and asyncio: 150 ms

        dialect, options, shape = self._dialect(ask.options), ask.options, Shape(ask.makes, ask.schema)
        secrets = _secrets(dialect, options)
        question = _question(ask, shape)
        headers = {"content-type": "application/json", **dialect.fixed, **secrets}
        what = Post(self.endpoint(options) + dialect.path, headers, json.dumps(dialect.put(question)).encode())
        received = post(what, ask.turn)
        if not 200 <= received.status < 300:
            _refused(what, received, secrets)
        if not received.whole:
            return Answer(trouble=f"the answer is longer than {MOST // MEBI} MiB")
        reply = _reply(dialect, received.body, what.url)
        usage = replace(reply.usage, cost=_cost(question.model, reply.usage, options))
        return _answer(replace(reply, usage=usage), shape)

    def _dialect(self, options: Mapping[str, Plain]) -> Dialect:
        return self.dialects[-1] if options.get("responses") else self.dialects[0]

    def _unknown(self, options: Mapping[str, Plain]) -> Iterator[str]:
        known = set(_OPTIONS) - ({"responses"} if len(self.dialects) == 1 else set())
        for name in options:
            if name not in known:
                yield f"`{name}` is no option of `{self.name}`: {', '.join(sorted(known))}"


def _refused(what: Post, received: Received, secrets: Mapping[str, str]) -> NoReturn:
    """Raise what the refusal means, in the provider's own words without what was secret in the question."""
    from bmad_provisioner.kinds.team.runtimes.wire import refuse, wait  # noqa: PLC0415

    payload = _json_or_text(received.body)
    words = one_line(said(payload), (word for value in secrets.values() for word in (value, value.removeprefix("Bearer "))))
    spent = "insufficient_quota" in kinds(payload)
    refuse(what, received.status, words, wait(received.headers, time.time()), spent=spent)


def _question(ask: Ask, shape: Shape) -> Question:
    options = ask.options
    attached = _attached(ask.folder, cast("Sequence[str]", options.get("attach") or ()))
    return Question(
        model=str(options.get("model") or ask.model),
        prompt="\n\n".join(part for part in (ask.prompt, *attached, shape.words) if part),
        system=ask.system,
        schema=shape.wire,
        strict=bool(options.get("strict")),
        temperature=cast("float | None", options.get("temperature")),
        most=cast("int | None", options.get("max_tokens")),
    )


def _attached(folder: Path, globs: Sequence[str]) -> Iterator[str]:
    """Yield the files the globs name, each as a block of text; raises TaskError for what is no text, or too much."""
    root, room = folder.resolve(), _ATTACHED
    for path in sorted({path for glob in globs for path in folder.glob(glob) if path.is_file()}):
        name = path.relative_to(folder).as_posix()
        if not path.resolve().is_relative_to(root):
            raise TaskError(f"`{name}` leads out of the agent's folder", hint="attach only files inside it")
        room -= path.stat().st_size
        if room < 0:
            raise TaskError(f"the attached files hold more than {_ATTACHED // MEBI} MiB", hint="narrow `attach`")
        try:
            yield f'<file path="{name}">\n{path.read_text(encoding="utf-8")}\n</file>'
        except UnicodeDecodeError as error:
            raise TaskError(f"`{name}` is no text", hint="narrow `attach` to text files") from error


def _secrets(dialect: Dialect, options: Mapping[str, Plain]) -> dict[str, str]:
    """Return the headers that hold secrets. Another endpoint than the vendor's is shown only a key that was named for it."""
    named = {name: str(variable) for name, variable in cast("Mapping[str, Plain]", options.get("headers") or {}).items()}
    headers = {name: _value(variable) for name, variable in named.items()}
    if "key" in options or "base_url" not in options:
        headers[dialect.header] = dialect.scheme + _value(str(options.get("key") or dialect.key))
    return headers


def _value(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise TaskError(f"`{variable}` is not set", barred=True, hint=f"put the key into the environment variable `{variable}`")
    if not (value.isascii() and value.isprintable()):
        raise TaskError(f"`{variable}` holds what no header can", barred=True, hint="is it the key, and only the key?")
    return value


def _reply(dialect: Dialect, body: bytes, url: str) -> Reply:
    try:
        return dialect.read(parse(body))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"`{url}` gave what is no answer of {dialect.name}: {type(error).__name__}: {str(error)[:100]}"
        raise TaskError(message, heals=True, hint="does `base_url` name the right server?") from error


def _answer(reply: Reply, shape: Shape) -> Answer:
    found = Found(trouble=reply.trouble) if reply.trouble else find(reply.text, reply.data, shape)
    return Answer(reply.text, found.trouble, found.denied, found.files, found.data, reply.usage)


def _cost(model: str, usage: Usage, options: Mapping[str, Plain]) -> float:
    """Return what it cost, or 0 where that is not known: the table holds only for the vendors' own endpoints."""
    own = own_price(options.get("price"))
    if own is not None:
        return own.of(usage)
    return 0.0 if "base_url" in options else price(model, usage) or 0.0


def _json_or_text(body: bytes) -> Any:
    try:
        return parse(body)
    except ValueError:
        return body[:1000].decode("utf-8", "replace")


def _is_number(value: Plain, least: float, most: float = inf) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_url(value: Plain) -> bool:
    try:
        parts = urlsplit(str(value))
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and not parts.query


def _is_variable(value: Plain) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _are_headers(value: Plain) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(_HEADER.fullmatch(name) and _is_variable(variable) for name, variable in value.items())


def _are_globs(value: Plain) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(_is_inside(glob) for glob in value)


def _is_inside(glob: Plain) -> bool:
    return isinstance(glob, str) and bool(glob) and not glob.startswith("/") and ".." not in glob.split("/")


_OPTIONS: Mapping[str, tuple[Callable[[Plain], bool], str]] = {
    "model": (lambda value: isinstance(value, str) and bool(value), "the name of a model"),
    "base_url": (_is_url, "an http(s) address without a password"),
    "key": (_is_variable, "the NAME of the environment variable that holds the key"),
    "headers": (_are_headers, "names of headers, each with the NAME of the environment variable that holds its value"),
    "temperature": (lambda value: _is_number(value, 0, 2), "a number from 0 to 2"),
    "max_tokens": (lambda value: isinstance(value, int) and _is_number(value, 1), "a whole number above 0"),
    "strict": (lambda value: isinstance(value, bool), "true or false"),
    "responses": (lambda value: isinstance(value, bool), "true or false"),
    "attach": (_are_globs, "a list of globs inside the agent's folder"),
    "price": (lambda value: own_price(value) is not None, "{input, output, cached} in US dollars per million tokens"),
}


def _wrong(options: Mapping[str, Plain]) -> Iterator[str]:
    if "model" not in options:
        yield "`model` is missing: the name of a model"
    for name, (is_right, meaning) in _OPTIONS.items():
        if name in options and not is_right(options[name]):
            yield f"`{name}` has to be {meaning}"


OPENAI = Model("openai", (CHAT, RESPONSES))
ANTHROPIC = Model("anthropic", (MESSAGES,))
