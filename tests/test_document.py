"""Documents: what a file declares, or every reason why not, told with a kind made for the test."""

import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmad_provisioner import document, source
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.errors import DocumentError, UsageError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Kind, Scope


def toy(name):
    def check(found):
        for key in found.data:
            if key in ("wrong", "odd"):
                severity = Severity.ERROR if key == "wrong" else Severity.WARNING
                yield Finding(found.source, f"toy-{key}", f"{key}: not so", severity, found.line(key))

    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {"kind": {"const": name}, "parts": {"items": {"$ref": "#/$defs/Part"}}, "$ref": {"type": "string"}},
        "$defs": {"Part": {"properties": {"inner": {"$ref": "#/$defs/Part"}, "top": {"$ref": "#"}}}},
    }
    return Kind(name, True, lambda found: tuple(check(found)), lambda _: Scope(), lambda _, __: (Graph(()), ()), lambda: schema)


KINDS = {"Skills": toy("Skills"), "Team": toy("Team")}


def parse(text):
    return document.parse(text if isinstance(text, bytes) else text.encode(), "bmad.yaml", KINDS)


def faults(text):
    with pytest.raises(DocumentError) as caught:
        parse(text)
    return caught.value


def test_a_document_without_kind_is_skills_where_project_stands():
    (found,) = parse("project:\n  name: Health\n  bmad_version: 6.10\n").documents
    assert (found.kind, found.name, found.identity, found.source) == ("Skills", "Health", "Skills:Health", "bmad.yaml")
    assert found.data["project"]["bmad_version"] == "6.10"
    assert found.line("project", "name") == 2


def test_another_kind_takes_its_name_from_name():
    (found,) = parse("kind: Team\nname: crew\nproject: {name: no}\n").documents
    assert (found.kind, found.name) == ("Team", "crew")


def test_a_stream_gives_its_documents_in_order_and_empty_ones_are_passed_over():
    parsed = parse("---\n---\nproject: {name: a}\n---\nkind: Team\nname: b\n---\n")
    assert [found.identity for found in parsed.documents] == ["Skills:a", "Team:b"]


def test_warnings_are_returned_and_errors_raised_with_the_warnings_beside_them():
    parsed = parse("odd: 1\nproject: {name: a}\n")
    assert [(finding.rule, finding.line) for finding in parsed.findings] == [("toy-odd", 1)]
    error = faults("odd: 1\nproject: {name: a}\nwrong: 1\n")
    assert [finding.rule for finding in error.findings] == ["toy-odd", "toy-wrong"]
    assert (error.exit_code, error.message) == (2, "`bmad.yaml` has 1 error")


CASES = [
    ("", [("document-empty", 1)], "no document stands here"),
    ("# nothing\n---\n", [("document-empty", 1)], "no document stands here"),
    ("- a\n", [("document-shape", 1)], "a document is a mapping"),
    ("just text\n", [("document-shape", 1)], "a document is a mapping"),
    ("\nname: x\n", [("document-kind", 2)], "kind: field required"),
    ("name: x\nkind:\n", [("document-kind", 2)], "kind: field required"),
    ("name: x\nkind: [Team]\n", [("document-kind", 2)], "kind: must be text"),
    ("name: x\nkind: 7\n", [("document-kind", 2)], "kind: must be text"),
    ("name: x\nkind: team\n", [("document-kind", 2)], "kind: unknown kind `team`"),
    ("kind: Team\n", [("document-name", 1)], "name: field required"),
    ("kind: Team\nname: 7\n", [("document-name", 2)], "name: must be text"),
    ("kind: Team\nname: a\n---\nkind: Team\nname: a\n", [("document-twice", 4)], "`Team:a` is declared twice (first on line 1)"),
    ("kind: Team\nname: a\nwrong: 1\nwrong: 2\n", [("toy-wrong", 3), ("yaml-duplicate", 4)], "wrong: not so"),
    ("kind: Team\nwrong: *a\n", [("yaml-alias", 2), ("document-name", 1)], ""),
    ("kind: Team\nname: a\nwrong: 1\n---\nkind: Tem\n", [("toy-wrong", 3), ("document-kind", 5)], "wrong: not so"),
    ("project: {name: a}\nwrong: 1\n---\na: b: c\n", [("toy-wrong", 2), ("yaml-syntax", 4)], "wrong: not so"),
    ("\tproject: 1\n", [("yaml-tab", 1)], "a tab where YAML wants spaces"),
]


@pytest.mark.parametrize(("text", "rules", "message"), CASES)
def test_every_reason_is_told_at_once_with_its_line(text, rules, message):
    findings = faults(text).findings
    assert sorted((finding.rule, finding.line) for finding in findings) == sorted(rules)
    assert [finding.line for finding in findings] == sorted(finding.line for finding in findings)
    assert findings[0].message.startswith(message)


def test_an_unknown_kind_is_answered_with_the_nearest():
    (finding,) = faults("kind: Taem\nname: x\n").findings
    assert str(finding) == "error: bmad.yaml:1: kind: unknown kind `Taem`\nhint: did you mean `Team`?"


def test_every_rule_is_described_and_met_here():
    assert {rule for _, rules, _ in CASES for rule, _ in rules if rule.startswith("document-")} == set(document.RULES)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("project:\n  name: a\n" + text).encode()))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_documents_or_a_document_error(text):
    try:
        assert parse(text).documents
    except DocumentError as error:
        assert error.findings


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_document_is_found_upwards(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / source.DEFAULT_NAME).write_text("project: {name: x}\n")
    assert source.find(inner) == tmp_path / source.DEFAULT_NAME
    (tmp_path / "a" / source.DEFAULT_NAME).write_text("project: {name: y}\n")
    assert source.find(inner) == tmp_path / "a" / source.DEFAULT_NAME
    assert document.load(source.find(inner), KINDS).documents[0].name == "y"


def test_where_there_is_none_the_hint_says_how_to_get_one(tmp_path):
    with pytest.raises(UsageError, match=r"no `bmad-provisioner.yaml` in") as caught:
        source.find(tmp_path)
    assert "`bmadp init`" in caught.value.hint


def special(kind, path):
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a dangling link":
        path.symlink_to("nowhere")
    elif kind == "a circle of links":
        path.symlink_to(path)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("nothing", "does not exist"),
        ("a folder", "is a folder"),
        ("a pipe", "is no plain file"),
        ("a socket", "is no plain file"),
        ("a device", "is no plain file"),
        ("a dangling link", "does not exist"),
        ("a circle of links", "cannot be read: too many levels"),
    ],
)
def test_what_is_no_readable_file_is_refused_without_waiting(tmp_path, monkeypatch, kind, says):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    path = document.Path("x.yaml")
    special(kind, path)
    with pytest.raises(UsageError, match=f"`x.yaml` {says}"):
        document.load(path, KINDS)


def test_names_that_are_no_paths_are_refused(tmp_path):
    for name in ("a\0b", "x" * 5000, "file/below"):
        (tmp_path / "file").touch()
        with pytest.raises(UsageError):
            document.load(tmp_path / name, KINDS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    path = tmp_path / "x.yaml"
    path.touch(mode=0)
    with pytest.raises(UsageError, match="cannot be read: permission denied"):
        document.load(path, KINDS)


def test_a_huge_file_is_refused_and_hardly_read(tmp_path):
    path = tmp_path / "x.yaml"
    with path.open("wb") as file:
        file.truncate(10**12)
    assert len(source.read(path)) == 4_000_001
    with pytest.raises(DocumentError) as caught:
        document.load(path, KINDS)
    assert [finding.rule for finding in caught.value.findings] == ["yaml-size"]


# --- schema ----------------------------------------------------------------------------------------------------------


def references(value):
    if isinstance(value, dict):
        for key, part in value.items():
            yield from [part] if key == "$ref" and isinstance(part, str) else references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_the_schema_holds_every_kind_and_every_reference_leads_somewhere():
    schema = document.schema(KINDS)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["oneOf"] == [{"$ref": "#/$defs/Skills"}, {"$ref": "#/$defs/Team"}]
    assert set(schema["$defs"]) == {"Skills", "Skills.Part", "Team", "Team.Part"}
    found = set(references(schema))
    assert found == {f"#/$defs/{name}" for name in schema["$defs"]}
    assert "$schema" not in schema["$defs"]["Team"]
