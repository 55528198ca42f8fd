"""Parsers: what a coding agent's command said, read from its exit code and its output.

No exit code is believed: each of these commands exits with 0 in at least one case in which nothing was done. Every
parser reads the events a command writes, one JSON object a line, and takes what it does not know for absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.team.runtimes.answers import parse
from bmad_provisioner.usage import Usage


@dataclass(frozen=True, slots=True)
class Report:
    """What a command said of its run.

    `error` is empty where it reports none, `status` the HTTP status behind it (0: unknown), `after` the seconds the
    provider asked to wait. `denied` lists what the agent was refused, a tool and its object each. `data` is a structured
    answer, where the command knows of such. `ended` says that the closing event came.
    """

    text: str = ""
    usage: Usage = Usage()
    denied: tuple[str, ...] = ()
    error: str = ""
    status: int = 0
    after: float | None = None
    data: Plain = None
    ended: bool = True


Parse = Callable[[int, bytes, bytes], Report]

_STATUS = re.compile(r"(?:status|code|error)\W{0,4}(?:code\W{0,3})?([45]\d\d)\b|^\W*([45]\d\d)\b", re.IGNORECASE)
_AFTER = re.compile(r"(?:retry.after|try again in)\W{0,4}(\d+(?:\.\d+)?)", re.IGNORECASE)
_OBJECTS = ("file_path", "filePath", "path", "command", "cmd", "url", "pattern")
_SANDBOX = re.compile(r'event\.name="codex\.sandbox_outcome" tool_name=(\S+) call_id=(\S+) outcome=denied')
_CALL = re.compile(r'event\.name="codex\.tool_result" [^\n]*?call_id=(\S+) [^\n]*?arguments=(\{[^\n]*?\}) output=')
_REQUEST = re.compile(r'event\.name="codex\.api_request" [^\n]*?http\.response\.status_code=(\d+)')
_GEMINI_DENIALS = ("tool_not_registered", "policy_violation", "permission_denied", "path_not_in_workspace", "execution_denied")
_CUT = {status & 0xFF: status for status in (400, 401, 403, 404, 429, 500, 502, 503, 504, 529)}
_TOKENS = re.compile(r"Tokens: ([\d.]+)(k?) sent, (?:[\d.]+k? cache \w+, )*([\d.]+)(k?) received")
_COST = re.compile(r"Cost: \$([\d.]+) message")
_UNAPPLIED = re.compile(r"^Did not apply edit to (.+) \(--dry-run\)$", re.MULTILINE)
_AIDER_ERROR = re.compile(r"^.*litellm\.\w*(?:Error|Exception)\b.*$", re.MULTILINE)


def claude(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read `claude --output-format stream-json`: its subtype may say `success` of a failure, its exit code of a denial."""
    seen = _events(stdout)
    closing = next((event for event in reversed(seen) if event.get("type") == "result"), None)
    if closing is None:
        said = {
            _words(event, "message", "id"): _at(event, "message", "usage") for event in seen if event.get("type") == "assistant"
        }
        return Report(usage=_sum(_messages(usage) for usage in said.values()), error=_complaint(code, stderr), ended=False)
    models = _at(closing, "modelUsage")
    usage = _sum(map(_model, models.values())) if isinstance(models, dict) and models else _messages(_at(closing, "usage"))
    wrong = bool(closing.get("is_error")) or closing.get("subtype") != "success"
    text = _words(closing, "result")
    return Report(
        text=text,
        usage=replace(usage, cost=_number(closing, "total_cost_usd")),
        denied=tuple(_refused(_words(one, "tool_name"), _at(one, "tool_input")) for one in _items(closing, "permission_denials")),
        error=(text or "; ".join(map(str, _items(closing, "errors"))) or _words(closing, "subtype") or "no reason given")
        if wrong
        else "",
        status=int(_number(closing, "api_error_status")),
        data=closing.get("structured_output"),
    )


def qwen(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read `qwen --output-format stream-json`: Claude's events, but tokens count cached ones too, and an API error is an answer."""
    report = claude(code, stdout, stderr)
    usage = report.usage
    report = replace(report, usage=replace(usage, read=usage.read - usage.reused))
    if report.error or not report.text.startswith("[API Error:"):
        return report
    return replace(report, error=_plainly(report.text), status=_status(report.text), after=_after(report.text))


def codex(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read `codex exec --json`, and what its log (`RUST_LOG`) says of requests and of what the sandbox refused.

    The events alone hide both: a refused command may have none, and an error may be a body without its status.
    """
    seen, log = _events(stdout), stderr.decode("utf-8", "replace")
    items = [event.get("item") for event in seen if event.get("type") == "item.completed"]
    texts = [_words(item, "text") for item in items if _words(item, "type") == "agent_message"]
    done = [_at(event, "usage") for event in seen if event.get("type") == "turn.completed"]
    errors = [_words(event, "error", "message") for event in seen if event.get("type") == "turn.failed"]
    errors += [_words(event, "message") for event in seen if event.get("type") == "error"] * (not done)
    error = errors[0] if errors else _complaint(code, stderr)
    statuses = [int(found) for found in _REQUEST.findall(log)]
    return Report(
        text=texts[-1] if texts else "",
        usage=_sum(
            Usage(
                read=int(_number(usage, "input_tokens")),
                written=int(_number(usage, "output_tokens")),
                reused=int(_number(usage, "cached_input_tokens")),
            )
            for usage in done
        ),
        denied=_codex_denied(log, items),
        error=_plainly(error),
        status=(_status(error) or (statuses[-1] if statuses and statuses[-1] >= 400 else 0)) if error else 0,
        after=_after(error),
        ended=bool(done or errors),
    )


def gemini(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read `gemini -o stream-json`: a forbidden tool is one it does not know, and its exit code a status cut to a byte."""
    seen = _events(stdout)
    closing = next((event for event in reversed(seen) if event.get("type") == "result"), None)
    calls = {_words(event, "tool_id"): event for event in seen if event.get("type") == "tool_use"}
    refused = [calls.get(_words(event, "tool_id"), {}) for event in seen if _words(event, "error", "type") in _GEMINI_DENIALS]
    failed = _words(closing, "status") != "success"
    error = (_words(closing, "error", "message") or _complaint(code, stderr)) if failed else ""
    return Report(
        text=_last_words(seen),
        usage=Usage(
            read=int(_number(closing, "stats", "input_tokens")),
            written=int(_number(closing, "stats", "output_tokens")),
            reused=int(_number(closing, "stats", "cached")),
        ),
        denied=tuple(_refused(_words(call, "tool_name"), call.get("parameters")) for call in refused),
        error=_plainly(error),
        status=(_status(error) or _CUT.get(code, 0)) if error else 0,
        after=_after(error),
        ended=closing is not None,
    )


def opencode(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read `opencode run --format json`: usage comes by the step, and a forbidden tool is called `invalid`."""
    seen = _events(stdout)
    parts = [(event.get("type"), event.get("part")) for event in seen]
    texts = [_words(part, "text") for kind, part in parts if kind == "text"]
    steps = [part for kind, part in parts if kind == "step_finish"]
    failure = next((_at(event, "error") for event in seen if event.get("type") == "error"), None)
    error = _words(failure, "data", "message") or _words(failure, "name") or ("" if steps else _complaint(code, stderr))
    whole = json.dumps(failure)
    return Report(
        text=texts[-1] if texts else "",
        usage=_sum(map(_step, steps)),
        denied=tuple(_opencode_denied(part) for kind, part in parts if kind == "tool_use" and _opencode_denied(part)),
        error=error,
        status=(int(_number(failure, "data", "statusCode")) or _status(whole)) if failure else _status(error),
        after=_after(whole),
        ended=bool(steps or failure),
    )


def pi(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read `pi --mode json`: the last message says whether the run failed, the exit code does not."""
    seen = _events(stdout)
    messages = [event.get("message") for event in seen if event.get("type") == "message_end"]
    said = [message for message in messages if _words(message, "role") == "assistant"]
    calls = {
        _words(part, "id"): part for message in said for part in _items(message, "content") if _words(part, "type") == "toolCall"
    }
    unknown = [
        _words(message, "toolCallId")
        for message in messages
        if _words(message, "role") == "toolResult" and _text(message) == f"Tool {_words(message, 'toolName')} not found"
    ]
    last = said[-1] if said else None
    failed = _words(last, "stopReason") in ("error", "aborted")
    error = (_words(last, "errorMessage") or _words(last, "stopReason")) if failed else ("" if said else _complaint(code, stderr))
    return Report(
        text=_text(last),
        usage=_sum(_pi_usage(_at(message, "usage")) for message in said),
        denied=tuple(_refused(_words(calls.get(call), "name"), _at(calls.get(call), "arguments")) for call in unknown),
        error=_plainly(error),
        status=_status(error),
        after=_after(error),
        ended=any(event.get("type") == "agent_end" for event in seen),
    )


def aider(code: int, stdout: bytes, stderr: bytes) -> Report:
    """Read aider's prose: it has no other output, so an error is a line that names one of its client's."""
    text = stdout.decode("utf-8", "replace")
    found = _AIDER_ERROR.search(text)
    error = found.group() if found else _complaint(code, stderr)
    sent = received = 0
    for much, thousands, back, thousands_back in _TOKENS.findall(text):
        sent += int(float(much) * (1000 if thousands else 1))
        received += int(float(back) * (1000 if thousands_back else 1))
    costs = sum(float(cost) for cost in _COST.findall(text))
    denied = tuple(f"edit {path}" for path in _UNAPPLIED.findall(text))
    return Report(text, Usage(sent, received, 0, costs), denied, error, status=_status(error), after=_after(error))


def _events(stdout: bytes) -> list[dict[str, Plain]]:
    """Return the JSON objects among the lines; a line cut in the middle is none."""
    found = []
    for line in stdout.splitlines():
        try:
            event = parse(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def _at(value: object, *path: str) -> Plain:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value  # type: ignore[return-value]  # it came out of JSON


def _number(value: object, *path: str) -> float:
    found = _at(value, *path)
    return found if isinstance(found, int | float) else 0


def _words(value: object, *path: str) -> str:
    found = _at(value, *path)
    return found if isinstance(found, str) else ""


def _items(value: object, *path: str) -> list[Plain]:
    found = _at(value, *path)
    return list(found) if isinstance(found, list) else []


def _text(message: object) -> str:
    return "".join(_words(part, "text") for part in _items(message, "content"))


def _sum(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())


def _messages(usage: object) -> Usage:
    """Count tokens of the Messages API, which tells those read from and laid into the cache apart from the rest."""
    reused = int(_number(usage, "cache_read_input_tokens"))
    fresh = int(_number(usage, "input_tokens") + _number(usage, "cache_creation_input_tokens"))
    return Usage(fresh + reused, int(_number(usage, "output_tokens")), reused)


def _model(usage: object) -> Usage:
    reused = int(_number(usage, "cacheReadInputTokens"))
    fresh = int(_number(usage, "inputTokens") + _number(usage, "cacheCreationInputTokens"))
    return Usage(fresh + reused, int(_number(usage, "outputTokens")), reused)


def _step(part: object) -> Usage:
    reused = int(_number(part, "tokens", "cache", "read"))
    fresh = int(_number(part, "tokens", "input") + _number(part, "tokens", "cache", "write"))
    written = int(_number(part, "tokens", "output") + _number(part, "tokens", "reasoning"))
    return Usage(fresh + reused, written, reused, _number(part, "cost"))


def _pi_usage(usage: object) -> Usage:
    reused = int(_number(usage, "cacheRead"))
    fresh = int(_number(usage, "input") + _number(usage, "cacheWrite"))
    return Usage(fresh + reused, int(_number(usage, "output")), reused, _number(usage, "cost", "total"))


def _last_words(seen: list[dict[str, Plain]]) -> str:
    """Return what gemini said after its last tool; it says it in pieces."""
    text = ""
    for event in seen:
        if event.get("type") == "tool_use":
            text = ""
        if event.get("type") == "message" and event.get("role") == "assistant":
            text += _words(event, "content")
    return text


def _codex_denied(log: str, items: list[Plain]) -> tuple[str, ...]:
    arguments = dict(_CALL.findall(log))
    refused = [_refused(tool, _decoded(arguments.get(call, "{}"))) for tool, call in _SANDBOX.findall(log)]
    refused += [_refused(_words(item, "type"), item) for item in items if _is_declined(item)]
    return tuple(refused)


def _is_declined(item: object) -> bool:
    """Whether a step of codex was refused, or could not be tried because the sandbox itself does not start."""
    return _words(item, "status") == "declined" or _words(item, "aggregated_output").startswith("bwrap:")


def _opencode_denied(part: object) -> str:
    state = _at(part, "state")
    if _words(part, "tool") == "invalid" and "unavailable tool" in _words(state, "input", "error"):
        return _words(state, "input", "tool")
    said = _words(state, "error").lower() if _words(state, "status") == "error" else ""
    return _refused(_words(part, "tool"), _at(state, "input")) if "permission" in said or "rejected" in said else ""


def _refused(tool: str, arguments: object) -> str:
    """Return a tool and the file or command it was for, in one line."""
    found = next((_words(arguments, name) for name in _OBJECTS if _words(arguments, name)), "")
    return " ".join(f"{tool} {found}".split())


def _decoded(text: str) -> Plain:
    try:
        return parse(text)  # type: ignore[no-any-return]
    except ValueError:
        return None


def _plainly(error: str) -> str:
    """Return the message inside an error that is, or quotes, a provider's JSON body."""
    try:
        body, _ = json.JSONDecoder().raw_decode(error, error.index("{"))
    except ValueError:
        return error
    return _words(body, "error", "message") or _words(body, "message") or error


def _status(error: str) -> int:
    found = _STATUS.search(error)
    return int(found.group(1) or found.group(2)) if found else 0


def _after(error: str) -> float | None:
    found = _AFTER.search(error)
    return float(found.group(1)) if found else None


def _complaint(code: int, stderr: bytes) -> str:
    """Return the last line of a command's complaint, if it failed."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return (lines[-1].strip() if lines else f"exit code {code}") if code else ""
