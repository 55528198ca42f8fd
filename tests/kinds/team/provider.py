"""Provider: a model provider on loopback that speaks four wire formats and plays one scenario.

A coding agent that is pointed at it runs for real: its own prompt, its own tools, its own permissions. Only the model
is played: `done` and `denied` write one file by whatever tool the request offers (by a fence, where it offers none) and then say so; `schema` answers in
prose; the others refuse every request.
"""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

FINAL = "The file is written."
PROSE = "I would rather answer in prose."
READ, WRITTEN, REUSED = 1000, 50, 200
REFUSALS = {
    "unauthorized": (401, "authentication_error", "invalid x-api-key", {}),
    "invalid": (400, "invalid_request_error", "this model takes no images", {}),
    "overloaded": (529, "overloaded_error", "Overloaded", {"retry-after": "1"}),
    "limited": (429, "rate_limit_error", "too many requests", {"retry-after": "1"}),
}
SCENARIOS = ("done", "denied", "schema", *REFUSALS)

Json = Any
Event = tuple[str, Json]


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says in one turn: a text, or a call of a tool."""

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Json] = field(default_factory=dict)

    @property
    def json(self) -> str:
        return json.dumps(self.arguments)


class Provider:
    """A provider that listens while it is entered; `seen` holds the paths and bodies of what it was asked."""

    def __init__(self, scenario: str, folder: Path, path: str = "made.txt", content: str = "made\n") -> None:
        self.scenario, self.folder, self.path, self.content = scenario, folder, path, content
        self.seen: list[tuple[str, Json]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": self}))
        self._server.daemon_threads = True

    def __enter__(self) -> Provider:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def say(self, tools: Mapping[str, Json], answered: bool) -> Said:
        """Return the model's turn, given the tools it is offered and whether one has answered already."""
        if self.scenario == "schema":
            return Said(PROSE)
        if answered:
            return Said(FINAL)
        if not tools:
            return Said(f"{self.path}\n```\n{self.content}```")
        return self._writing(tools)

    def _writing(self, tools: Mapping[str, Json]) -> Said:
        target = str(self.folder / self.path)
        command = f"printf %s {shlex.quote(self.content)} > {shlex.quote(target)}"
        ways: tuple[tuple[str, Mapping[str, Json]], ...] = (
            ("Write", {"file_path": target, "content": self.content}),
            ("write_file", {"file_path": target, "content": self.content}),
            ("write", {"filePath": target, "path": target, "content": self.content}),
            ("exec_command", {"cmd": command}),
            ("shell", {"command": ["sh", "-c", command]}),
            ("Bash", {"command": command}),
            ("bash", {"command": command, "description": "write a file"}),
        )
        for tool, arguments in ways:
            if tool in tools:
                known = tools[tool].get("properties") or arguments
                return Said(tool=tool, arguments={key: value for key, value in arguments.items() if key in known})
        if self.scenario == "denied":
            return Said(tool="write_file", arguments={"file_path": target, "content": self.content})
        raise LookupError(f"no way to write a file with {sorted(tools)}")


class _Handler(BaseHTTPRequestHandler):
    """Take a request apart by its path, and send what the scenario says in the same format."""

    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_HEAD(self) -> None:
        self._send(200, "application/json", b"", {})

    def do_GET(self) -> None:
        self._json(200, {"data": [], "models": [], "object": "list"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        path = self.path.partition("?")[0]
        self.provider.seen.append((path, body))
        if path.endswith(("count_tokens", ":countTokens")):
            return self._json(200, {"input_tokens": READ, "totalTokens": READ})
        dialect = next((dialect for end, dialect in DIALECTS.items() if end in path), None)
        if dialect is None:
            return self._json(404, {"error": {"type": "not_found_error", "message": path}})
        if self.provider.scenario in REFUSALS:
            code, kind, message, more = REFUSALS[self.provider.scenario]
            return self._json(code, {"type": "error", "error": {"type": kind, "message": message, "code": code}}, more)
        return self._answer(path, body, dialect)

    def _answer(self, path: str, body: Json, dialect: Dialect) -> None:
        said = self.provider.say(dialect.tools(body), dialect.answered(body))
        whole, events = dialect.whole(said, body), dialect.events
        if not (body.get("stream") or "streamGenerate" in path):
            return self._json(200, whole)
        lines = [f"event: {name}\n" * bool(name) + f"data: {json.dumps(data)}\n\n" for name, data in events(said, whole)]
        tail = "data: [DONE]\n\n" if "chat/completions" in path else ""
        return self._send(200, "text/event-stream", ("".join(lines) + tail).encode(), {})

    def _json(self, code: int, body: Json, more: Mapping[str, str] | None = None) -> None:
        self._send(code, "application/json", json.dumps(body).encode(), more or {})

    def _send(self, code: int, kind: str, data: bytes, more: Mapping[str, str]) -> None:
        self.send_response(code)
        for name, value in {"content-type": kind, "content-length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire format: the tools offered, whether a tool has answered, a whole answer, and the same as events."""

    tools: Callable[[Json], dict[str, Json]]
    answered: Callable[[Json], bool]
    whole: Callable[[Said, Json], Json]
    events: Callable[[Said, Json], Iterator[Event]]


def _messages_answered(body: Json) -> bool:
    return any(
        isinstance(message["content"], list) and any(part.get("type") == "tool_result" for part in message["content"])
        for message in body["messages"]
    )


def _messages(said: Said, body: Json) -> Json:
    used = {"type": "tool_use", "id": f"toolu_{secrets.token_hex(4)}", "name": said.tool, "input": dict(said.arguments)}
    return {
        "id": f"msg_{secrets.token_hex(4)}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", ""),
        "content": [used if said.tool else {"type": "text", "text": said.text}],
        "stop_reason": "tool_use" if said.tool else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": READ,
            "output_tokens": WRITTEN,
            "cache_read_input_tokens": REUSED,
            "cache_creation_input_tokens": 0,
        },
    }


def _messages_events(said: Said, whole: Json) -> Iterator[Event]:
    block = whole["content"][0]
    empty = {**block, "input": {}} if said.tool else {**block, "text": ""}
    delta = {"type": "input_json_delta", "partial_json": said.json} if said.tool else {"type": "text_delta", "text": said.text}
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield "message_start", {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": empty}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    yield "message_delta", {"type": "message_delta", "delta": stop, "usage": whole["usage"]}
    yield "message_stop", {"type": "message_stop"}


def _responses_tools(body: Json) -> dict[str, Json]:
    return {tool["name"]: tool.get("parameters") or {} for tool in body.get("tools") or () if tool.get("name")}


def _responses_answered(body: Json) -> bool:
    return any(str(item.get("type")).endswith("_call_output") for item in body["input"] if isinstance(item, dict))


def _responses(said: Said, body: Json) -> Json:
    text = {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": said.text}]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": said.tool, "arguments": said.json}
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": body.get("model", ""),
        "output": [call if said.tool else text],
        "usage": {
            "input_tokens": READ,
            "input_tokens_details": {"cached_tokens": REUSED},
            "output_tokens": WRITTEN,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": READ + WRITTEN,
        },
    }


def _responses_events(said: Said, whole: Json) -> Iterator[Event]:
    for name, more in (
        ("response.created", {"response": {**whole, "status": "in_progress", "output": []}}),
        ("response.output_item.done", {"output_index": 0, "item": whole["output"][0]}),
        ("response.completed", {"response": whole}),
    ):
        yield name, {"type": name, **more}


def _chat_tools(body: Json) -> dict[str, Json]:
    return {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in body.get("tools") or ()}


def _chat_message(said: Said) -> Json:
    call = {"id": "call_1", "index": 0, "type": "function", "function": {"name": said.tool, "arguments": said.json}}
    return (
        {"role": "assistant", "content": None, "tool_calls": [call]} if said.tool else {"role": "assistant", "content": said.text}
    )


def _chat(said: Said, body: Json) -> Json:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", ""),
        "choices": [{"index": 0, "message": _chat_message(said), "finish_reason": "tool_calls" if said.tool else "stop"}],
        "usage": {
            "prompt_tokens": READ,
            "completion_tokens": WRITTEN,
            "total_tokens": READ + WRITTEN,
            "prompt_tokens_details": {"cached_tokens": REUSED},
        },
    }


def _chat_events(said: Said, whole: Json) -> Iterator[Event]:
    chunk = {**whole, "object": "chat.completion.chunk", "usage": None}
    choice = whole["choices"][0]
    yield "", {**chunk, "choices": [{"index": 0, "delta": choice["message"], "finish_reason": None}]}
    yield "", {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    yield "", {**whole, "object": "chat.completion.chunk", "choices": []}


def _gemini_tools(body: Json) -> dict[str, Json]:
    declared = [one for tool in body.get("tools") or () for one in tool.get("functionDeclarations") or ()]
    return {one["name"]: one.get("parameters") or one.get("parametersJsonSchema") or {} for one in declared}


def _gemini(said: Said, body: Json) -> Json:
    part = {"functionCall": {"name": said.tool, "args": dict(said.arguments)}} if said.tool else {"text": said.text}
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": READ,
            "candidatesTokenCount": WRITTEN,
            "totalTokenCount": READ + WRITTEN,
            "cachedContentTokenCount": REUSED,
        },
    }


def _gemini_events(said: Said, whole: Json) -> Iterator[Event]:
    yield "", whole


DIALECTS = {
    "/messages": Dialect(
        lambda body: {tool["name"]: tool.get("input_schema") or {} for tool in body.get("tools") or ()},
        _messages_answered,
        _messages,
        _messages_events,
    ),
    "/responses": Dialect(_responses_tools, _responses_answered, _responses, _responses_events),
    "/chat/completions": Dialect(
        _chat_tools, lambda body: any(message["role"] == "tool" for message in body["messages"]), _chat, _chat_events
    ),
    "enerateContent": Dialect(
        _gemini_tools,
        lambda body: any("functionResponse" in part for content in body["contents"] for part in content.get("parts") or ()),
        _gemini,
        _gemini_events,
    ),
}
