"""The application that the team `fullstack` makes of a request without any model: it is there, it works, and its own tests pass."""

from __future__ import annotations

import ast
import json
import os
import sqlite3
import subprocess
import sys

import pytest
import yaml

from kinds.team.fullstack import SAMPLES, items, made_by_team, written

NASTY = "\"'; DROP TABLE x; -- <script>alert(1)</script> {{ 7*7 }} {% raw %} ${x} `id` \\ \u202e #{y} */ --> ]]> %s \x07"
REQUESTS = {
    "english": (SAMPLES / "request.md").read_text(encoding="utf-8"),
    "french": (SAMPLES / "request.fr.md").read_text(encoding="utf-8"),
    "one entity, open to all": "# Reading list\n\n## data\n\n- A book has a title, an author, a year and is lent (yes/no).\n\n"
    "## security\n\n- No sign-in is needed.\n",
    "nothing that is understood": "## data\n\n- It should be nice.\n",
    "references and refusals": "## data\n\n- A ward has a name.\n- A doctor has a name and belongs to a ward.\n"
    "- A doctor belongs to a ward.\n- A visit has a day, a fee and a result (well, ill).\n- A visit belongs to a doctor.\n"
    "- Nobody can delete visits.\n- People can browse wards.\n- A doctor may have a doctor.\n\n## security\n\n- Authentication: required\n",
    "odd names": '## product\n\n- title: "Class" & <b>Order</b>\n\n## data\n\n- A "Class" has a name and an import (yes/no).\n'
    '- An Order has a select, a from, a group, an id, a labels and a kind (it\'s, <b>bold</b>, {{ 7*7 }}, back\\\\slash, "quoted").\n'
    "- An order belongs to a class.\n- A session has a password count (integer).\n- A None has a self, a lambda and a def.\n",
}


def run(folder, *command):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stderr


def checked(made, folder):
    """Write what was made, and look at every file as its own language does."""
    written(made, folder)
    for path, data in ((path, data.decode()) for files in made.values() for path, data in files.items()):
        assert data.count("\n") < 300, path
        if path.endswith(".py"):
            ast.parse(data)
        if path.endswith(".json"):
            json.loads(data)
        if path.endswith((".yml", ".yaml")):
            yaml.safe_load(data)
        if path.endswith(".sql"):
            sqlite3.connect(":memory:").executescript(data)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_tests_of_the_application_pass(name, tmp_path):
    made = made_by_team(items(REQUESTS[name]))
    checked(made, tmp_path)
    code, said = run(tmp_path, "-m", "unittest", "discover", "-s", "tests")
    assert code == 0, said[-3000:]


def _hostile_model():
    """A model as a careless or hostile agent may leave it: every name is nasty, every slug a word of some language."""
    fields = [
        {"name": NASTY, "slug": "select", "type": "text", "required": True},
        {"name": NASTY, "slug": "class", "type": "choice", "required": True, "choices": [NASTY, "it's", "\n"]},
        {"name": NASTY, "slug": "table", "type": "boolean"},
        {"name": NASTY, "slug": "constructor", "type": "long text"},
        {"name": NASTY, "slug": "order", "type": "reference", "target": "order"},
    ]
    return {"title": NASTY, "sign_in": True, "entities": [{"name": NASTY, "plural": NASTY, "slug": "order", "fields": fields}]}


def test_no_value_gets_out_of_its_place(tmp_path):
    requirements = [("product.title", NASTY), ("data.x", f"A task has a title and a state ({NASTY}, b). {NASTY}"), ("ui.x", NASTY)]
    made = made_by_team(requirements, model=_hostile_model())
    checked(made, tmp_path)
    code, said = run(tmp_path, "-m", "unittest", "discover", "-s", "tests")
    assert code == 0, said[-3000:]
    page = (tmp_path / "app/static/index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and page.count("<script") == 1
    for files in made.values():
        assert not any("\u202e" in data.decode() or "\x07" in data.decode() for data in files.values())


def changed(request, old, new):
    """The files that differ when `old` says `new`."""
    assert old in request
    before, after = (made_by_team(items(text)) for text in (request, request.replace(old, new)))
    return sorted(
        path
        for agent in before
        for path in before[agent].keys() | after[agent].keys()
        if before[agent].get(path) != after[agent].get(path)
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("theme: light", "theme: dark", ["app/static/index.html", "docs/prd.md"]),
        ("accent teal", "accent green", ["app/static/icon.svg", "app/static/style.css", "docs/prd.md"]),
        ("41 columns", "14 columns", []),
        ("Ask Ines", "Do not ask Ines", []),
        ("have at least 12 char", "have no less than, say, 12 char", ["docs/prd.md"]),
        ("99.5 %", "99.9 %", ["docs/prd.md", "docs/runbook.md", "ops/alerts.yml"]),
    ],
)
def test_a_change_reaches_only_the_files_it_is_about(old, new, expected):
    assert changed(REQUESTS["english"], old, new) == expected


def test_a_new_field_reaches_the_table_the_code_the_interface_and_the_tests():
    touched = changed(REQUESTS["english"], "an email, a phone", "an email, a birthday, a phone")
    assert {"app/schema.sql", "app/model.py", "docs/openapi.json", "tests/test_clients.py", "docs/application.json"} <= set(touched)
    assert not any(path.startswith("app/static/") for path in touched)


def test_the_samples_ask_for_the_same_and_are_understood():
    english, french = (
        json.loads(made_by_team(items(REQUESTS[name]))["product-manager"]["docs/application.json"])
        for name in ("english", "french")
    )
    assert [entity["slug"] for entity in english["entities"]] == ["clients", "projects", "tasks"]
    assert [entity["slug"] for entity in french["entities"]] == ["clients", "projets", "taches"]
    for told in (english, french):
        assert (told["sign_in"], told["password_length"], told["session_hours"]) == (True, 12, 8)
        assert "delete" not in told["entities"][1]["operations"] and "delete" in told["entities"][2]["operations"]
