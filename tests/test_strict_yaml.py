"""The guard: one clear finding, with rule and line, for each hostile text; the right data for the rest."""

import json
import time

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bmad_provisioner import strict_yaml
from bmad_provisioner.characters import is_clean
from bmad_provisioner.strict_yaml import MOST_BYTES, MOST_DEPTH, MOST_KEYS, MOST_NODES, MOST_SCALAR, RULES

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 14))

HOSTILE = [
    # characters
    ("a: \x00", "yaml-control", 1, "NUL"),
    ("a: 1\nb: \x07", "yaml-control", 2, "U+0007"),
    ("a: 1\n# \x1b[31m", "yaml-control", 2, "U+001B"),
    ("a: \x7f", "yaml-control", 1, "U+007F"),
    ("a: x\x85y", "yaml-control", 1, "U+0085"),
    ("a: \ufffe", "yaml-control", 1, "U+FFFE"),
    ('a: "\\0"', "yaml-control", 1, "NUL"),
    ('a:\n  "\\e[2J"', "yaml-control", 2, "U+001B"),
    ('"\\x07": 1', "yaml-control", 1, "U+0007"),
    ("a: \u202eevil", "yaml-hidden", 1, "U+202E (bidirectional control)"),
    ("a: x\u2066y", "yaml-hidden", 1, "U+2066"),
    ("x: 1\nna\u200bme: 2", "yaml-hidden", 2, "U+200B (zero-width character)"),
    ("a: x\u200cy", "yaml-hidden", 1, "U+200C"),
    ("a: x\u2060y", "yaml-hidden", 1, "U+2060"),
    ("a: x\ufeffy", "yaml-hidden", 1, "U+FEFF"),
    ("\ufeff\ufeffa: 1", "yaml-hidden", 1, "U+FEFF"),
    ("a: hi\U000e0041", "yaml-hidden", 1, "U+E0041 (tag character)"),
    ("a: hi\U000e0100", "yaml-hidden", 1, "U+E0100 (variation selector)"),
    ("a: x\u2028y", "yaml-hidden", 1, "U+2028 (line separator)"),
    ("a: 1 # see \u202e", "yaml-hidden", 1, "U+202E"),
    ('a: 1\nb: "\\u202e"', "yaml-hidden", 2, "U+202E"),
    ('a: "\\U000E0041"', "yaml-hidden", 1, "U+E0041"),
    ('"a\\u200b": 1', "yaml-hidden", 1, "U+200B"),
    # encodings
    (b"a: 1\nb: \xff\n", "yaml-utf8", 2, "not UTF-8"),
    (b"caf\xe9: 1", "yaml-utf8", 1, "not UTF-8"),
    (b"a: \xed\xa0\x80", "yaml-utf8", 1, "not UTF-8"),
    (b"a: \xc0\xaf", "yaml-utf8", 1, "not UTF-8"),
    ("a: 1".encode("utf-16"), "yaml-encoding", 1, "UTF-16"),
    ("a: 1".encode("utf-16-be"), "yaml-encoding", 1, "UTF-16"),
    ("a: 1".encode("utf-16-le"), "yaml-encoding", 1, "UTF-16"),
    ("a: 1".encode("utf-32"), "yaml-encoding", 1, "UTF-32"),
    ("a: 1".encode("utf-32-be"), "yaml-encoding", 1, "UTF-32"),
    # anchors, aliases, merges, tags
    ("a: 1\nb: &x 2", "yaml-alias", 2, "&x"),
    ("a: &x {b: 1}", "yaml-alias", 1, "&x"),
    ("a: *x", "yaml-alias", 1, "*x"),
    ("a:\n  *x : 1", "yaml-alias", 2, "*x"),
    ("a: *.md", "yaml-syntax", 1, "without a name"),
    ("a:\n  <<: {b: 1}", "yaml-merge", 2, "<<"),
    ("a: !!python/object:os.system x", "yaml-tag", 1, "`!!python/object:os.system`"),
    ("a: 1\nb: !!python/object/apply:os.system [id]", "yaml-tag", 2, "os.system"),
    ("a: !!binary aGk=", "yaml-tag", 1, "`!!binary`"),
    ("a: !!set {b}", "yaml-tag", 1, "`!!set`"),
    ("a: !!timestamp 2020-01-01", "yaml-tag", 1, "`!!timestamp`"),
    ("a: !mine x", "yaml-tag", 1, "`!mine`"),
    ("a: !!int x", "yaml-tag", 1, "`!!int`"),
    ("a: !!float x", "yaml-tag", 1, "`!!float`"),
    ("a: !!map x", "yaml-tag", 1, "`!!map`"),
    ("a: !!seq {}", "yaml-tag", 1, "`!!seq`"),
    # keys and numbers
    ("a: 1\nb: 2\na: 3", "yaml-duplicate", 3, "`a` stands twice (first on line 1)"),
    ("x: {a: 1, a: 2}", "yaml-duplicate", 1, "`a`"),
    ('a: 1\n"a": 2', "yaml-duplicate", 2, "`a`"),
    ("1: x", "yaml-key", 1, "`1` is a number"),
    ("a: 1\ntrue: x", "yaml-key", 2, "`true` is a boolean"),
    ("null: x", "yaml-key", 1, "`null` is nothing"),
    ("?\n: x", "yaml-key", 1, "is nothing"),
    (": x", "yaml-syntax", 1, ""),
    ("? [a]\n: x", "yaml-key", 1, "a list"),
    ("? {a: b}\n: x", "yaml-key", 1, "a mapping"),
    ("a: {{ name }}", "yaml-key", 1, "a mapping"),
    ("a: 1234567890123456789", "yaml-integer", 1, "18 digits"),
    ("a: " + "9" * 5000, "yaml-integer", 1, "18 digits"),
    ("a: 0x" + "f" * 5000, "yaml-integer", 1, "18 digits"),
    # syntax
    ("a:\n\tb: 1", "yaml-tab", 2, "tab"),
    ("a:\n  b: 1\n\tc: 2", "yaml-tab", 3, "tab"),
    ("a: 1\ndescription: see: this", "yaml-syntax", 2, "`: ` stands where no key can be"),
    ("a: 1\nb: @home", "yaml-syntax", 2, "cannot start with `@`"),
    ("a: `x`", "yaml-syntax", 1, "cannot start with ```"),
    ("a: %x", "yaml-syntax", 1, "cannot start with `%`"),
    ('a: "x\nb: 1\n', "yaml-syntax", 3, "begins on line 1"),
    ('a: "\\q"', "yaml-syntax", 1, "escape"),
    ("a: [1, 2\nb: 3", "yaml-syntax", 2, "not closed"),
    ("a:\n    b: 1\n  c: 2", "yaml-syntax", 3, "indentation"),
    ("a: 1\nplain line\nb: 2", "yaml-syntax", 3, "neither `key: value`"),
    ("a: - b", "yaml-syntax", 1, ""),
    ("a: 1\n]", "yaml-syntax", 2, ""),
    ("%YAML 2.0\n---\na", "yaml-syntax", 1, ""),
    ("a: & b", "yaml-syntax", 1, "without a name"),
    # too much
    ("[" * 100 + "]" * 100, "yaml-depth", 1, "40 levels"),
    ("{a: " * 100000, "yaml-depth", 1, "40 levels"),
    ("- " * 100, "yaml-depth", 1, "40 levels"),
    ("\n".join(" " * i + "a:" for i in range(100)), "yaml-depth", MOST_DEPTH + 1, "40 levels"),
    ("a: " + "x" * (MOST_SCALAR + 1), "yaml-scalar", 1, "1,000,001 characters"),
    ("a: 1\nb: |\n" + "  xxxxxxxxx\n" * 200_000, "yaml-scalar", 2, "2,000,000 characters"),
    ("a: " + "x" * 10_000_000, "yaml-size", None, "4,000,000 bytes"),
    ("".join(f"k{i}: 1\n" for i in range(10_000)), "yaml-keys", MOST_KEYS + 1, "5,000 keys"),
    ("\n".join(["- 1"] * (MOST_NODES + 5)), "yaml-nodes", MOST_NODES, "200,000 values"),
]


@pytest.mark.parametrize(("text", "rule", "line", "says"), HOSTILE, ids=lambda value: str(value)[:20])
def test_hostile_text_gives_one_finding_with_rule_and_line(text, rule, line, says):
    stream = strict_yaml.parse(text if isinstance(text, bytes) else text.encode(), "bmad.yaml")
    (finding, *more) = stream.findings
    assert (finding.rule, finding.line, more) == (rule, line, [])
    assert says in finding.message
    assert finding.message[0] in "`:" or finding.message[:2] == "U+" or finding.message[0].islower()
    assert not finding.message.endswith(".")
    assert is_clean(finding.message + finding.hint)


@pytest.mark.parametrize(("text", "rule", "line", "says"), HOSTILE, ids=lambda value: str(value)[:20])
def test_the_python_parser_refuses_by_the_same_rule(text, rule, line, says):
    data = text if isinstance(text, bytes) else text.encode()
    if len(data) < 500_000:
        assert {finding.rule for finding in strict_yaml.parse(data, "x", pure=True).findings} == {rule}


def test_there_are_enough_hostile_texts_and_every_rule_is_among_them():
    assert len(HOSTILE) >= 60
    assert {rule for _, rule, *_ in HOSTILE} | {"yaml-many"} == set(RULES)


@pytest.mark.parametrize("bomb", [LAUGHS, MERGES, "[" * 1_000_000, "{a: " * 500_000, "- " * 500_000, "a: " + "x" * 10_000_000])
def test_bombs_are_refused_in_milliseconds(bomb):
    data = bomb.encode()
    strict_yaml.parse(b"a: 1", "warm")
    begin = time.process_time()
    stream = strict_yaml.parse(data, "bomb")
    assert time.process_time() - begin < 5
    assert stream.findings


WORST = {
    "control characters": b"\x01" * MOST_BYTES,
    "bad bytes": b"\xff\n" * (MOST_BYTES // 2),
    "every byte": bytes(range(256)) * 15_000,
    "documents": b"---\n" * (MOST_BYTES // 4),
    "items": b"[" + b"1," * 1_900_000 + b"]",
    "empty lines": b"\n" * 3_900_000 + b"a: b: c",
    "duplicates": b"a: 1\n" * 500_000,
    "folds": b"a: >\n" + b"  x\n\n" * 600_000,
    "quotes": b'a: "' + b"\\u202e" * 600_000 + b'"',
}


@pytest.mark.parametrize("text", WORST.values(), ids=WORST.keys())
def test_the_worst_four_megabytes_take_a_few_seconds_at_most(text):
    begin = time.process_time()
    strict_yaml.parse(text, "x")
    assert time.process_time() - begin < 5


def test_all_faults_before_the_end_of_reading_are_reported_in_order():
    text = 'a: &x 1\nb: !no 2\nb: 3\n7: "\\0"\nc: \u202e\n<<: {}\nd: [e: f: g\n'
    found = [(finding.rule, finding.line) for finding in strict_yaml.parse(text.encode(), "x").findings]
    assert found == [
        ("yaml-alias", 1),
        ("yaml-tag", 2),
        ("yaml-duplicate", 3),
        ("yaml-key", 4),
        ("yaml-control", 4),
        ("yaml-hidden", 5),
        ("yaml-merge", 6),
        ("yaml-syntax", 7),
    ]


def test_a_hundred_faults_are_enough():
    findings = strict_yaml.parse(b"a: &x 1\n" * 1000, "x").findings
    assert len(findings) == 101
    assert findings[-1].rule == "yaml-many"


MEANINGS = [
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("6.10", "6.10"),
    ("3.10", "3.10"),
    ("1e3", "1e3"),
    ("1.", "1."),
    (".inf", ".inf"),
    (".nan", ".nan"),
    ("010", "010"),
    ("007", "007"),
    ("1_000", "1_000"),
    ("12:30:45", "12:30:45"),
    ("2020-01-01", "2020-01-01"),
    ("v6.x", "v6.x"),
    ('">=6.2,<7"', ">=6.2,<7"),
    ("0", 0),
    ("-0", 0),
    ("42", 42),
    ("-7", -7),
    ("+7", 7),
    ("0o17", 15),
    ("0x1F", 31),
    ("999999999999999999", 999999999999999999),
    ("-999999999999999999", -999999999999999999),
    ("true", True),
    ("True", True),
    ("FALSE", False),
    ("tRue", "tRue"),
    ("null", None),
    ("~", None),
    ("", None),
    ("nULL", "nULL"),
    ('""', ""),
    ("'42'", "42"),
    ('"true"', "true"),
    ("!!str 42", "42"),
    ("! 42", "42"),
    ("!!int 42", 42),
    ('!!int "42"', 42),
    ("!!float 6.10", "6.10"),
    ("!!bool true", True),
    ("!!null ~", None),
    ("!!seq []", []),
    ("!!map {}", {}),
    ("A\u200dB \u2764\ufe0f", "A\u200dB \u2764\ufe0f"),
    ("{}", {}),
    ("|-\n  a\n  b", "a\nb"),
    ('"a\\tb\\r\\n"', "a\tb\r\n"),
    ("'{{ name }}'", "{{ name }}"),
]


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(("text", "meaning"), MEANINGS)
def test_scalars_mean_what_the_core_schema_says_and_floats_keep_their_text(text, meaning, pure):
    stream = strict_yaml.parse(f"k: {text}\n".encode(), "x", pure=pure)
    assert stream.findings == ()
    value = stream.parts[0].data["k"]
    assert (type(value), value) == (type(meaning), meaning)


@pytest.mark.parametrize("key", ["no", "6.10", "'1'", '"true"', "a b", "<", "'<<'"])
def test_keys_are_text(key):
    assert strict_yaml.parse(f"{key}: 1".encode(), "x").findings == ()


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfa: 1\r\nb:\r\n  - 2\r\n", b"a: 1\rb:\r  - 2\r", b"a: 1\nb:\n  - 2\n"])
def test_marks_and_line_breaks_of_other_systems_are_accepted_with_right_lines(text):
    (part,) = strict_yaml.parse(text, "x").parts
    assert part.data == {"a": 1, "b": [2]}
    assert part.lines == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3}


def test_every_place_has_its_line():
    text = b"# hello\nproject:\n  name: x\n  leaders:\n    - name: a\n      tags: [p,\n        q]\n    -\n      name: b\n---\nkind: K\n"
    first, second = strict_yaml.parse(text, "x").parts
    leaders = ("project", "leaders")
    assert first.lines == {
        (): 2,
        ("project",): 2,
        ("project", "name"): 3,
        leaders: 4,
        (*leaders, 0): 5,
        (*leaders, 0, "name"): 5,
        (*leaders, 0, "tags"): 6,
        (*leaders, 0, "tags", 0): 6,
        (*leaders, 0, "tags", 1): 7,
        (*leaders, 1): 9,
        (*leaders, 1, "name"): 9,
    }
    assert second.lines == {(): 11, ("kind",): 11}


def test_an_empty_stream_has_no_documents_and_an_empty_document_is_nothing():
    assert strict_yaml.parse(b"", "x").parts == ()
    assert strict_yaml.parse(b"# only this\n", "x").parts == ()
    assert [part.data for part in strict_yaml.parse(b"---\n---\na: 1\n", "x").parts] == [None, {"a": 1}]


def test_a_part_with_something_left_out_is_not_whole():
    whole = [part.whole for part in strict_yaml.parse(b"a: *x\n---\na: 1\na: 2\n---\n<<: {}\n---\n? [x]\n: 1\n", "x").parts]
    assert whole == [False, True, False, False]


# --- properties ------------------------------------------------------------------------------------------------------

clean = st.text(st.characters(exclude_categories=["Cs"]).filter(is_clean), max_size=40)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | clean,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(clean, inner, max_size=4),
    max_leaves=20,
)
snippets = st.sampled_from(
    [
        "a: ",
        "- ",
        "? ",
        ": ",
        "  ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "!!int ",
        "!x ",
        "<<: ",
        ">-\n",
        '"',
        "'",
        "\\u202e",
        "\\UFFFFFFFF",
        "\\uD800",
        "%YAML 1.2\n",
        "%TAG ! x\n",
        "---\n",
        "...\n",
        "|\n",
        "\n",
        "#",
        "1",
        "0x",
        "\r",
        "\x00",
        "\ufeff",
        "é",
        "~",
        "\x85",
    ]
)
soups = st.lists(snippets, max_size=40).map("".join)


def strung(value):
    """The data with every scalar as text, except nothing."""
    if isinstance(value, dict):
        return {key: strung(part) for key, part in value.items()}
    return [strung(part) for part in value] if isinstance(value, list) else "scalar"


def check(data: bytes, pure: bool) -> strict_yaml.Stream:
    stream = strict_yaml.parse(data, "x", pure=pure)
    rows = data.count(b"\n") + data.count(b"\r") + 1
    for finding in stream.findings:
        assert finding.rule in RULES
        assert finding.line is None or 1 <= finding.line <= rows
        assert is_clean(str(finding).replace("\n", " "))
        assert len(finding.message) < 250
    return stream


@given(st.binary(max_size=300), st.booleans())
@example(b"%YAML 1." + b"9" * 5000 + b"\n---\n", True)
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_never_raise(data, pure):
    check(data, pure)


@given(st.text(max_size=200) | soups, st.booleans())
@example('"\\UFFFFFFFF"', True)
@example('"\\uD800"', True)
@settings(max_examples=500, deadline=None)
def test_arbitrary_text_never_raises(text, pure):
    check(text.encode("utf-8", "surrogatepass"), pure)


@given(plain, st.booleans())
@settings(max_examples=200, deadline=None)
def test_json_is_read_as_json(value, pure):
    stream = strict_yaml.parse(json.dumps(value, ensure_ascii=False).encode(), "x", pure=pure)
    assert stream.findings == ()
    assert [part.data for part in stream.parts] == [value]


@given(plain, st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_another_tool_writes_keeps_its_shape(value, flow):
    text = yaml.dump(value, Dumper=NoAliases, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    stream = strict_yaml.parse(text.encode(), "x")
    assert not {finding.rule for finding in stream.findings} - {"yaml-key", "yaml-integer", "yaml-merge"}
    if not stream.findings:
        assert strung(stream.parts[0].data) == strung(value)
        assert set(stream.parts[0].lines.values()) <= set(range(1, text.count("\n") + 2))


@given(soups)
@settings(max_examples=300, deadline=None)
def test_what_is_accepted_has_the_shape_pyyaml_sees(text):
    stream = strict_yaml.parse(text.encode(), "x")
    if not stream.findings:
        loaded = list(
            yaml.load_all(text.replace("\r", "\n").removeprefix("\ufeff"), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        )
        assert [strung(part.data) for part in stream.parts] == [strung(document) for document in loaded]


class NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True
