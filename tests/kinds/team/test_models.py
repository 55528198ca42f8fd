"""Models: the runtimes `openai` and `anthropic` against a server on loopback that says what a test tells it to."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread, Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Ask
from bmad_provisioner.kinds.team.runtimes.answers import Shape, find, unfenced
from bmad_provisioner.kinds.team.runtimes.dialects import CHAT, MESSAGES, RESPONSES
from bmad_provisioner.kinds.team.runtimes.models import ANTHROPIC, OPENAI
from bmad_provisioner.kinds.team.runtimes.prices import PRICES, Price, own_price, price
from bmad_provisioner.kinds.team.runtimes.wire import MOST, wait
from bmad_provisioner.usage import Usage

KEY = "sk-not-for-anybody-1234567890"
SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["good", "bad"]}}, "required": ["verdict"]}


@dataclass(frozen=True)
class Says:
    """What the server says: `times` bodies one after the other, `pause` seconds apart, of `promised` bytes in all."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    pause: float = 0.0
    promised: int | None = None


@contextmanager
def server(says):
    seen, over = [], Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(self.rfile.read(length))))
            self.send_response(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(says.promised or len(says.body) * says.times))
            self.end_headers()
            with suppress(OSError):
                for _ in range(says.times):
                    self.wfile.write(says.body)
                    over.wait(says.pause)

        def log_message(self, *_):
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", seen
    finally:
        over.set()
        listening.shutdown()
        listening.server_close()


def chat(text, ending="stop", **message):
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": ending}
    used = {"prompt_tokens": 1000, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 200}}
    return json.dumps({"choices": [choice], "usage": used}).encode()


def responses(text, status="completed", **more):
    items = [{"type": "reasoning", "summary": []}, {"type": "message", "content": [{"type": "output_text", "text": text}]}]
    used = {"input_tokens": 1000, "output_tokens": 50, "input_tokens_details": {"cached_tokens": 200}}
    return json.dumps({"status": status, "output": items, "usage": used, **more}).encode()


def messages(text, ending="end_turn", data=None):
    parts = [{"type": "text", "text": text}] if data is None else [{"type": "tool_use", "name": "answer", "input": data}]
    used = {"input_tokens": 700, "output_tokens": 50, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 100}
    return json.dumps({"content": parts, "stop_reason": ending, "usage": used}).encode()


DIALECTS = {
    "chat": (OPENAI, {}, chat, "/chat/completions"),
    "responses": (OPENAI, {"responses": True}, responses, "/responses"),
    "messages": (ANTHROPIC, {}, messages, "/messages"),
}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("MODEL_KEY", KEY)


def put(tmp_path, says, runtime=OPENAI, options=None, **ask):
    """Ask the runtime once; return its answer and what the server saw."""
    given = {"model": "m", "key": "MODEL_KEY", **(options or {})}
    with server(says) as (url, seen):
        answer = runtime.ask(Ask("dev", "Write it.", tmp_path, options={"base_url": url, **given}, **ask))
    return answer, seen


def failure(tmp_path, says, runtime=OPENAI, **ask):
    with pytest.raises(TaskError) as caught:
        put(tmp_path, says, runtime, **ask)
    return caught.value


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_model_is_told_its_role_and_its_prompt_and_its_answer_is_the_file(tmp_path, dialect):
    runtime, options, body, path = DIALECTS[dialect]

    answer, seen = put(tmp_path, Says(body("```md\n# Plan\n```")), runtime, options, system="You plan.", makes=("prd.md",))

    assert answer.files == {"prd.md": b"# Plan\n"}
    assert answer.trouble == ""
    assert answer.usage == Usage(read=1000, written=50, reused=200)
    where, headers, asked = seen[0]
    assert where == path
    assert KEY in headers["x-api-key" if dialect == "messages" else "authorization"]
    assert "You plan." in json.dumps(asked)
    assert "Write it." in json.dumps(asked)
    assert "`prd.md`" in json.dumps(asked)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_several_files_come_as_one_object_that_a_schema_asks_for(tmp_path, dialect):
    runtime, options, body, _ = DIALECTS[dialect]
    value = {"files": {"a.py": "a = 1", "docs/b.md": "b"}}
    says = Says(body("", data=value) if dialect == "messages" else body(json.dumps(value)))

    answer, seen = put(tmp_path, says, runtime, options, makes=("a.py", "docs/*.md"))

    assert answer.files == {"a.py": b"a = 1\n", "docs/b.md": b"b\n"}
    assert '"required": ["files"]' in json.dumps(seen[0][2])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_structured_answer_meets_its_schema_or_is_trouble(tmp_path, dialect):
    runtime, options, body, _ = DIALECTS[dialect]

    def ask(value):
        says = Says(body("", data=value) if dialect == "messages" else body(json.dumps(value)))
        return put(tmp_path, says, runtime, options, schema=SCHEMA)[0]

    assert ask({"verdict": "good"}).data == {"verdict": "good"}
    assert ask({"verdict": "good"}).trouble == ""
    assert "does not meet its schema: $.verdict" in ask({"verdict": "perhaps"}).trouble
    assert "is not the JSON" in put(tmp_path, Says(body("Well, ...")), runtime, options, schema=SCHEMA)[0].trouble


@pytest.mark.parametrize(
    ("dialect", "body", "trouble"),
    [
        ("chat", chat("half", "length"), "cut off"),
        ("chat", chat(None, refusal="I will not"), "refused: I will not"),
        ("chat", chat("half", "content_filter"), "refused"),
        ("responses", responses("half", "incomplete", incomplete_details={"reason": "max_output_tokens"}), "cut off"),
        ("responses", responses("", "failed", error={"message": "broke"}), "failed: broke"),
        (
            "responses",
            responses("", output=[{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]),
            "refused: no",
        ),
        ("messages", messages("half", "max_tokens"), "cut off"),
        ("messages", messages("", "refusal"), "refused"),
        ("chat", chat("   "), "empty"),
    ],
)
def test_an_answer_that_is_not_whole_is_trouble_and_still_counts_its_tokens(tmp_path, dialect, body, trouble):
    runtime, options, *_ = DIALECTS[dialect]

    answer, _ = put(tmp_path, Says(body), runtime, options, makes=("a.md",))

    assert trouble in answer.trouble
    assert answer.files == {}
    assert answer.usage.tokens == 1050


@pytest.mark.parametrize(
    ("status", "heals", "barred"),
    [(401, False, True), (402, False, True), (403, False, True)]
    + [(status, False, False) for status in (307, 400, 404, 413, 422)]
    + [(status, True, False) for status in (408, 409, 429, 500, 502, 503, 504, 529)],
)
@pytest.mark.parametrize("runtime", [OPENAI, ANTHROPIC], ids=lambda runtime: runtime.name)
def test_a_status_says_whether_trying_again_may_help(tmp_path, runtime, status, heals, barred):
    words = json.dumps({"error": {"type": "some_error", "message": f"no luck with {KEY}\n" + "x" * 5000}}).encode()

    error = failure(tmp_path, Says(words, status, {"location": "http://127.0.0.2/"}), runtime)

    assert (error.heals, error.barred) == (heals, barred)
    assert f"said {status}: no luck with *** xxx" in error.message
    assert len(error.message) < 400


def test_an_empty_account_is_no_reason_to_try_again(tmp_path):
    words = json.dumps({"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}).encode()

    error = failure(tmp_path, Says(words, 429, {"retry-after": "1"}))

    assert (error.heals, error.barred) == (False, True)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"[" * 100_000, b"\xff\xfe", b"", b'{"detail": "not here"}'])
def test_whatever_an_error_is_written_in_its_status_counts(tmp_path, body):
    assert failure(tmp_path, Says(body, 503)).heals


def test_the_wait_a_server_asks_for_is_passed_on(tmp_path):
    assert failure(tmp_path, Says(b"{}", 429, {"Retry-After": "7"})).after == 7.0


NOON = 1_795_262_400.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-3"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "1m30s"}, None),
        ({"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-11-21T12:00:05Z"}, 5.0),
        ({"anthropic-ratelimit-tokens-remaining": "0"}, None),
    ],
)
def test_a_wait_is_read_in_every_spelling(headers, seconds):
    assert wait(headers, NOON) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "says",
    [
        Says(chat("half")[:20], promised=1000),
        Says(b"this is no JSON"),
        Says(b"[" * 100_000),
        Says(b"null"),
        Says(b"{}"),
        Says(b'{"choices": []}'),
        Says(b'{"choices": [{"message": {"content": 5}}]}'),
        Says(b'{"choices": [{"message": {"content": "x"}}], "usage": 7}'),
    ],
    ids=["closed mid-answer", "no JSON", "deep", "null", "empty", "no choice", "no text", "no usage"],
)
def test_an_answer_that_is_none_may_be_better_next_time(tmp_path, says):
    assert failure(tmp_path, says).heals


NAMES = [
    "choices",
    "message",
    "content",
    "refusal",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "output",
    "type",
    "text",
    "status",
    "input",
    "name",
    "error",
    "details",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*NAMES, "tool_use"]),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(NAMES), some, max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(value=JSON, dialect=st.sampled_from([CHAT, RESPONSES, MESSAGES]))
def test_whatever_json_comes_it_is_a_reply_or_none(value, dialect):
    try:
        reply = dialect.read(value)
    except (LookupError, TypeError, AttributeError):
        return
    assert isinstance(reply.text, str)
    assert min(reply.usage.read, reply.usage.written, reply.usage.reused) >= 0


@settings(max_examples=200, deadline=None)
@given(text=st.text() | st.text(alphabet="`~ \na"))
def test_only_text_that_begins_like_a_fence_is_changed(text):
    assert unfenced(text) == text or text.strip().startswith(("`", "~"))


def test_a_server_that_is_not_there_may_be_there_later(tmp_path):
    with server(Says()) as (url, _):
        pass

    with pytest.raises(TaskError) as caught:
        OPENAI.ask(Ask("dev", "Write it.", tmp_path, options={"base_url": url, "model": "m"}))

    assert caught.value.heals
    assert "running" in caught.value.hint


def test_reading_an_endless_answer_stops(tmp_path):
    answer, _ = put(tmp_path, Says(bytes(1024 * 1024), times=1024))

    assert answer.trouble == f"the answer is longer than {MOST // 1024**2} MiB"


def test_an_endless_refusal_is_a_refusal(tmp_path):
    assert failure(tmp_path, Says(bytes(1024 * 1024), status=503, times=1024)).heals


def test_an_answer_that_trickles_is_given_up_when_its_time_is_over(tmp_path):
    error = failure(tmp_path, Says(b" ", times=10_000, pause=0.02), turn=Turn(seconds=0.3))

    assert error.heals
    assert "within 0.3 s" in error.message


def test_an_answer_nobody_waits_for_is_given_up(tmp_path):
    stop = Event()
    Timer(0.2, stop.set).start()
    began = time.monotonic()

    error = failure(tmp_path, Says(b" ", times=10_000, pause=60.0), turn=Turn(stopped=stop.is_set))

    assert "stopped" in error.message
    assert time.monotonic() - began < 60.0


def test_a_redirect_is_not_followed(tmp_path):
    with server(Says(chat("from elsewhere"))) as (elsewhere, seen):
        error = failure(tmp_path, Says(b"", 307, {"location": elsewhere}))

    assert seen == []
    assert "base_url" in error.hint


def test_what_a_key_may_not_be_is_said_without_the_key(tmp_path, monkeypatch):
    for value, message in [
        ("", "is not set"),
        ("sk-\nsecret", "holds what no header can"),
        ("sk-sécret", "holds what no header can"),
    ]:
        monkeypatch.setenv("MODEL_KEY", value)
        error = failure(tmp_path, Says(chat("x")))

        assert error.barred
        assert message in error.message
        assert "cret" not in error.message


def test_another_endpoint_sees_only_a_key_that_was_named_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TENANT", "blue")
    with server(Says(chat("hello"))) as (url, seen):
        options = {"base_url": url, "model": "m", "headers": {"X-Tenant": "TENANT"}}
        OPENAI.ask(Ask("dev", "Hi.", tmp_path, options=options))

    assert "authorization" not in seen[0][1]
    assert seen[0][1]["x-tenant"] == "blue"


def test_the_texts_of_attached_files_go_along(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/prd.md").write_text("REQ-1: fast")
    (tmp_path / "secret.md").write_text("not asked for")

    _, seen = put(tmp_path, Says(chat("ok")), options={"attach": ["docs/*.md", "docs/**/*"]})

    said = seen[0][2]["messages"][-1]["content"]
    assert said.count('<file path="docs/prd.md">\nREQ-1: fast\n</file>') == 1
    assert "not asked for" not in said


def test_what_is_no_text_or_lies_elsewhere_is_not_attached(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    (tmp_path / "outside.md").write_text("secret")
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    (folder / "image.png").write_bytes(b"\x89PNG\xff")
    (folder / "big.txt").write_bytes(b"x" * (2 * 1024 * 1024 + 1))

    for glob, message in [("*.md", "leads out"), ("*.png", "is no text"), ("*.txt", "more than 2 MiB")]:
        assert message in failure(folder, Says(chat("ok")), options={"attach": [glob]}).message


def test_settings_reach_the_model(tmp_path):
    options = {"temperature": 0, "max_tokens": 99, "strict": True}
    sent = {
        name: put(tmp_path, Says(body(json.dumps({"verdict": "good"}))), runtime, {**options, **more}, schema=SCHEMA)[1][0][2]
        for name, (runtime, more, body, _) in DIALECTS.items()
    }

    assert [sent[name]["temperature"] for name in DIALECTS] == [0, 0, 0]
    assert sent["chat"]["max_completion_tokens"] == sent["responses"]["max_output_tokens"] == sent["messages"]["max_tokens"] == 99
    assert sent["chat"]["response_format"]["json_schema"]["strict"] is True
    assert sent["responses"]["text"]["format"]["schema"] == SCHEMA
    assert sent["messages"]["tools"][0]["strict"] is True


def test_a_schema_beside_files_keeps_what_it_refers_to():
    schema = {"$ref": "#/$defs/verdict", "$defs": {"verdict": {"enum": ["good"]}}}
    shape = Shape(("a.md",), schema)

    def read(value):
        return find(json.dumps(value), None, shape)

    good = read({"answer": "good", "files": {"a.md": "x"}})
    assert (good.data, good.files, good.trouble) == ("good", {"a.md": b"x\n"}, "")
    assert "$.answer" in read({"answer": "bad", "files": {"a.md": "x"}}).trouble
    assert "'a.md' is a required property" in read({"answer": "good", "files": {}}).trouble


def test_a_schema_that_refers_to_elsewhere_is_not_fetched():
    found = find('{"a": 1}', None, Shape((), {"$ref": "http://127.0.0.1:9/schema.json"}))

    assert "the schema cannot be used" in found.trouble


@pytest.mark.parametrize("path", ["../x.py", "/etc/x.py", "a/../../x.py", "a//x.py", "./x.py", "x.md", "a\nx.py", "a\\..\\x.py"])
def test_a_file_nobody_asked_for_is_denied(path):
    found = find(json.dumps({"files": {path: "x", "b.py": "y"}}), None, Shape(("*.py", "b.py")))

    assert found.files == {"b.py": b"y\n"}
    assert found.denied == (f"write {path}",)


@pytest.mark.parametrize("text", ['{"files": {"a.py": NaN}}', '{"files": 3}', "[]", '{"files": {"a.py": 1}}', "{" * 9, "[" * 10**5])
def test_an_object_of_another_shape_is_trouble(text):
    assert find(text, None, Shape(("a.py", "b.py"))).trouble


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("plain", "plain"),
        ("```python\na = 1\n```", "a = 1"),
        ("\n~~~\na\n~~~\n", "a"),
        ("````md\n```py\na\n```\n````", "```py\na\n```"),
        ("```md\n# T\n```py\na\n```\nmore\n```", "# T\n```py\na\n```\nmore"),
        ("```py\na\n```\nthen\n```py\nb\n```", "```py\na\n```\nthen\n```py\nb\n```"),
        ("```py\na", "```py\na"),
        ("```", "```"),
        ("", ""),
    ],
)
def test_only_a_fence_around_everything_is_taken_off(text, bare):
    assert unfenced(text) == bare


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path):
    answer, _ = put(tmp_path, Says(chat("a\ud800b")), makes=("a.md",))

    assert answer.files == {"a.md": b"a?b\n"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "`model`"),
        ({"base_url": "ftp://host"}, "`base_url`"),
        ({"base_url": "http://me:secret@host"}, "`base_url`"),
        ({"base_url": "http://[::1"}, "`base_url`"),
        ({"key": "sk-abc-123"}, "`key`"),
        ({"headers": {"X-A": "not a name"}}, "`headers`"),
        ({"headers": ["X-A"]}, "`headers`"),
        ({"temperature": 3}, "`temperature`"),
        ({"temperature": True}, "`temperature`"),
        ({"max_tokens": 0}, "`max_tokens`"),
        ({"max_tokens": 1.5}, "`max_tokens`"),
        ({"strict": "yes"}, "`strict`"),
        ({"attach": "*.md"}, "`attach`"),
        ({"attach": ["../*"]}, "`attach`"),
        ({"price": {"input": 1}}, "`price`"),
        ({"colour": "red"}, "`colour` is no option"),
    ],
)
def test_wrong_options_are_named(options, message):
    found = OPENAI.check({"model": "m", **options})

    assert len(found) == 1
    assert found[0].startswith(message)


def test_right_options_are_right():
    options = {"model": "m", "base_url": "http://127.0.0.1:8080/v1", "key": "K", "headers": {"X-A": "B"}, "temperature": 0.2}
    more = {"max_tokens": 5, "strict": False, "attach": ["**/*.md"], "price": {"input": 1, "output": 2.5}}

    assert OPENAI.check({**options, **more, "responses": True}) == ()
    assert ANTHROPIC.check({**options, **more}) == ()
    assert OPENAI.check({}) == ("`model` is missing: the name of a model",)
    assert "`responses` is no option" in ANTHROPIC.check({"model": "m", "responses": True})[0]


def test_the_version_names_what_answers():
    assert OPENAI.version({"model": "gpt-5"}) == "openai-chat https://api.openai.com/v1 gpt-5"
    assert OPENAI.version({"model": "gpt-5", "responses": True}) == "openai-responses https://api.openai.com/v1 gpt-5"
    assert ANTHROPIC.endpoint({"base_url": "http://127.0.0.1:1/v1/"}) == "http://127.0.0.1:1/v1"
    assert [dialect.key for dialect in (CHAT, RESPONSES, MESSAGES)] == ["OPENAI_API_KEY"] * 2 + ["ANTHROPIC_API_KEY"]


def test_a_known_price_is_charged_and_an_unknown_one_is_not_guessed():
    usage = Usage(read=1_000_000, written=100_000, reused=400_000)

    assert price("claude-haiku-4-5-20251001", usage) == pytest.approx(0.6 + 0.04 + 0.5)
    assert price("gpt-5-2025-08-07", usage) == pytest.approx(0.75 + 0.05 + 1.0)
    assert price("gpt-5-turbo-extra", usage) is None
    assert all(known.cached < known.input < known.output for known in PRICES.values())
    assert own_price({"input": 1, "output": 2}) == Price(1.0, 2.0, 1.0)
    assert own_price({"input": -1, "output": 2}) is None


def test_a_document_may_give_its_own_price_and_another_endpoint_has_no_list_price(tmp_path):
    own = {"price": {"input": 2, "output": 10, "cached": 0.5}}

    assert put(tmp_path, Says(chat("x")), options=own)[0].usage.cost == pytest.approx((800 * 2 + 200 * 0.5 + 50 * 10) / 1e6)
    assert put(tmp_path, Says(chat("x")), options={"model": "gpt-5"})[0].usage.cost == 0.0
