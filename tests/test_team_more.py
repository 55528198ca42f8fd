"""More teams on real files: sections and patterns, reviews, template trees, and what agents leave that cannot count."""

from __future__ import annotations

import json

import pytest

from team_project import REQUEST, lent

FILE = {"file": "request.md"}
PAPER = "printf '# Paper\\n\\n## Screens\\n\\none\\n\\n## Other\\n\\ntwo\\n\\n## Rest\\n\\nthree\\n' > p.md"


@pytest.fixture
def project():
    with lent() as made:
        yield made


# --- what is read -----------------------------------------------------------------------------------------------------

PARTS = {
    "two sections": (["p.md#screens", "p.md#other"], "## Screens\n\none\n\n## Other\n\ntwo\n"),
    "two sections, the other way round": (["p.md#other", "p.md#screens"], "## Other\n\ntwo\n\n## Screens\n\none\n"),
    "a file and a section of it": (["p.md", "p.md#other"], None),
    "a section and a pattern that takes the file in": (["p.md#other", "*.md"], None),
    "a section that may be missing": (["p.md#nosuch?", "p.md#other"], "## Other\n\ntwo\n"),
}


@pytest.mark.parametrize("case", PARTS)
@pytest.mark.parametrize("made", [True, False])
def test_sections_of_one_file_arrive_together_and_the_whole_file_wins(project, case, made):
    reads, text = PARTS[case]
    whole = "# Paper\n\n## Screens\n\none\n\n## Other\n\ntwo\n\n## Rest\n\nthree\n"
    reader = project.shell("cp p.md s.txt", reads=reads, makes=["s.txt"])
    if made:
        project.team({"writer": project.shell(PAPER, makes=["p.md"]), "reader": {**reader, "needs": ["writer"]}})
    else:
        (project.root / "p.md").write_text(whole)
        project.team({"reader": reader})
    said = project.apply()
    assert said.code == 0, said
    assert project.read("s.txt") == (whole if text is None else text)


def test_who_can_do_without_a_section_spares_nobody_who_cannot(project):
    agents = {
        "writer": project.shell(PAPER, makes=["p.md"]),
        "easy": project.maker("e.txt", needs=["writer"], reads=["p.md#nosuch?"]),
        "strict": project.maker("s.txt", needs=["writer"], reads=["p.md#nosuch"]),
        "both": project.maker("b.txt", needs=["writer"], reads=["p.md#nosuch?", "p.md#nosuch"]),
    }
    project.team(agents)
    assert project.ended() == {"writer": "done", "easy": "done", "strict": "skipped", "both": "skipped"}


def test_sections_of_data_come_as_one_object(project):
    writer = project.shell("""echo '{"a": {"b": 1}, "c": [2, 3], "d": 4}' > p.json""", makes=["p.json"])
    reads = ["p.json#a.b", "p.json#/c/1"]
    project.team({"writer": writer, "reader": project.shell("cp p.json s.txt", needs=["writer"], reads=reads, makes=["s.txt"])})
    assert project.apply().code == 0
    assert json.loads(project.read("s.txt")) == {"a.b": 1, "/c/1": 3}


def test_who_reads_a_pattern_that_it_makes_itself_does_not_change_what_others_get_by_it(project):
    agents = {
        "x": project.shell("mkdir -p docs; echo x > docs/x.md", makes=["docs/x.md"]),
        "b": project.shell("ls docs > report.txt", needs=["x", "a"], reads=["docs/*.md"], makes=["report.txt"]),
        "a": project.shell("found=$(ls docs); echo $found > docs/a.md", needs=["x"], reads=["docs/*.md"], makes=["docs/a.md"]),
    }
    project.team(agents)
    assert project.apply().code == 0 and project.turns == ["x", "a", "b"]
    assert project.read("report.txt") == "a.md\nx.md\n" and project.read("docs/a.md") == "x.md\n"
    assert project.apply().code == 0 and project.turns == []


def test_an_edit_elsewhere_in_a_file_of_the_project_wakes_nobody_who_reads_a_section_of_it(project):
    readme = project.root / "README.md"
    readme.write_text("# R\n\n## use\n\nso\n\n## rest\n\nold\n")
    project.team({"reader": project.shell("cp README.md s.txt", reads=["README.md#use"], makes=["s.txt"])})
    assert project.ended() == {"reader": "done"}
    readme.write_text("# R\n\n## use\n\nso\n\n## rest\n\nnew\n")
    assert project.ended() == {"reader": "cached"}
    readme.write_text("# R\n\n## use\n\nnot so\n\n## rest\n\nnew\n")
    assert project.ended() == {"reader": "done"}
    assert project.apply().code == 0 and project.read("s.txt") == "## use\n\nnot so\n"


def test_a_section_that_a_file_of_the_project_does_not_have_is_refused_before_anybody_is_asked(project):
    (project.root / "README.md").write_text("# R\n\n## use\n\nso\n")
    project.team({"reader": project.maker("s.txt", reads=["README.md#nosuch"]), "other": project.maker("o.txt")})
    said = project.bmadp("run", "--yes")
    assert said.code != 0 and "bmad-provisioner.yaml:" in said.err and "`README.md` has no section `nosuch`" in said.err
    assert project.turns == []


NOTHINGS = {
    "a folder": ("docs", ["`docs` is a folder: `reader` gets nothing of it"]),
    "a file that is not there": ("gone.md", ["`gone.md` is not there"]),
    "a section of a file that is not there": ("gone.md#use", ["`gone.md` is not there"]),
    "a symbolic link": ("link.md", ["`link.md` is a symbolic link"]),
    "a file behind a symbolic link": ("away/x.md", ["`away/x.md` lies behind a symbolic link"]),
    "a file that may be missing": ("gone.md?", []),
    "a file that is there": ("docs/x.md?", []),
    "a pattern": ("docs/?.md", []),
}


@pytest.mark.parametrize("case", NOTHINGS)
def test_a_read_that_gives_nothing_is_a_warning_and_is_not_listed(project, case):
    read, warnings = NOTHINGS[case]
    (project.root / "docs").mkdir()
    (project.root / "docs/x.md").write_text("x\n")
    (project.root / "link.md").symlink_to("docs/x.md")
    (project.root / "away").symlink_to("docs")
    project.team({"reader": project.maker("s.txt", reads=[read])})
    (plan,) = project.bmadp("run", "--yes", "--json").plans
    found = [f for f in plan["findings"] if f["rule"] == "team-reads"]
    assert len(found) == len(warnings) and all(text in f["message"] for text, f in zip(warnings, found, strict=True))
    assert all(f["severity"] == "warning" and f["line"] and f["hint"] for f in found)
    assert project.apply().code == 0
    assert ("- docs/x.md" in project.read("s.txt")) == ("docs/" in read)
    assert warnings == [] or "In this folder" not in project.read("s.txt")


def test_what_an_idle_agent_made_before_is_handed_to_who_reads_it(project):
    agents = {
        "backend": project.maker("api.py", domain="PostgreSQL, REST API"),
        "frontend": {**project.maker("web/app.css", domain="React, CSS"), "makes": ["web/*.css"]},
        "qa": project.shell(
            """found=$(find . -type f | sort); echo "$found" > tested.txt""", needs=["backend", "frontend"], makes=["tested.txt"]
        ),
    }
    project.team(agents, request=FILE, leader={"name": "boss"})
    project.ask("- Write the PostgreSQL tables.\n- Style the React pages with CSS.\n")
    assert project.apply().code == 0 and sorted(project.turns) == ["backend", "frontend", "qa"]
    whole = project.read("tested.txt")
    assert "./web/app.css" in whole
    project.ask("- Write other PostgreSQL tables.\n")
    assert project.apply().code == 0 and sorted(project.turns) == ["backend", "qa"]
    assert project.read("tested.txt") == whole
    (plan,) = project.bmadp("analyze", "--json").plans
    assert plan["clean"]


# --- what is asked ----------------------------------------------------------------------------------------------------

STEPS = "# R\n\n## steps\n\n- Delete the old table.\n- Import the new rows.\n\n## notes\n\n- b: one\n- a: two\n"


def test_the_order_of_requirements_counts_for_who_reads_them_and_for_nobody_else(project):
    project.ask(STEPS)
    agents = {
        "doer": project.maker("do.txt", reads=["requirements.steps"]),
        "noter": project.maker("n.txt", reads=["requirements.notes"]),
    }
    project.team(agents, request=FILE)
    assert project.apply().code == 0
    project.ask(STEPS.replace("- Delete the old table.\n- Import the new rows.", "- Import the new rows.\n- Delete the old table."))
    assert "the order of what is asked" in project.bmadp("why", "doer").out
    assert project.ended() == {"doer": "done", "noter": "cached"}
    assert project.apply().code == 0
    assert project.read("do.txt").index("Import") < project.read("do.txt").index("Delete")


def test_a_renamed_team_wakes_only_who_sees_its_name(project):
    named = {"runtime": {"template": {"files": {"t.txt.j2": "{{ team }}\n"}}}, "makes": ["t.txt"]}
    project.team({"named": named, "other": project.maker("o.txt")}, name="one")
    assert project.apply().code == 0
    project.team({"named": named, "other": project.maker("o.txt")}, name="two")
    assert project.ended() == {"named": "done", "other": "cached"}


def test_an_agent_may_be_called_as_our_own_steps_are(project):
    project.team({"request": project.maker("a.txt"), "select": project.maker("b.txt")}, request=FILE)
    assert project.ended() == {"request": "done", "select": "done"}


# --- what is left -----------------------------------------------------------------------------------------------------

DATA = {
    "command": {
        "command": {"command": ["sh", "-c", """echo '{"data": {"n": "one"}, "files": {"a.txt": "x"}}'"""], "answer": "json"}
    },
    "canned": {"canned": {"data": {"n": "one"}, "files": {"a.txt": "x"}}},
    "python": {"python": {"call": "answers:answer", "path": "."}},
}


@pytest.mark.parametrize("runtime", DATA)
def test_data_that_does_not_meet_its_schema_is_refused_whoever_gives_it(project, runtime):
    (project.root / "answers.py").write_text(
        "def answer(prompt, folder, data):\n    return {'data': {'n': 'one'}, 'files': {'a.txt': 'x'}}\n"
    )
    number = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    project.team({"teller": {"runtime": DATA[runtime], "makes": ["a.txt"], "schema": number}})
    step = project.steps()["teller"]
    assert step["status"] == "failed" and "the answer does not meet its schema: $.n" in step["error"]
    text = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]}
    project.team({"teller": {"runtime": DATA[runtime], "makes": ["a.txt"], "schema": text}})
    assert project.ended() == {"teller": "done"}


def test_who_gives_no_data_for_a_schema_is_told_so(project):
    project.team({"teller": project.maker("a.txt", schema={"type": "object"})})
    said = project.bmadp("run", "--yes")
    assert said.code != 0 and "`command` gave no data beside its words and files" in said.err


def test_two_files_that_differ_by_case_only_are_refused_and_not_remembered(project):
    project.team({"case": project.shell("mkdir out; echo 1 > out/A.txt; echo 2 > out/a.txt", makes=["out/*"])})
    for _ in range(2):
        step = project.steps()["case"]
        assert step["status"] == "failed" and "`out/A.txt` and `out/a.txt` are one file" in step["error"]
    assert project.turns == ["case", "case"]


def test_an_artefact_dated_1970_was_written_all_the_same(project):
    (project.root / "in.txt").write_text("in\n")
    script = "echo new > new.txt; touch -d @0 new.txt; echo other > in.txt; touch -d @0 in.txt"
    project.team({"tar": project.shell(script, reads=["in.txt", "kept.txt?"], makes=["new.txt", "in.txt"])})
    said = project.apply()
    assert said.code == 0, said
    assert project.read("new.txt") == "new\n" and project.read("in.txt") == "other\n"


# --- reviews ----------------------------------------------------------------------------------------------------------


def critic(project, of, wants, **more):
    """Return an agent that accepts a draft of `of` once it holds a word."""
    script = f"""cat > /dev/null; if grep -q {wants} {of}.txt; then echo '{{"data": {{"accepted": true, "objections": []}}}}'
    else echo '{{"data": {{"accepted": false, "objections": ["say {wants}"]}}}}'; fi"""
    agent = project.shell(script, **{"needs": [of], "prompt": "Is it right?", "review": {"of": of, "rounds": 3}, **more})
    return {**agent, "runtime": {"command": {"command": ["sh", "-c", agent["runtime"]["command"]], "answer": "json"}}}


def test_two_reviewers_of_one_agent_both_have_their_say(project):
    agents = {
        "letter": project.maker("letter.txt"),
        "polite": critic(project, "letter", "please"),
        "exact": critic(project, "letter", "noon"),
    }
    project.team(agents)
    said = project.apply()
    assert said.code == 0, said
    assert "say please" in project.read("letter.txt") and "say noon" in project.read("letter.txt")
    turns = project.turns
    assert turns.count("letter") == 2 and turns.count("polite") == turns.count("exact") == 2
    assert set(project.ended().values()) == {"cached"} and project.turns == []


def test_a_reviewer_that_makes_something_can_be_reviewed_itself(project):
    first = project.shell("""echo '{"accepted": true, "objections": []}'; echo fine > b.txt""", needs=["a"], makes=["b.txt"])
    agents = {
        "c": critic(project, "b", "fine"),
        "b": {**first, "prompt": "Judge it.", "review": {"of": "a"}},
        "a": project.maker("a.txt", "text"),
    }
    project.team(agents)
    said = project.apply()
    assert said.code == 0, said
    assert project.turns == ["a", "b", "b", "c"] and project.read("b.txt") == "fine\n"


def test_reviewers_that_read_what_the_other_reviews_make_no_circle(project):
    agents = {
        "a": project.maker("a.txt", "fine"),
        "b": project.maker("b.txt", "fine"),
        "one": critic(project, "a", "fine", needs=["a", "b"]),
        "two": critic(project, "b", "fine", needs=["a", "b"]),
    }
    project.team(agents)
    said = project.apply()
    assert said.code == 0, said
    assert sorted(project.turns) == ["a", "b", "one", "two"]


def test_a_reviewer_is_told_what_was_asked_and_sees_what_it_reads(project):
    (project.root / "style.md").write_text("# style\n")
    note = project.log.parent / "seen.txt"
    script = f"""(ls; cat) > {note}; echo '{{"accepted": true, "objections": []}}'"""
    agents = {
        "other": project.maker("docs/o.md", "o"),
        "dev": project.maker("docs/d.md", "d", reads=["requirements.ui"]),
        "qa": project.shell(
            script, needs=["dev", "other"], reads=["docs/*.md", "style.md"], prompt="Check it.", review={"of": "dev"}
        ),
    }
    project.team(agents, request=FILE)
    said = project.apply()
    assert said.code == 0, said
    seen = note.read_text()
    assert seen.startswith("docs\nstyle.md\n") and "- docs/d.md\n- docs/o.md\n- style.md\n" in seen
    assert "theme: dark" in seen and "SQLite" not in seen


def test_a_reviewer_that_is_asked_something_itself_is_told_that(project):
    note = project.log.parent / "seen.txt"
    script = f"""cat > {note}; echo '{{"accepted": true, "objections": []}}'"""
    reads = ["requirements.database", "docs/d.md"]
    agents = {
        "dev": project.maker("docs/d.md", "d", reads=["requirements.ui"]),
        "qa": project.shell(script, needs=["dev"], reads=reads, prompt="Check it.", review={"of": "dev"}),
    }
    project.team(agents, request=FILE)
    assert project.apply().code == 0
    assert "SQLite" in note.read_text() and "dark" not in note.read_text()


def test_a_reviewer_of_who_is_idle_is_idle_too(project):
    agents = {
        "frontend": project.maker("frontend.txt", domain="React, CSS"),
        "backend": project.maker("backend.txt", domain="PostgreSQL, REST API"),
        "judge": critic(project, "frontend", "React"),
    }
    project.team(agents, request=FILE, leader={"name": "boss"})
    project.ask("- Write the PostgreSQL tables.\n")
    assert project.apply().code == 0 and project.turns == ["backend"]


# --- template trees of a project --------------------------------------------------------------------------------------


def test_a_template_tree_beside_the_document_is_rendered_and_each_of_its_files_counts(project):
    tree = project.root / "templates/react-crud"
    tree.mkdir(parents=True)
    (tree / "page.html.j2").write_text("{% for one in requirements %}<p>{{ one.text }}</p>\n{% endfor %}")
    (tree / "run.sh").write_text("#!/bin/sh\necho run\n")
    agent = {"runtime": {"template": "templates/react-crud"}, "reads": ["requirements.ui"], "makes": ["page.html", "run.sh"]}
    project.team({"frontend": agent}, request=FILE)
    said = project.apply()
    assert said.code == 0, said
    assert "<p>dark</p>" in project.read("page.html") and project.read("run.sh").endswith("echo run\n")
    assert not project.bmadp("analyze", "--json").err and project.ended() == {"frontend": "cached"}
    (tree / "run.sh").write_text("#!/bin/sh\necho walk\n")
    assert "run.sh changed" in project.bmadp("why", "frontend").out
    assert project.apply().code == 0 and project.read("run.sh").endswith("echo walk\n")
    (tree / "new.txt").write_text("new\n")
    assert project.ended() == {"frontend": "done"}


def test_a_template_tree_that_is_not_there_is_named_with_its_line_and_those_that_ship(project):
    project.team({"frontend": {"runtime": {"template": "templates/react-crud"}, "makes": ["page.html"]}})
    said = project.bmadp("analyze")
    assert said.code != 0 and "bmad-provisioner.yaml:" in said.err and "`templates/react-crud` is no shipped template" in said.err
    assert "a folder `templates/react-crud` beside the document" in said.err


def test_a_template_that_is_no_text_is_named(project):
    tree = project.root / "templates/t"
    tree.mkdir(parents=True)
    (tree / "logo.png").write_bytes(b"\x89PNG\xff")
    project.team({"frontend": {"runtime": {"template": "./templates/t/"}, "makes": ["logo.png"]}}, request=REQUEST)
    said = project.bmadp("run", "--yes")
    assert said.code != 0 and "`templates/t/logo.png` is no UTF-8: byte 0" in said.err
