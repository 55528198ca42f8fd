"""ACP: the runtime `acp`, which talks with any coding agent that speaks the Agent Client Protocol, version 1.

JSON-RPC 2.0 over the agent's standard input and output, one message a line: initialize, session/new, session/prompt. While
it works the agent asks back: may it (`grants`), read this file, write that one. The names are those of the published schema
(agentclientprotocol.com).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.child import Child, Ended, Ending, child, environment
from bmad_provisioner.engine.task import Resources, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import MEBI, Answer, Ask
from bmad_provisioner.kinds.team.runtimes.answers import Shape, find, parse
from bmad_provisioner.kinds.team.runtimes.grants import POLICIES, Grants, RefusedError
from bmad_provisioner.kinds.team.runtimes.installed import installed
from bmad_provisioner.kinds.team.runtimes.words import one_line
from bmad_provisioner.usage import Usage

_VERSION = 1
_MOST = 64 * MEBI
"""Bytes an agent may say in one session."""
_FAREWELL = 2.0
"""Seconds to wait for the end of an agent that closed its output."""
_NO_METHOD = -32601
_BARRED, _HEALING = (-32000, 401, 402, 403), (-32603, 408, 409, 429)
"""Codes of errors: those of the protocol, and statuses of HTTP that some agents pass on in their place."""
_SIGN_IN = re.compile(r"log(ged)? ?in|api.?key|authenticat|unauthori[sz]ed|credential", re.IGNORECASE)
_STOPS = {
    "max_tokens": "the answer was cut off at the most tokens it may have",
    "max_turn_requests": "the agent asked its model more often than it may in one turn",
    "refusal": "the model refused",
    "cancelled": "the agent says it was cancelled",
}


@dataclass(frozen=True, slots=True)
class Acp:
    """The runtime. Options: `command` (a list), `env` (NAMES of variables the agent may see), `model`, `permissions`.

    `permissions` is what the agent is granted when it asks: `read`, `edit` (also change files in its folder; the default),
    or `all` (also run commands and go elsewhere). What it does without asking, it does: this is no sandbox.
    """

    name: str = "acp"
    floor: Resources = Resources(memory=256 * MEBI)
    pure: bool = False

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options, one message each."""
        known = ("command", "env", "model", "permissions")
        wrong = [f"`{name}` is no option of `acp`: {', '.join(known)}" for name in options if name not in known]
        if not _are_words(options.get("command")) or not options["command"]:
            wrong.append("`command` has to be a list: the agent's command and its arguments")
        if not _are_words(options.get("env", ())):
            wrong.append("`env` has to be a list of NAMES of environment variables")
        if not isinstance(options.get("model", ""), str):
            wrong.append("`model` has to be the name of a model")
        if options.get("permissions", "edit") not in POLICIES:
            wrong.append(f"`permissions` has to be one of {', '.join(POLICIES)}")
        return tuple(wrong)

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return the command and what is installed under its name, or `absent`."""
        found = installed(_command(options))
        return "absent" if found is None else f"acp {found} {options.get('model', '')}".rstrip()

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return the command."""
        return " ".join(_command(options))

    def ask(self, ask: Ask) -> Answer:
        """Return what the agent said; raises TaskError when it does not come to the end of its turn."""
        names = cast("Sequence[str]", ask.options.get("env") or ())
        grants = Grants(ask.folder.resolve(), str(ask.options.get("permissions", "edit")))
        command = _command(ask.options)
        with child(command, folder=ask.folder, environment=environment(names), turn=ask.turn, hard=False) as agent:
            talk = _Talk(Path(command[0]).name, agent, grants, ask.turn, tuple(os.environ.get(name, "") for name in names))
            ending = _converse(talk, ask)
        return _answer(talk, ending, ask)


def _converse(talk: _Talk, ask: Ask) -> Mapping[str, Any]:
    # Agents read by themselves: Gemini 0.61, when it reads through us, takes a missing file for a broken one and writes none.
    abilities = {"fs": {"readTextFile": False, "writeTextFile": True}, "terminal": False}
    about = {"name": "bmad-provisioner", "version": "1"}
    hello = talk.call("initialize", protocolVersion=_VERSION, clientCapabilities=abilities, clientInfo=about)
    if hello.get("protocolVersion") != _VERSION:
        message = f"`{talk.name}` speaks version {hello.get('protocolVersion')} of the protocol, not {_VERSION}"
        raise TaskError(message, hint=f"install a `{talk.name}` that speaks version {_VERSION}")
    session = talk.call("session/new", cwd=str(ask.folder.resolve()), mcpServers=[])
    if not isinstance(session.get("sessionId"), str):
        raise TaskError(f"`{talk.name}` opened no session")
    model = str(ask.options.get("model") or ask.model)
    if model:
        _choose(talk, session, model)
    parts = (ask.system, ask.prompt, Shape((), ask.schema).words)
    prompt = [{"type": "text", "text": part} for part in parts if part]
    return talk.call("session/prompt", sessionId=session["sessionId"], prompt=prompt)


def _choose(talk: _Talk, session: Mapping[str, Any], model: str) -> None:
    """Choose the model by the session's option for it, or by the method older agents have."""
    where = session["sessionId"]
    chooser = next((one for one in _mappings(session.get("configOptions")) if one.get("category") == "model"), None)
    if chooser is not None:
        talk.call("session/set_config_option", sessionId=where, configId=chooser.get("id"), value=model)
    elif "models" in session:
        talk.call("session/set_model", sessionId=where, modelId=model)
    else:
        raise TaskError(f"`{talk.name}` lets nobody choose its model", hint="take `model` out, or name it in `command`")


def _answer(talk: _Talk, ending: Mapping[str, Any], ask: Ask) -> Answer:
    """Return what a turn came to. Being refused a change is trouble; being refused a look (agents look about) is not."""
    reason = str(ending.get("stopReason"))
    text, usage = "".join(talk.said), _usage(ending, talk.cost)
    trouble = "" if reason == "end_turn" else _STOPS.get(reason, f"the agent stopped for an unknown reason: {one_line(reason)}")
    data: Plain = None
    refused = [one for one in talk.grants.denied if not one.startswith("read ")]
    if not trouble and refused:
        trouble = f"permission denied: {refused[0]}" + (f" and {len(refused) - 1} more" if len(refused) > 1 else "")
    if not trouble and ask.schema is not None:
        found = find(text, None, Shape((), ask.schema))
        data, trouble = found.data, found.trouble
    return Answer(text, trouble, tuple(talk.grants.denied), {}, data, usage)


@dataclass(slots=True)
class _Talk:
    """A conversation with one agent; `said` is its text, `cost` what it reported last."""

    name: str
    agent: Child
    grants: Grants
    turn: Turn
    secrets: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)
    cost: float = 0.0
    asked: int = 0
    heard: int = 0

    def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Return the result of a method of the agent, answering whatever it asks meanwhile."""
        self.asked += 1
        self._send({"id": self.asked, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" in message:
                self._serve(message)
            elif message.get("id") == self.asked and ("result" in message or "error" in message):
                return self._result(method, message)

    def _result(self, method: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        error = message.get("error")
        if error is None:
            return _mapping(message["result"])
        code, words = _mapping(error).get("code"), one_line(_complaint(error), self.secrets)
        said = f"`{self.name}` refused {method}: {words}"
        if code in _BARRED or _SIGN_IN.search(words):
            raise TaskError(said, barred=True, hint=f"sign `{self.name}` in by hand, or let it see its key by `env`")
        raise TaskError(said, heals=code in _HEALING or (isinstance(code, int) and code >= 500))

    def _serve(self, message: Mapping[str, Any]) -> None:
        method, params = message["method"], _mapping(message.get("params"))
        if method == "session/update":
            self._note(_mapping(params.get("update")))
        if "id" not in message:
            return
        try:
            result = self._do(str(method), params)
        except RefusedError as refusal:
            self._send({"id": message["id"], "error": {"code": refusal.code, "message": str(refusal)}})
        else:
            self._send({"id": message["id"], "result": result})

    def _do(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if method == "session/request_permission":
            return self.grants.decide(_mapping(params.get("toolCall")), _mappings(params.get("options")))
        if method == "fs/read_text_file":
            return {"content": self.grants.read(params.get("path"), params.get("line"), params.get("limit"))}
        if method == "fs/write_text_file":
            self.grants.write(params.get("path"), params.get("content"))
            return {}
        raise RefusedError(f"`{one_line(method)}` is nothing this client does", _NO_METHOD)

    def _note(self, update: Mapping[str, Any]) -> None:
        kind, content, cost = update.get("sessionUpdate"), _mapping(update.get("content")), _mapping(update.get("cost"))
        if kind == "agent_message_chunk" and isinstance(content.get("text"), str):
            self.said.append(content["text"].encode("utf-8", "replace").decode("utf-8"))
        elif kind in ("tool_call", "tool_call_update"):
            self.grants.know(update)
        elif kind == "usage_update" and cost.get("currency") == "USD" and isinstance(cost.get("amount"), int | float):
            self.cost = float(cost["amount"])

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self.agent.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            self.agent.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._gone() from error

    def _receive(self) -> Mapping[str, Any]:
        """Return the next message. Lines that are none (what a program prints without thinking) are passed over."""
        while self.heard <= _MOST:
            line = self.agent.stdout.readline(_MOST)
            if not line:
                raise self._gone()
            self.heard += len(line)
            try:
                message = parse(line)
            except ValueError:
                continue
            if isinstance(message, Mapping):
                return message
        raise TaskError(f"`{self.name}` said more than {_MOST // MEBI} MiB")

    def _gone(self) -> TaskError:
        """Return why the agent is silent."""
        end = time.monotonic() + _FAREWELL
        while (ended := self.agent.ended()) is None and time.monotonic() < end:
            time.sleep(0.01)
        if ended is None:
            return TaskError(f"`{self.name}` closed its output and stayed", heals=True)
        return self._obituary(ended)

    def _obituary(self, ended: Ended) -> TaskError:
        if ended.ending is Ending.TIMED_OUT:
            return TaskError(f"`{self.name}` did not end its turn within {self.turn.seconds:g} s", heals=True)
        if ended.ending is Ending.STOPPED:
            return TaskError(f"stopped while `{self.name}` was answering")
        if ended.ending is Ending.OUT_OF_MEMORY:
            return TaskError(f"`{self.name}` needs more memory than it may have", hint="give its task more memory")
        how = "signal" if ended.ending is Ending.SIGNALLED else "code"
        last = one_line(ended.stderr.decode("utf-8", "replace"), self.secrets, most=len(ended.stderr))[-300:]
        message = f"`{self.name}` ended with {how} {ended.code} before it answered" + (f": {last}" if last else "")
        return TaskError(
            message,
            heals=self.heard > 0 or ended.ending is Ending.SIGNALLED,
            hint="" if self.heard else "is this the command that speaks ACP?",
        )


def _usage(ending: Mapping[str, Any], cost: float) -> Usage:
    """Return the tokens of a turn: `usage` as the protocol has it, or the quota Gemini reports beside it."""
    told = _mapping(ending.get("usage"))
    if not told:
        counted = _mapping(_mapping(_mapping(ending.get("_meta")).get("quota")).get("token_count"))
        return Usage(read=_count(counted, "input_tokens"), written=_count(counted, "output_tokens"), cost=cost)
    read, written, reused = (_count(told, name) for name in ("inputTokens", "outputTokens", "cachedReadTokens"))
    total, thought = _count(told, "totalTokens"), _count(told, "thoughtTokens")
    read = max(read, total - written - thought)  # some agents count cached tokens beside those read, some among them
    return Usage(read=read, written=max(written, total - read), reused=reused, cost=cost)


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return max(0, value) if isinstance(value, int) else 0


def _complaint(error: object) -> str:
    told = _mapping(error)
    data = _mapping(told.get("data"))
    return f"{told.get('message', error)} {data.get('details') or data.get('message') or ''}"


def _command(options: Mapping[str, Plain]) -> tuple[str, ...]:
    return tuple(str(word) for word in cast("Sequence[Plain]", options.get("command") or ()))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _are_words(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) and one for one in value)


ACP = Acp()
