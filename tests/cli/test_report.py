"""What was found, as other programs read it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bmad_provisioner.cli.report import github, sarif
from bmad_provisioner.finding import Finding, Severity
from cli.home import MANIFEST, Home

FOUND = [
    Finding("src/a b.py", "code-fault", "is 50% broken\nhere", Severity.WARNING, 7),
    Finding("manifest.yaml", "team-form", "name: field required", Severity.ERROR, 1, "give it a name"),
    Finding("writer", "task-failed", "it: failed, twice", Severity.ERROR),
    Finding("src/c,d.py", "code-rewritten", "modern", Severity.INFO, 2),
]


def test_sarif_names_each_rule_once_and_the_place_of_each_result():
    (run,) = sarif(FOUND)["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["code-fault", "code-rewritten", "task-failed", "team-form"]
    assert [result["level"] for result in run["results"]] == ["warning", "error", "error", "note"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "src/a%20b.py"}, "region": {"startLine": 7}}
    assert "locations" not in run["results"][2] and run["results"][1]["message"]["text"] == "name: field required (give it a name)"


def test_github_gets_a_command_a_line_that_nothing_in_it_can_end():
    assert github(FOUND) == [
        "::warning file=src/a b.py,line=7,title=code-fault::is 50%25 broken%0Ahere",
        "::error file=manifest.yaml,line=1,title=team-form::name: field required",
        "::error title=task-failed::it: failed, twice",
        "::notice file=src/c%2Cd.py,line=2,title=code-rewritten::modern",
    ]


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory() as folder:
        made = Home(Path(folder) / "home")
        made.write(MANIFEST)
        yield made


@pytest.mark.parametrize("form", ["sarif", "github", "json"])
def test_analyze_says_it_in_each_form(home, form):
    said = home.bmadp("analyze", "--format", form)
    assert said.code == 0
    assert (said.json if form != "github" else said.out.splitlines()) is not None
