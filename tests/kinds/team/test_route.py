"""Routing: the right specialists by words alone, and a page that hides no wrong one. `python THIS_FILE` writes its lists."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from bmad_provisioner.kinds.team.domains import FIELDS
from bmad_provisioner.kinds.team.route import Choice, Specialist, route

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/routing.md"
LABELLED = yaml.safe_load(Path(__file__).with_name("routed.yaml").read_text(encoding="utf-8"))
TEAMS = {
    team: tuple(Specialist(one["name"], one["domain"], tuple(one["skills"])) for one in people)
    for team, people in LABELLED["teams"].items()
}
SETS = ("requests", "held_out", "fresh")
OPEN, CLOSE = "<!-- the lists below are written by tests/kinds/team/test_route.py -->\n", "<!-- end of the lists -->\n"

WEB = (Specialist("ui", "React, CSS"), Specialist("api", "REST API", ("endpoints",)), Specialist("dba", "PostgreSQL"))


def names(request, specialists=WEB):
    return [choice.name for choice in route(request, specialists)]


def wrong(part):
    answers = [(case, route(case["ask"], TEAMS[case["team"]])) for case in LABELLED[part]]
    return [(case, got) for case, got in answers if {choice.name for choice in got} != set(case["to"])]


def listed():
    lines = []
    for part in SETS:
        missed = wrong(part)
        lines += [f"### `{part}`: {len(LABELLED[part]) - len(missed)} of {len(LABELLED[part])} right", ""]
        lines += ["| Team | Request | Belongs to | Routed to |", "| --- | --- | --- | --- |"] if missed else ["None is wrong.", ""]
        for case, got in missed:
            found = "; ".join(f"{c.name} ({', '.join(c.words)})" for c in got) or "nobody"
            lines.append(f"| {case['team']} | {case['ask']} | {', '.join(case['to']) or 'nobody'} | {found} |")
        lines += [""] if missed else []
    return "\n".join(lines)


def page(text):
    before, _, rest = text.partition(OPEN)
    return f"{before}{OPEN}\n{listed()}\n{CLOSE}{rest.partition(CLOSE)[2]}"


def test_nine_of_ten_labelled_requests_go_to_exactly_the_right_specialists():
    assert len(LABELLED["requests"]) == 60
    assert len(wrong("requests")) <= 6


def test_the_page_lists_exactly_the_wrong_ones():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), f"`python {Path(__file__).relative_to(ROOT)}` writes the lists anew"


@pytest.mark.parametrize("part", SETS)
def test_the_labels_are_balanced_and_name_declared_specialists(part):
    cases = LABELLED[part]
    assert sum(case["language"] == "en" for case in cases) * 2 == len(cases)
    for case in cases:
        assert set(case["to"]) <= {one.name for one in TEAMS[case["team"]]}


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("Move the button", ["ui"]),
        ("Déplace le bouton", ["ui"]),
        ("MOVE THE BUTTONS", ["ui"]),
        ("Une clé étrangère", ["dba"]),
        ("Une cle etrangere", ["dba"]),
        ("a form and an endpoint", ["ui", "api"]),
        ("hello", []),
        ("", []),
        ("the of and", []),
        ("show them to us", []),
        ("Choose another theme", ["ui"]),
        ("sign in", ["api"]),
        ("a sign", []),
    ],
)
def test_words_count_in_any_case_number_accent_and_language(request_text, expected):
    assert sorted(names(request_text)) == sorted(expected)


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("Add an endpoint, no UI changes", ["api"]),
        ("Add an endpoint without touching the database", ["api"]),
        ("Ajoute un endpoint sans toucher à la base de données", ["api"]),
        ("Ajoute un endpoint, pas de changement dans le formulaire", ["api"]),
        ("Ajoute un endpoint ; ne modifie pas le formulaire", ["api"]),
        ("Do not touch the form, but add an endpoint", ["api"]),
        ("Leave the buttons as they are; add an index in PostgreSQL", ["dba"]),
        ("The button does not work", ["ui"]),
        ("There is no index on the PostgreSQL column", ["dba"]),
        ("Il n'y a aucun bouton", ["ui"]),
        ("Le bouton ne marche pas", ["ui"]),
    ],
)
def test_what_is_excluded_counts_nothing_and_what_is_only_missing_counts(request_text, expected):
    assert names(request_text) == expected


def test_a_long_request_is_no_trouble():
    assert names("keep a button " * 20_000) == ["ui"]


def test_a_choice_shows_its_evidence_and_its_score():
    assert route("Une feuille de style pour le bouton", WEB) == (Choice("ui", 4.0, ("feuille style", "bouton")),)


def test_a_word_that_every_specialist_has_says_nothing():
    twins = (Specialist("oak", "wine", ("barrels",)), Specialist("vine", "wine", ("pruning",)))
    assert names("more wine", twins) == []
    assert names("wine barrels", twins) == ["oak"]


def test_a_longer_phrase_is_not_taken_for_the_words_in_it():
    team = (Specialist("qa", "quality assurance"), Specialist("guard", "security"), Specialist("api", "REST"))
    assert names("prépare un test d'intrusion", team) == ["guard"]


def test_a_specialist_of_no_known_field_is_found_by_its_own_words():
    team = (Specialist("luthier", "violins, cellos", ("varnish",)), Specialist("tuner", "pianos"))
    assert names("The cello needs new varnish", team) == ["luthier"]


def test_a_team_of_one_or_of_none_is_no_error():
    assert names("a button", WEB[:1]) == ["ui"]
    assert names("good morning", WEB[:1]) == []
    assert names("a button", ()) == []


def test_the_same_request_is_always_routed_alike_and_equals_come_as_declared():
    request = "PostgreSQL and React"
    assert names(request) == names(request) == ["ui", "dba"]
    assert names(request, WEB[::-1]) == ["dba", "ui"]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_can_be_reached_by_its_name(field):
    team = (Specialist("one", FIELDS[field].words[0]), Specialist("other", "beekeeping"))
    assert names(f"about {FIELDS[field].words[1]}", team) == ["one"]


if __name__ == "__main__":
    sys.exit(PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8") and 0)
