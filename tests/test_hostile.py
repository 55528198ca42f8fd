"""Hostile manifests: each ends in one clear error with its line and nothing changed, or in correct output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bmad_provisioner.kinds.skills.rules import conformance
from cli.home import FRONTEND, LEADER, MANIFEST, fast

HEAD = 'project:\n  name: P\n  bmad_version: ">=6.4,<7"\n'


@pytest.fixture
def home():
    with fast() as lent:
        assert lent.apply(MANIFEST).code == 0
        yield lent


def leader(fields: str) -> str:
    return f"{HEAD}  leaders: [{{{fields}}}]\n"


def source(path: str) -> str:
    return f"{HEAD}  skills: [{{source: {path}}}]\n"


def texts(**fields: object) -> str:
    """A manifest with hostile text in a specialist's fields, in JSON, which is YAML."""
    one = {"id": "frontend", "name": "Frontend", "domain": "React", "skills": ["styling"], **fields}
    return json.dumps(
        {"project": {"name": "P", "bmad_version": ">=6.4,<7", "leaders": [{"name": "dev-leader", "specialists": [one]}]}}
    )


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)
)
MERGES = "a: &a {x: 1}\n" + "".join(f"b{i}: &b{i}\n  <<: [*a, *a, *a]\n" for i in range(60))

REFUSED = {
    # text that is no document
    "a bomb of aliases": (BOMB, ":1:", "anchor `&a`"),
    "a bomb of merge keys": (MERGES, ":3:", "merge key"),
    "a hundred lists": ("x: " + "[" * 100 + "]" * 100, ":1:", "nested deeper"),
    "a hundred mappings": ("x: " + "{a: " * 100 + "1" + "}" * 100, ":1:", "nested deeper"),
    "a hundred indents": ("\n".join(" " * i + "a:" for i in range(100)), ":41:", "nested deeper"),
    "a hundred thousand lists": ("[" * 100_000, ":1:", "nested deeper"),
    "NUL": (HEAD + "  language: e\0n\n", ":4:", "NUL"),
    "NUL by an escape": (HEAD + '  root: "a\\0b"\n', ":4:", "NUL"),
    "not UTF-8": (MANIFEST.encode() + b"# \xff\n", ":8:", "not UTF-8"),
    "Latin-1": (MANIFEST.replace("Developer", "Dév").encode("latin-1"), ":7:", "not UTF-8"),
    "overlong UTF-8": (MANIFEST.encode() + b"# \xc0\xaf\n", ":8:", "not UTF-8"),
    "half a surrogate pair": (MANIFEST.encode() + b"# \xed\xa0\x80\n", ":8:", "not UTF-8"),
    "UTF-16": (MANIFEST.encode("utf-16"), ":1:", "UTF-16"),
    "UTF-16 without a mark": (MANIFEST.encode("utf-16-be"), ":1:", "UTF-16"),
    "UTF-32": (MANIFEST.encode("utf-32"), ":1:", "UTF-32"),
    "bytes of any kind": (bytes(range(256)) * 10, ":1:", "control character"),
    "a right-to-left override": (MANIFEST.replace("React", "Re\u202eact"), ":7:", "U+202E"),
    "an override by an escape": (MANIFEST.replace("React", '"Re\\u202eact"'), ":7:", "U+202E"),
    "an isolate": (MANIFEST.replace("React", "Re\u2066act"), ":7:", "U+2066"),
    "a zero-width space": (MANIFEST.replace("React", "Re\u200bact"), ":7:", "U+200B"),
    "tag characters": (MANIFEST.replace("React", "Re\U000e0041act"), ":7:", "U+E0041"),
    "a hidden character in a comment": (MANIFEST + "# x\U000e0041\n", ":8:", "U+E0041"),
    "a line separator": (MANIFEST.replace("React", "Re\u2028act"), ":7:", "U+2028"),
    "a next-line control": (MANIFEST.replace("React", "Re\x85act"), ":7:", "U+0085"),
    "a terminal's escape": (MANIFEST.replace("React", '"Re\\e[31mact"'), ":7:", "U+001B"),
    "a delete": (MANIFEST.replace("React", "Re\x7fact"), ":7:", "U+007F"),
    "ten megabytes of text": (HEAD + "  root: " + "x" * 10_000_000 + "\n", "4,000,000 bytes"),
    "a text of three megabytes": (HEAD + "  root: " + "x" * 3_000_000 + "\n", ":4:", "characters"),
    "a key twice": (HEAD + "  name: Q\n", ":4:", "`name` stands twice (first on line 2)"),
    "a key twice in one line": (MANIFEST.replace("domain: React", "domain: React, domain: Vue"), ":7:", "`domain` stands twice"),
    "a key twice at the top": (MANIFEST + "project: {name: x}\n", ":8:", "`project` stands twice"),
    "nothing": ("", ":1:", "no document"),
    "a comment alone": ("# nothing\n", ":1:", "no document"),
    "a word": ("hello", ":1:", "a document is a mapping"),
    "a list": ("[1, 2]", ":1:", "a document is a mapping"),
    "a tab": ("project:\n\tname: x\n", ":2:", "tab"),
    "a Python object": ("!!python/object/apply:os.system ['touch pwned']", ":1:", "tag"),
    "an open bracket": ("project: {name: [\n", ":2:", ""),
    "an open quote": ('project: {name: "x\n', ":2:", "inside quotes"),
    "A: B without quotes": ("project:\n  name: A: B\n", ":2:", "quotes"),
    "{{ }} without quotes": ("project: {{ name }}\n", ":1:", "quotes"),
    "an alias for an asterisk": (MANIFEST.replace("React", "*.py"), ":7:", ""),
    "two documents of one name": (MANIFEST + "---\n" + MANIFEST, ":9:", "declared twice"),
    "an unknown kind": ("kind: Nope\nname: x\n", ":1:", "unknown kind"),
    # values of another kind
    "a number for a name": ("project: {name: 5}\n", ":1:", "must be text, not a number"),
    "a boolean for a name": ("project: {name: true}\n", ":1:", "must be text, not `true`"),
    "null for a name": ("project: {name: ~}\n", ":1:", "must be text, not nothing"),
    "a list for a name": ("project: {name: [a]}\n", ":1:", "must be text, not a list"),
    "a list for the project": ("project: [a]\n", ":1:", "must be a mapping"),
    "nothing for the project": ("project:\n", ":1:", "must be a mapping"),
    "a mapping for leaders": (HEAD + "  leaders: {a: b}\n", ":4:", "must be a list"),
    "a word for a leader": (HEAD + "  leaders: [a]\n", ":4:", "must be a mapping"),
    "a number for a skill": (texts(skills=[1]), ":1:", "must be text, not a number"),
    "a boolean for a phase": (leader("name: a-leader, phase: true"), ":4:", "must be text"),
    "an integer of 5,000 digits": ("project:\n  name: " + "9" * 5000 + "\n", ":2:", "more than 18 digits"),
    "a version of 5,000 digits": ("project:\n  name: P\n  bmad_version: '" + "9" * 5000 + "'\n", ":3:", "version"),
    "a key that is a number": ("project: {1: 1, name: x}\n", ":1:", "the key `1` is a number"),
    "a key that is null": ("project: {~: 1, name: x}\n", ":1:", "the key `~` is nothing"),
    "an unknown key": (HEAD + "  nam: x\n", ":4:", "did you mean `name`?"),
    # names
    "a name in capitals": (leader("name: Dev-Leader"), ":4:", "for example `dev-leader`"),
    "names that differ in case": (HEAD + "  leaders: [{name: dev-leader}, {name: Dev-Leader}]\n", ":4:", "Dev-Leader"),
    "a reserved name": (leader("name: bmad-x"), ":4:", "bmad-x"),
    "BMAD's own name": (leader("name: bmad"), ":4:", "bmad"),
    "a device": (leader("name: con"), ":4:", "con"),
    "two dots": (leader("name: .."), ":4:", "`..`"),
    "a name that climbs": (leader("name: ../../x"), ":4:", "`../../x`"),
    "an absolute name": (leader("name: /etc/x"), ":4:", "`/etc/x`"),
    "a home": (leader("name: '~root'"), ":4:", "`~root`"),
    "65 characters": (leader(f"name: {'a' * 65}"), ":4:", "64"),
    "15,000 characters": (leader(f"name: {'a' * 15_000}"), ":4:", "64"),
    "a specialist that climbs": (texts(id="../x"), ":1:", "../x"),
    "a specialist with a space": (texts(id="a b"), ":1:", "dev-a-b"),
    "a name with a newline": (leader('name: "a\\nb"'), ":4:", "cannot be the name"),
    "a name with a quote": (leader('name: "a\'b"'), ":4:", "cannot be the name"),
    "a name with a pipe": (leader('name: "a|b"'), ":4:", "cannot be the name"),
    "a name with a backtick": (leader('name: "a`b"'), ":4:", "cannot be the name"),
    "a name in Cyrillic": (leader("name: d\u0435v-leader"), ":4:", "cannot be the name"),
    "one specialist twice": (leader("name: a-leader, specialists: [{id: x}, {id: x}]"), ":4:", "both make the skill `a-x`"),
    "two that make one skill": (
        HEAD + "  leaders: [{name: a-leader, specialists: [{id: b-c}]}, {name: a-b, specialists: [{id: c}]}]\n",
        ":4:",
        "both make the skill `a-b-c`",
    ),
    "a workflow that climbs": (HEAD + "  integration: {workflows: [{name: ../../w, sequence: [pm]}]}\n", ":4:", "../../w"),
    "a tool that climbs": (HEAD + "  tools: [../x]\n", ":4:", "unknown tool"),
    # sources and roots
    "a source that climbs": (source("../x"), ":4:", "leads out"),
    "a source that climbs later": (source("a/../../x"), ":4:", "leads out"),
    "an absolute source": (source("/etc"), ":4:", "path of one machine"),
    "a source at home": (source("~/x"), ":4:", "path of one machine"),
    "a source on a drive": (source("'C:\\x'"), ":4:", "path of one machine"),
    "the manifest's own folder": (source("."), ":4:", "names no folder"),
    "our own state": (source(".bmad-provisioner"), ":4:", "cannot be the name"),
    "an option for git": (source("'-oProxyCommand=touch'"), ":4:", "cannot be the name"),
    "an option for ssh": (source("ssh://-oProxyCommand=x/y"), ":4:", "no URL that git may be given"),
    "a password in a URL": (source("https://u:secret@h/x"), ":4:", "password"),
    "a root that is nowhere": (HEAD + "  root: ../nowhere\n", ":4:", "no folder"),
    "a root that is a file": (HEAD + "  root: ./bmad-provisioner.yaml\n", ":4:", "no folder"),
    "a root of nobody": (HEAD + "  root: ~nobody-here/x\n", ":4:", "no folder"),
    "a root of 5,000 characters": (HEAD + "  root: " + "a" * 5000 + "\n", ":4:", "no folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_manifest_is_refused_with_its_line_and_nothing_changes(home, case):
    text, *words = REFUSED[case]
    home.write(text)
    before, beside = home.files(), home.outside()
    said = home.bmadp("apply", "--yes")

    assert said.is_one_error(2, "bmad-provisioner.yaml", *words), said
    assert said.out == ""
    assert len(said.err) < 120_000 and "secret" not in said.err
    assert home.files() == before and home.outside() == beside
    assert home.bmadp("history", "--json").json[-1]["number"] == 1


ACCEPTED = {
    "a byte order mark": "\ufeff" + MANIFEST,
    "lines of Windows": MANIFEST.replace("\n", "\r\n"),
    "lines of an old Mac": MANIFEST.replace("\n", "\r"),
    "three megabytes of comments": MANIFEST + "# x\n" * 700_000,
    "a family of emoji": MANIFEST.replace("React", "\U0001f468\u200d\U0001f469"),
    "A: B": texts(name="A: B", domain="C: D # e", skills=["x: y", "- z", "{a}", "*b", "&c", "!d", "%e", "@f"]),
    "{{ }}": texts(name="{{ 7*7 }}", domain="{{ ''.__class__.__mro__ }}", skills=["{{ config }}"], compliance_notes="{{ 7*7 }}"),
    "{% %}": texts(name="{% raw %}", domain="{% for x in y %}", skills=["{# c #}", "{% endraw %}"], compliance_notes="{% if"),
    "${}": texts(name="${HOME}", domain="$(touch pwned)", skills=["`touch pwned`", "$HOME", "%PATH%"]),
    "newlines and front matter": texts(name="a\nb", domain="x\n---\nname: evil\n---\n# H", skills=["s\n- t"]),
    "quotes, pipes, backticks": texts(name="a\"b'c`d|e\\f", domain="| a | b |", skills=['"', "`", "|", "\\", "```", "'''", '"""']),
    "fences and comments": texts(compliance_notes="```\n<script>x</script>\n```\n~~~\n<!-- x\n-->"),
    "a long text": texts(domain="x " * 9_000),
    "words that YAML reads as values": texts(name="null", domain="true", skills=["1", "no", "~", "1e3", "0x1"]),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_odd_text_makes_correct_skills_and_stays_text(home, case):
    beside = home.outside()
    said = home.apply(ACCEPTED[case])

    assert said.code == 0 and "error" not in said.err, said
    assert home.outside() == beside and not (home.root / "pwned").exists()
    assert home.bmadp("validate").code == 0
    for path in (LEADER, FRONTEND):
        folder = (home.root / path).parent
        files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        found = [finding for finding in conformance(folder.name, files, path).findings if finding.severity.value == "error"]
        assert found == []
        assert re.match(rf"---\nname: {folder.name}\n", files["SKILL.md"].decode())


def test_template_marks_come_out_as_they_went_in(home):
    home.apply(texts(name="{{ 7*7 }}", domain="{% x %}", compliance_notes="${HOME} {{ 8*8 }}"))
    text = (home.root / FRONTEND).read_text()

    assert "{{ 7*7 }}" in text and "{% x %}" in text and "${HOME} {{ 8*8 }}" in text
    assert "49" not in text and "64" not in text


def test_a_thousand_specialists_of_one_leader_are_made(home):
    many = "".join(f"        - {{id: s{i}, domain: d{i}}}\n" for i in range(1000))
    said = home.apply(HEAD + "  leaders:\n    - name: dev-leader\n      specialists:\n" + many)

    assert said.code == 0
    assert sum(1 for name in (home.root / ".claude/skills").iterdir() if name.name.startswith("dev-s")) == 1000
    assert "nothing to do" in home.bmadp("apply", "--yes").out


def test_five_hundred_faults_are_told_once_each_and_one_sum(home):
    home.write(HEAD + "".join(f"  k{i}: 1\n" for i in range(500)))
    said = home.bmadp("validate")

    assert said.code == 2
    assert said.err.count("unknown key") == 500 and "has 500 errors" in said.err


def test_a_customisation_that_climbs_makes_no_file(home):
    (home.root / "_bmad/_config").mkdir(parents=True)
    (home.root / "_bmad/_config/manifest.yaml").write_text("installation:\n  version: 6.12.0\nides: [claude-code]\n")
    before = home.outside()
    home.write(HEAD + "  customizations: {'bmad-../../../x': {memories: [a]}}\n")
    said = home.bmadp("apply", "--yes")

    assert said.code in (0, 1, 2) and "Traceback" not in said.err
    assert home.outside() == before and not list(home.folder.rglob("*x.toml"))


def test_the_root_of_a_manifest_may_not_be_inside_git(home):
    (home.root / ".git/hooks").mkdir(parents=True)
    home.write(HEAD + "  root: .git\n")
    before = home.files()

    assert home.bmadp("apply", "--yes").is_one_error(2, ":4:", "inside `.git`")
    assert home.files() == before


def test_a_manifest_that_is_wrong_says_so_as_a_process_too(home):
    home.write(b"project: {name: \xff}\n")
    said = home.process("apply", "--yes")

    assert said.is_one_error(2, "bmad-provisioner.yaml:1:", "not UTF-8")
    assert not [path for path in Path(home.folder).rglob("*") if "report" in path.name]
