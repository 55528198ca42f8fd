"""Every fault of a Team document is named at once, with its place, line and remedy; what is right becomes values."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bmad_provisioner.engine.profile import PROFILES
from bmad_provisioner.engine.task import Effect, Keeping, Priority, Resources
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Document
from bmad_provisioner.kinds.team import units
from bmad_provisioner.kinds.team.check import check, circles
from bmad_provisioner.kinds.team.model import schema
from bmad_provisioner.kinds.team.rules import RULES
from bmad_provisioner.kinds.team.runtime import MEBI
from bmad_provisioner.kinds.team.runtimes.models import ANTHROPIC, OPENAI
from bmad_provisioner.kinds.team.runtimes.template import RUNTIME as TEMPLATE
from bmad_provisioner.kinds.team.team import BudgetRule, Leader, Read, Review, team
from bmad_provisioner.patterns import meet
from bmad_provisioner.strict_yaml import parse

RUNTIMES = {"openai": OPENAI, "anthropic": ANTHROPIC, "template": TEMPLATE}
FULL = """\
kind: Team
name: fullstack
language: fr
profile: {agents: 4, memory: 1GB, cpu: 0.5}
request:
  ui: {theme: dark}
  REQ-7: people sign in
agents:
  manager:
    runtime: {openai: {model: m, temperature: 0}}
    prompt: Write it.
    makes: [docs/prd.md]
    check: test -s docs/prd.md
    schema: {type: object, $defs: {a: {}}, properties: {b: {$ref: "#/$defs/a"}}}
  architect: {needs: [manager], runtime: {anthropic: {model: m}}, makes: [docs/architecture.md], cache: never, retries: 1}
  frontend:
    needs: [architect]
    reads: [requirements.ui, requirements.REQ-7, "docs/prd.md#screens", "src/**/*.py"]
    runtime: {openai: {model: m, key: MY_KEY}}
    makes: ["web/**"]
    tags: [ui]
    cache: code_templates
    domain: React
    env: [HOME]
  tester:
    needs: [frontend, manager]
    priority: high
    review: {of: frontend, rounds: 3}
    effect: once
    runtime: {openai: {model: m}}
    prompt: Test it.
    cache: {ttl: 2h}
    timeout: 5m
    memory: 2GB
    expected: {cost: 0.25, tokens: 20k}
leader: {name: dev-leader, routes: by-domain}
cache: {agent_results: {level: memory, ttl: 1h}, code_templates: {level: disk, ttl: 24h, compress: true}}
policy: {retries: 3, backoff: exponential, timeout: adaptive, breaker: {failures: 5, cool_off: 1m}, fallback: sequential}
budget: {cost: 5.00, tokens: 2M, minutes: 30}
"""
MINIMAL = "kind: Team\nname: t\nrequest: do it\nagents:\n"
AGENT = "runtime: {openai: {model: m}}, prompt: x"


def document(text: str) -> Document:
    (part,) = parse(text.encode(), "bmad.yaml").parts
    assert isinstance(part.data, dict)
    return Document("Team", str(part.data.get("name", "")), part.data, "bmad.yaml", part.lines)


def found(text: str) -> tuple[Finding, ...]:
    return check(document(text), RUNTIMES)


def test_a_full_document_is_right_and_becomes_values() -> None:
    assert found(FULL) == ()
    read = team(document(FULL).data)
    assert list(read.agents) == ["manager", "architect", "frontend", "tester"]
    manager, architect, frontend, tester = read.agents.values()
    assert (read.profile.slots, read.profile.each) == (4, Resources(1024 * MEBI, 0.5))
    assert (manager.runtime, manager.options, manager.title) == ("openai", {"model": "m", "temperature": 0}, "Manager")
    assert (manager.keeping, manager.retries, manager.timeout) == (Keeping(3600.0, "memory"), 3, None)
    assert (architect.keeping, architect.retries) == (None, 1)
    assert frontend.keeping == Keeping(86_400.0, "disk", True, ("ui",))
    assert list(map(str, frontend.reads)) == ["requirements.ui", "requirements.REQ-7", "docs/prd.md#screens", "src/**/*.py"]
    assert (tester.priority, tester.effect, tester.retries, tester.timeout) == (Priority.HIGH, Effect.ONCE, 0, 300.0)
    assert (tester.review, tester.resources) == (Review("frontend", 3), Resources(2048 * MEBI))
    assert (tester.expected.cost, tester.expected.tokens, tester.keeping) == (0.25, 20_000, Keeping(7200.0))
    assert (read.leader, read.budget) == (Leader("dev-leader"), BudgetRule(5.0, 2_000_000, 30.0))
    assert (read.policy.breaker.failures, read.policy.breaker.cool_off, read.policy.timeout) == (5, 60.0, None)


def test_who_declares_no_reads_reads_what_is_made_before_or_else_the_whole_request() -> None:
    read = team(
        document(MINIMAL + f"  a: {{{AGENT}, makes: [x.md]}}\n  b: {{{AGENT}, needs: [a]}}\n  c: {{{AGENT}, reads: []}}\n").data
    )
    assert [agent.reads for agent in read.agents.values()] == [(Read("", "requirements"),), (Read("x.md"),), ()]


@pytest.mark.parametrize("text", ["", "policy:\ncache:\nbudget:\n", "profile: auto\n", "request:\n"])
def test_what_is_left_out_or_empty_is_as_usual(text: str) -> None:
    minimal = (
        "kind: Team\nname: t\nagents:\n"
        + f"  a: {{{AGENT}, needs: null, reads: null, timeout: null, retries: null, cache: null}}\n"
        + text
    )
    assert found(minimal) == ()
    agent = team(document(minimal).data).agents["a"]
    assert (agent.retries, agent.timeout, agent.keeping) == (3, None, Keeping())
    assert agent.resources == Resources()


FAULTS = [
    ("langage: fr", 0, "langage: unknown key", "`language`"),
    ("language: de", 0, "language: must be 'en' or 'fr', not `de`", ""),
    ("profile: meduim", 0, "profile: must be 'small', 'medium'", ""),
    ("profile: {memory: lots}", 0, "profile.memory: must be a size such as `512MB` or `1GB`, not `lots`", ""),
    ("profile: {agents: 0}", 0, "profile.agents: must be at least 1, not 0", ""),
    ("profile: {cpu: 0}", 0, "profile.cpu: must be from 0.01 to 1024", ""),
    ("policy: {retries: 30}", 0, "policy.retries: must be at most 20, not 30", ""),
    ("policy: {breaker: {cool: 3}}", 0, "policy.breaker.cool: unknown key", "`cool_off`"),
    ("cache: {agent_result: {}}", 0, "cache.agent_result: unknown key", "`agent_results`"),
    ("cache: {default: {ttl: 1x}}", 0, "cache.default.ttl: must be a duration such as", ""),
    ("budget: {tokens: many}", 0, "budget.tokens: must be a count such as `500k` or `2M`, not `many`", ""),
    ("leader: {name: b}", 0, "leader.name: `b` is an agent already", "another name"),
    ("b2: {neds: [b]}", 2, "agents.b2.neds: unknown key", "`needs`"),
    ("b2: {prompt: x}", 2, "agents.b2.runtime: field required", "`claude`"),
    ("b2: text", 2, "agents.b2: must be a mapping, not `text`", ""),
    ("b2: {runtime: {a: 1, b: 2}, prompt: x}", 2, "agents.b2.runtime: must have a length of at most 1", "one name with its options"),
    (f"b2: {{{AGENT}, review: {{of: b, rounds: 6}}}}", 2, "agents.b2.review.rounds: must be at most 5, not 6", ""),
    (f"b2: {{{AGENT}, cache: nver}}", 2, "agents.b2.cache: must be 'agent_results'", ""),
    (f"b2: {{{AGENT}, timeout: soon}}", 2, "agents.b2.timeout: must be a duration", ""),
    (f"b2: {{{AGENT}, needs: [bb]}}", 2, "agents.b2.needs.0: no agent is named `bb`", "`b`"),
    (f"b2: {{{AGENT}, needs: [b2]}}", 2, "agents.b2.needs.0: `b2` needs itself", ""),
    (f"b2: {{{AGENT}, needs: [b, b3]}}\n  b3: {{{AGENT}, needs: [b2]}}", 2, "agents.b2.needs.1: a circle: `b2` needs `b3` needs `b2`", "out"),
    ("b2: {runtime: opnai, prompt: x}", 2, "agents.b2.runtime: unknown runtime `opnai`", "`openai`"),
    ("b2: {runtime: zzz, prompt: x}", 2, "agents.b2.runtime: unknown runtime `zzz`", "runtimes are `anthropic`, `openai`"),
    ("b2: {runtime: {openai: {}}, prompt: x}", 2, "agents.b2.runtime: `model` is missing", ""),
    ("b2: {runtime: {openai: {model: m, strict: 3}}, prompt: x}", 2, "agents.b2.runtime.openai: `strict` has to be", ""),
    (f"b2: {{{AGENT}, makes: [/etc/passwd]}}", 2, "agents.b2.makes.0: `/etc/passwd` cannot be made: it is not a relative path", "inside"),
    (f"b2: {{{AGENT}, makes: [a/../../b]}}", 2, "agents.b2.makes.0: `a/../../b` cannot be made: it climbs", "inside"),
    (f"b2: {{{AGENT}, makes: [.git/hooks/x]}}", 2, "`.git` is not ours to write", "inside"),
    (f"b2: {{{AGENT}, makes: ['.bmad-provisioner/**']}}", 2, "`.bmad-provisioner` is not ours to write", "inside"),
    (f"b2: {{{AGENT}, makes: ['a#b']}}", 2, "`a#b` cannot be made", "inside"),
    (f"b2: {{{AGENT}, makes: [docs/b.md]}}", 2, "agents.b2.makes.0: `docs/b.md` is made by `b` already", "path of its own"),
    (f"b2: {{{AGENT}, makes: [docs/B.md]}}", 2, "`docs/B.md` and `docs/b.md` cannot both be in one project", "rename"),
    (f"b2: {{{AGENT}, makes: [Docs/c.md]}}", 2, "agents.b2.makes.0: `Docs` and `docs` cannot both be in one project", "rename"),
    (f"b2: {{{AGENT}, makes: [docs/b.md/c]}}", 2, "cannot both be in one project", "rename"),
    (f"b2: {{{AGENT}, reads: [docs/b.md]}}", 2, "agents.b2.reads.0: `b` makes `docs/b.md`, and `b2` does not wait for it", "add `b` to"),
    (f"b2: {{{AGENT}, reads: ['docs/b.md#x']}}", 2, "`b2` does not wait for it", "add `b` to"),
    (f"b2: {{{AGENT}, reads: ['docs/*.md']}}", 2, "`b` makes `docs/*.md`, and `b2` does not wait for it", "add `b` to"),
    (f"b2: {{{AGENT}, reads: [../secret]}}", 2, "agents.b2.reads.0: `../secret` cannot be read", "inside"),
    (f"b2: {{{AGENT}, reads: ['notes.txt#a']}}", 2, "agents.b2.reads.0: `notes.txt#a` names a section of what has none", "Markdown"),
    (f"b2: {{{AGENT}, reads: ['docs/*.md#a'], needs: [b]}}", 2, "names a section of what has none", "Markdown"),
    (f"b2: {{{AGENT}, reads: [requirements.do-i]}}", 2, "agents.b2.reads.0: no requirement is named", "`requirements.do-it`"),
    (f"b2: {{{AGENT}, review: {{of: b}}}}", 2, "agents.b2.review.of: `b2` reviews `b` and does not need it", "needs: [b]"),
    (f"b2: {{{AGENT}, review: {{of: bb}}, needs: [b]}}", 2, "`b2` reviews `bb`", "`b`"),
    (f"b2: {{{AGENT}}}\n  c: {{{AGENT}, needs: [b2], review: {{of: b2}}}}", 2, "agents.c.review.of: `b2` makes nothing that could be", "files"),
    (f"b2: {{{AGENT}, makes: [x], effect: once}}\n  c: {{{AGENT}, needs: [b2], review: {{of: b2}}}}", 2, "`b2` acts once, and", "rounds: 1"),
    (f"rédacteur: {{{AGENT}}}", 2, "`rédacteur` is no name", "`redacteur`"),
    (f"日本: {{{AGENT}}}", 2, "`日本` is no name", "`writer`"),
    ("b2: {runtime: {template: ../trees/x}, prompt: x}", 2, "agents.b2.runtime.template: `../trees/x` is no folder", ""),
    (f"b2: {{{AGENT}, effect: once, retries: 1}}", 2, "agents.b2.retries: an agent of effect `once` is never tried again", "idempotent"),
    ("b2: {runtime: {openai: {model: m}}}", 2, "agents.b2: `b2` makes nothing and is asked nothing", "`prompt`"),
    (f"b2: {{{AGENT}, schema: {{type: objekt}}}}", 2, "agents.b2.schema.type: 'objekt' is not valid", ""),
    (f"b2: {{{AGENT}, schema: {{$ref: 'https://x.example/a'}}}}", 2, "agents.b2.schema.$ref: `https://x.example/a` lies outside", "$defs"),
    (f"b2: {{{AGENT}, env: [A=b]}}", 2, "agents.b2.env.0: is no name of an environment variable", "name only"),
    (f"b2: {{{AGENT}, skill: ../x}}", 2, "agents.b2.skill: `../x` is no id of a skill", ""),
    (f"B_2: {{{AGENT}}}", 2, "agents.B_2: `B_2` is no name", "`b-2`"),
    ("b2: {runtime: {openai: {model: m, key: sk-abcdefgh1jklmnopqrstu}}, prompt: x}", 2, "openai.key: a key or token stands here", "environment"),
    ("b2: {runtime: {openai: {model: m, password: hunter2}}, prompt: x}", 2, "openai.password: what looks like a key", "environment"),
    (f"b2: {{{AGENT} AKIAIOSFODNN7EXAMPLE}}", 2, "agents.b2.prompt: a key or token stands here", "environment"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "indent", "message", "hint"), FAULTS)
def test_a_fault_is_named_with_its_place_line_and_remedy(line: str, indent: int, message: str, hint: str) -> None:
    text = MINIMAL + f"  b: {{{AGENT}, makes: [docs/b.md]}}\n" + " " * indent + line + "\n"
    errors = [f for f in found(text) if f.severity is Severity.ERROR]
    matching = [f for f in errors if message in f.message and hint in f.hint]
    assert matching, list(map(str, errors))
    assert all(f.rule in RULES and f.path == "bmad.yaml" and f.line for f in errors)
    assert matching[0].line in (5, 6, 7)
    assert not any("hunter2" in str(f) or "sk-abc" in str(f) for f in errors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"  b: {{{AGENT}, makes: [docs/prd.md]}}\n  c: {{{AGENT}, reads: [docs/prdd.md]}}\n", "nobody makes `docs/prdd.md`"),
        (f"  b: {{{AGENT}, makes: [docs/prd.md]}}\n  c: {{{AGENT}, makes: ['docs/**']}}\n", "`docs/**` of `c` takes in `docs/prd.md` of `b`"),
        (f"  b: {{{AGENT}}}\nleader: {{name: l}}\n", "nothing says what the agents know"),
    ],
)  # fmt: skip
def test_what_is_vague_is_a_warning_with_a_remedy(text: str, message: str) -> None:
    (warning,) = found(MINIMAL + text)
    assert warning.severity is Severity.WARNING and message in warning.message and warning.hint and warning.rule == "team-vague"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("", "agents.a.reads.0: `requirements` is read, and the document has no `request`"),
        ("request: {file: ../x}\n", "request.file: `../x` cannot be read"),
        ("request: {ui: {theme: x}}\n", ""),
        ("request: {file: request.md}\n", ""),
        ("request: [a]\n", "request: must be text, not a list"),
    ],
)
def test_a_request_is_a_file_a_text_or_a_tree(request_: str, message: str) -> None:
    errors = found(f"kind: Team\nname: t\n{request_}agents:\n  a: {{{AGENT}, reads: [requirements]}}\n")
    assert [f.message.startswith(message) for f in errors] == [True] * bool(message)


def test_hidden_characters_are_named() -> None:
    data = {"kind": "Team", "name": "t", "agents": {"a": {"runtime": {"openai": {"model": "m"}}, "prompt": "a\u202eb\nc\u200b"}}}
    errors = check(Document("Team", "t", data, "bmad.yaml"), RUNTIMES)
    assert [f.message.partition(" (")[0] for f in errors] == [
        "agents.a.prompt: hidden character U+202E",
        "agents.a.prompt: hidden character U+200B",
    ]


def test_all_faults_come_at_once_in_the_order_of_their_lines() -> None:
    text = (
        FULL.replace("[manager]", "[managr]")
        .replace("of: frontend", "of: fronted")
        .replace("test -s docs/prd.md", "x")
        .replace("dev-leader", "tester")
    )
    errors = found(text)
    assert [f.message.split(":")[0] for f in errors] == ["agents.architect.needs.0", "agents.tester.review.of", "leader.name"]
    lines = text.split("\n")
    assert [f.line for f in errors] == [
        next(number for number, line in enumerate(lines, 1) if word in line) for word in ("managr", "fronted", "name: tester")
    ]


def test_without_any_runtime_installed_that_is_what_is_said() -> None:
    (error,) = check(document(MINIMAL + f"  a: {{{AGENT}}}\n"), {})
    assert (error.message, error.hint) == ("agents.a.runtime: unknown runtime `openai`", "no runtime is installed")


def test_the_schema_takes_what_the_check_takes() -> None:
    Draft202012Validator.check_schema(dict(schema()))
    validator = Draft202012Validator(dict(schema()))
    assert list(validator.iter_errors(document(FULL).data)) == []
    wrong = [line for line, _, message, _ in FAULTS if "unknown key" in message]
    for line in wrong:
        text = MINIMAL + f"  b: {{{AGENT}}}\n" + ("  " if line.startswith("b2") else "") + line + "\n"
        assert list(validator.iter_errors(document(text).data)), line
    assert '"title": "Name"' not in json.dumps(schema())


def test_the_profiles_of_the_schema_are_those_there_are() -> None:
    one, _own = schema()["properties"]["profile"]["oneOf"]  # type: ignore[index,call-overload]
    assert one["enum"] == [*PROFILES, "auto"]  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (units.duration, "30s", 30), (units.duration, "15m", 900), (units.duration, "24h", 86_400), (units.duration, "7d", 604_800),
        (units.duration, "500ms", 0.5), (units.duration, 90, 90), (units.duration, "1.5 h", 5400),
        (units.size, "512MB", 512 * MEBI), (units.size, "1GB", 1024 * MEBI), (units.size, "1GiB", 1024 * MEBI), (units.size, 10, 10),
        (units.count, "2M", 2_000_000), (units.count, "500k", 500_000), (units.count, 7, 7),
        (units.number, "0.5", 0.5), (units.number, 2.0, 2.0),
    ],
)  # fmt: skip
def test_a_unit_is_read(read: Any, written: str | float, value: float) -> None:
    assert read(written) == value


@pytest.mark.parametrize("read", [units.duration, units.size, units.count, units.number])
@pytest.mark.parametrize("written", ["", "-1", "1x", "x", "1e9", "nan", True, "9" * 400, "1 2", "\u0663s"])
def test_what_is_no_unit_is_refused(read: Any, written: str | float) -> None:
    with pytest.raises(ValueError, match="must be a"):
        read(written)


# --- properties ------------------------------------------------------------------------------------------------------

names = st.sampled_from("abcdef")


@given(st.dictionaries(names, st.lists(names, max_size=4, unique=True).map(tuple), max_size=6))
def test_a_circle_is_named_exactly_when_there_is_one(needs: dict[str, tuple[str, ...]]) -> None:
    known = {name: {need for need in each if need in needs and need != name} for name, each in needs.items()}
    left = dict(known)
    while free := [name for name, each in left.items() if not each & left.keys()]:
        left = {name: each for name, each in left.items() if name not in free}
    told = list(circles(needs))
    assert bool(told) is bool(left)
    for circle in told:
        assert all(following in known[name] for name, following in zip(circle, (*circle[1:], circle[0]), strict=True))
        assert len(set(circle)) == len(circle) > 1


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "docs/*.md", "requirements.x", "1h", "never"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "of", "file", "ttl", "openai"]), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(
    ["runtime", "needs", "reads", "makes", "schema", "review", "cache", "timeout", "memory", "prompt", "retries"]
)
agents = st.dictionaries(st.sampled_from(["a", "b", "C d"]), plain | st.dictionaries(keys, plain, max_size=6), max_size=3)
tops = st.dictionaries(
    st.sampled_from(["profile", "request", "leader", "cache", "policy", "budget", "language"]), plain, max_size=3
)


@given(agents | plain, tops)
def test_any_data_is_judged_and_what_is_right_has_values(declared: Any, top: dict[str, Any]) -> None:
    judged = Document("Team", "t", {"kind": "Team", "name": "t", "agents": declared, **top}, "bmad.yaml")
    if not any(f.severity is Severity.ERROR for f in check(judged, RUNTIMES)):
        team(judged.data)


segments = st.lists(st.text("ab*?", min_size=1, max_size=3) | st.just("**"), min_size=1, max_size=4).map("/".join)


@given(segments, segments)
def test_whether_patterns_meet_is_a_question_of_both(one: str, other: str) -> None:
    assert meet(one, other) is meet(other, one)
    assert meet(one, one)


def expression(pattern: str) -> str:
    """Return the pattern as a regular expression over paths that end in a slash."""
    names = {"*": "[^/]*", "?": "[^/]"}
    parts = (
        "(?:[^/]+/)*" if name == "**" else "".join(names.get(c, re.escape(c)) for c in name) + "/" for name in pattern.split("/")
    )
    return "".join(parts)


paths = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(segments, paths)
def test_a_pattern_fits_what_its_regular_expression_does(pattern: str, path: str) -> None:
    assert meet(pattern, path) is bool(re.fullmatch(expression(pattern), f"{path}/"))


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("src/**/*.py", "src/a.py", True), ("src/**/*.py", "src/a/b/c.py", True), ("src/*.py", "src/a/b.py", False),
        ("**", "a/b", True), ("web/**", "web/index.html", True), ("web/**", "webs/x", False), ("?.py", "a.py", True),
        ("?.py", "ab.py", False), ("a*b*c", "aXbYc", True), ("a*b*c", "aXc", False), ("docs/prd.md", "docs/prd.md", True),
        ("a/[id].js", "a/[id].js", True), ("src/**", "src/api/**/*.ts", True), ("a/*", "b/*", False),
        ("a" + "*a" * 60 + "b", "a" * 200, False),
    ],
)  # fmt: skip
def test_a_pattern_fits_a_path(pattern: str, path: str, fits: bool) -> None:
    assert meet(pattern, path) is fits
