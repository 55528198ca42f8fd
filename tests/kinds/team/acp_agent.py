"""A coding agent that speaks ACP and does what its first argument says, well or badly. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import count

numbers = count(1)
folder = ""


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def receive():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def call(method, **params):
    """Ask the client, and return its answer."""
    number = f"agent-{next(numbers)}"
    send(id=number, method=method, params={"sessionId": "s1", **params})
    answer = receive()
    assert answer["id"] == number, answer
    return answer


def update(kind, /, **more):
    send(method="session/update", params={"sessionId": "s1", "update": {"sessionUpdate": kind, **more}})


def say(text):
    update("agent_message_chunk", content={"type": "text", "text": text})


def permission(kind, path=None, options=("allow_once", "allow_always", "reject_once"), **more):
    call_ = {"toolCallId": "t1", "title": f"{kind} something", "kind": kind, "locations": [{"path": path}] if path else [], **more}
    return call(
        "session/request_permission",
        toolCall=call_,
        options=[{"optionId": f"id-{option}", "name": option, "kind": option} for option in options],
    )["result"]["outcome"]


def write(path, content="made\n"):
    return call("fs/write_text_file", path=path, content=content)


def good(prompt):
    target = os.path.join(folder, "made.txt")
    update("agent_thought_chunk", content={"type": "text", "text": "hm"})
    update("usage_update", used=10, size=1000, cost={"amount": 0.25, "currency": "USD"})
    outcome = permission("edit", target)
    if outcome == {"outcome": "selected", "optionId": "id-allow_once"}:
        assert write(target)["result"] == {}
    say("The file ")
    say("is written.")
    return {"usage": {"inputTokens": 100, "outputTokens": 20, "cachedReadTokens": 30, "thoughtTokens": 5, "totalTokens": 155}}


def echo(prompt):
    say(json.dumps({"prompt": [part["text"] for part in prompt], "env": sorted(os.environ), "cwd": os.getcwd()}))
    return {"_meta": {"quota": {"token_count": {"input_tokens": 7, "output_tokens": 3}}}}


def outside(prompt):
    for path in ("/etc/bmadp-made.txt", "../made.txt", os.path.join(folder, "a/../../made.txt"), "link/made.txt", "\0"):
        answer = write(path)
        assert answer["error"]["code"] == -32602, answer
    say(permission("edit", "/etc/passwd")["optionId"])
    return {}


def reads(prompt):
    path = os.path.join(folder, "story.txt")
    say(
        json.dumps(
            {
                "all": call("fs/read_text_file", path=path)["result"]["content"],
                "some": call("fs/read_text_file", path=path, line=2, limit=1)["result"]["content"],
                "missing": call("fs/read_text_file", path=os.path.join(folder, "no.txt"))["error"]["code"],
                "binary": call("fs/read_text_file", path=os.path.join(folder, "image.png"))["error"]["code"],
                "outside": call("fs/read_text_file", path="/etc/hostname")["error"]["code"],
                "folder": call("fs/read_text_file", path=folder)["error"]["code"],
            }
        )
    )
    return {}


def asks(prompt):
    inside = os.path.join(folder, "made.txt")
    say(
        " ".join(
            permission(*request).get("optionId", "cancelled")
            for request in (
                ("read",),
                ("read", "/etc/passwd"),
                ("edit", inside),
                ("edit",),
                ("delete", "/x"),
                ("execute",),
                ("fetch",),
            )
        )
    )
    return {}


def known(prompt):
    """What it told of a call before it asked counts; so does a path it names only among the tool's arguments."""
    update(
        "tool_call", toolCallId="t9", title="Edit made.txt", kind="edit", rawInput={"file_path": os.path.join(folder, "made.txt")}
    )
    outcome = call(
        "session/request_permission",
        toolCall={"toolCallId": "t9"},
        options=[{"optionId": "yes", "name": "Yes", "kind": "allow_always"}],
    )["result"]["outcome"]
    say(outcome["optionId"])
    say(" " + permission("execute", options=("allow_once",))["outcome"])
    return {}


def unknown(prompt):
    say(str(call("terminal/create", command="ls")["error"]["code"]))
    return {}


def garbage(prompt):
    print("npm warn deprecated\n\n[1, 2]\n{broken\nnull\n\xff", flush=True)
    send(id=999, result={"stopReason": "end_turn"})
    send(id=None, error={"code": 1, "message": "not for you"})
    send(method="session/update", params=None)
    send(method="session/update", params={"update": {"sessionUpdate": "agent_message_chunk", "content": "no"}})
    say("still here")
    return {}


def crash(prompt):
    print("it broke with", os.environ.get("AGENT_KEY"), file=sys.stderr, flush=True)
    sys.exit(3)


def killed(prompt):
    os.kill(os.getpid(), 9)


def hang(prompt):
    time.sleep(600)


def deaf(prompt):
    os.close(1)
    time.sleep(600)


def flood(prompt):
    while True:
        say("x" * 1_000_000)


def end(reason):
    return lambda prompt: {"stopReason": reason}


def fail(code, message, data=None):
    return lambda prompt: {"error": {"code": code, "message": message, "data": data}}


def words(text):
    def speak(prompt):
        say(text)
        return {}

    return speak


TURNS = {
    **{one.__name__: one for one in (good, echo, outside, reads, asks, known, unknown, garbage, crash, killed, hang, deaf, flood)},
    **{reason: end(reason) for reason in ("max_tokens", "refusal", "cancelled", "max_turn_requests", "whatever")},
    "busy": fail(429, "Rate limit exceeded"),
    "broken": fail(-32603, "Internal error", {"details": "model went away"}),
    "keyless": fail(-32603, "Internal error: invalid x-api-key", "session"),
    "forbidden": fail(403, "Forbidden"),
    "wrong": fail(-32602, "Invalid params"),
    "json": words('```json\n{"verdict": "good"}\n```'),
    "prose": words("I would rather not."),
}


def main(mode):
    global folder  # noqa: PLW0603 - one process, one session
    if mode == "mute":
        sys.exit("usage: agent")
    while True:
        message = receive()
        method, params = message["method"], message["params"]
        if method == "initialize":
            assert params["clientCapabilities"]["fs"] == {"readTextFile": False, "writeTextFile": True}
            send(id=message["id"], result={"protocolVersion": 7 if mode == "other" else 1, "agentCapabilities": {}})
        elif method == "session/new" and mode == "stranger":
            send(id=message["id"], error={"code": -32000, "message": "Authentication required"})
        elif method == "session/new":
            folder = params["cwd"]
            chooser = {"id": "m", "category": "model", "type": "select", "currentValue": "a", "options": []}
            offers = {"old": {"models": {"availableModels": []}}, "new": {"configOptions": [{"id": "x"}, chooser]}}
            send(id=message["id"], result={"sessionId": "s1", **offers.get(mode, {})})
        elif method in ("session/set_model", "session/set_config_option"):
            say(f"{method} {params.get('configId', '')} {params.get('value') or params.get('modelId')}")
            send(id=message["id"], result={})
        else:
            assert method == "session/prompt", message
            result = TURNS.get(mode, words(""))(params["prompt"])
            if "error" in result:
                send(id=message["id"], error=result["error"])
            else:
                send(id=message["id"], result={"stopReason": "end_turn", **result})


main(sys.argv[1])
