"""Dialects: what each model API wants to hear, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.team.runtimes.words import one_line
from bmad_provisioner.usage import Usage

TOOL = "answer"
"""The name of a structured answer, where a dialect wants one."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked. `schema` is the JSON schema of the answer; `most` bounds the tokens it may write."""

    model: str
    prompt: str
    system: str = ""
    schema: Mapping[str, Plain] | None = None
    strict: bool = False
    temperature: float | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said. `data` is a structured answer that came as such; `trouble` says why the answer is not whole."""

    text: str
    data: Plain = None
    trouble: str = ""
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: where it lives, how a key is shown to it, how a question is put and how a reply is read.

    `read` takes JSON as it was parsed and raises LookupError, TypeError or AttributeError for what is no reply.
    """

    name: str
    home: str
    path: str
    key: str
    header: str
    scheme: str
    fixed: Mapping[str, str]
    put: Callable[[Question], dict[str, Any]]
    read: Callable[[Any], Reply]


def _without_none(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _put_chat(question: Question) -> dict[str, Any]:
    said = [{"role": "system", "content": question.system}] if question.system else []
    shape = {"name": TOOL, "schema": question.schema, "strict": question.strict}
    return _without_none(
        model=question.model,
        messages=[*said, {"role": "user", "content": question.prompt}],
        response_format=None if question.schema is None else {"type": "json_schema", "json_schema": shape},
        temperature=question.temperature,
        max_completion_tokens=question.most,
    )


def _read_chat(payload: Any) -> Reply:
    choice, usage = payload["choices"][0], payload.get("usage") or {}
    message = choice["message"]
    refusal, ending = message.get("refusal"), choice.get("finish_reason")
    return Reply(
        text=_text(message.get("content") or ""),
        trouble=_refused(refusal) if refusal else _ENDINGS.get(ending, ""),
        usage=_usage(usage, "prompt_tokens", "completion_tokens", _cached(usage, "prompt_tokens_details")),
    )


def _put_responses(question: Question) -> dict[str, Any]:
    shape = {"type": "json_schema", "name": TOOL, "schema": question.schema, "strict": question.strict}
    return _without_none(
        model=question.model,
        instructions=question.system or None,
        input=question.prompt,
        text=None if question.schema is None else {"format": shape},
        temperature=question.temperature,
        max_output_tokens=question.most,
        store=False,
    )


def _read_responses(payload: Any) -> Reply:
    parts = [part for item in payload["output"] if item.get("type") == "message" for part in item["content"]]
    refusals = [part["refusal"] for part in parts if part.get("type") == "refusal"]
    usage = payload.get("usage") or {}
    return Reply(
        text="".join(_text(part["text"]) for part in parts if part.get("type") == "output_text"),
        trouble=_refused(refusals[0]) if refusals else _unfinished(payload),
        usage=_usage(usage, "input_tokens", "output_tokens", _cached(usage, "input_tokens_details")),
    )


def _unfinished(payload: Any) -> str:
    if payload.get("status", "completed") == "completed":
        return ""
    reason = (payload.get("incomplete_details") or {}).get("reason") or (payload.get("error") or {}).get("message")
    return _ENDINGS.get(str(reason), f"the answer is {payload['status']}: {reason}")


def _put_messages(question: Question) -> dict[str, Any]:
    tool = _without_none(
        name=TOOL, description="Give the answer.", input_schema=question.schema, strict=question.strict or None
    )  # the tool is never run: its arguments are the answer
    return _without_none(
        model=question.model,
        system=question.system or None,
        messages=[{"role": "user", "content": question.prompt}],
        tools=None if question.schema is None else [tool],
        tool_choice=None if question.schema is None else {"type": "tool", "name": TOOL},
        temperature=question.temperature,
        max_tokens=question.most or 16_000,
    )


def _read_messages(payload: Any) -> Reply:
    usage, parts = payload.get("usage") or {}, payload["content"]
    answers = [part["input"] for part in parts if part.get("type") == "tool_use" and part.get("name") == TOOL]
    reused, kept = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    plain = _usage(usage, "input_tokens", "output_tokens", reused)
    return Reply(
        text="".join(_text(part["text"]) for part in parts if part.get("type") == "text"),
        data=answers[0] if answers else None,
        trouble=_ENDINGS.get(payload.get("stop_reason"), ""),
        usage=plain + Usage(read=reused + kept),
    )


_ENDINGS = {
    "length": "the answer was cut off at the most tokens it may have",
    "max_tokens": "the answer was cut off at the most tokens it may have",
    "max_output_tokens": "the answer was cut off at the most tokens it may have",
    "model_context_window_exceeded": "the answer was cut off at the end of the model's context",
    "content_filter": "the model refused: its provider's filter stopped the answer",
    "refusal": "the model refused",
}
"""Why an answer is not whole, by what the APIs call it. Every other ending is an end."""


def _refused(why: str) -> str:
    return f"the model refused: {one_line(_text(why))}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, {type(value).__name__} found")
    return value.encode("utf-8", "replace").decode("utf-8")  # an escaped half of a surrogate pair is no text


def _usage(usage: Mapping[str, Any], read: str, written: str, reused: int) -> Usage:
    return Usage(read=_count(usage, read), written=_count(usage, written), reused=reused)


def _cached(usage: Mapping[str, Any], details: str) -> int:
    return _count(usage.get(details) or {}, "cached_tokens")


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return max(0, value) if isinstance(value, int) else 0


_BEARER = {"home": "https://api.openai.com/v1", "key": "OPENAI_API_KEY", "header": "authorization", "scheme": "Bearer "}

CHAT = Dialect("openai-chat", path="/chat/completions", fixed={}, put=_put_chat, read=_read_chat, **_BEARER)
"""OpenAI Chat Completions, which most servers of open models speak too."""
RESPONSES = Dialect("openai-responses", path="/responses", fixed={}, put=_put_responses, read=_read_responses, **_BEARER)
"""OpenAI Responses."""
MESSAGES = Dialect(
    "anthropic-messages",
    home="https://api.anthropic.com/v1",
    path="/messages",
    key="ANTHROPIC_API_KEY",
    header="x-api-key",
    scheme="",
    fixed={"anthropic-version": "2023-06-01"},
    put=_put_messages,
    read=_read_messages,
)
"""Anthropic Messages."""


def said(payload: Any) -> str:
    """Return the provider's own words from the JSON of an error, or nothing."""
    error = payload.get("error", payload) if isinstance(payload, Mapping) else payload
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or ""
    return error if isinstance(error, str) else ""


def kinds(payload: Any) -> Sequence[str]:
    """Return the names the JSON of an error gives itself (`type`, `code`)."""
    error = payload.get("error") if isinstance(payload, Mapping) else None
    return [str(error[name]) for name in ("type", "code") if error.get(name)] if isinstance(error, Mapping) else []
