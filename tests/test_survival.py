"""What BMAD's updates leave of us: real installs, real updates, and nothing of ours or of the user's is lost."""

from __future__ import annotations

import csv
import io
import subprocess
from dataclasses import dataclass

import pytest

from bmad_install import NEWEST, VERSIONS, install, update
from bmad_provisioner.errors import ConflictError
from bmad_provisioner.tree.model import Gap
from survival import BIN, CLEAN, DRIFT, FACT, HOUSE_SKILL, PENDING, PRINCIPLE, Figures, Survivor, faults
from toy import Bench

ALL_UPDATES = ("quick", "quick", "quick", "full", "full")
TWO_UPDATES = ("quick", "full")
MANIFESTS = ("health-platform", "plateforme-sante", "hundred")
OLD_HELP = ("6.0.4", "6.2.0")  # their help has columns of its own
NO_OVERRIDES = ("6.0.4", "6.2.0", "6.3.0")


def case(*values, fast=False):
    """A case of `make test`, or of `make test-all` only."""
    names = ["two" if value == TWO_UPDATES else "all" if value == ALL_UPDATES else value for value in values]
    return pytest.param(*values, marks=() if fast else pytest.mark.slow, id="-".join(names))


JOURNEYS = [
    case("6.2.0", "health-platform", ALL_UPDATES, fast=True),
    case(NEWEST, "health-platform", TWO_UPDATES, fast=True),
    case(NEWEST, "hundred", TWO_UPDATES, fast=True),
    *(case(v, name, ALL_UPDATES) for v in VERSIONS for name in MANIFESTS if (v, name) != ("6.2.0", "health-platform")),
]
EDITED = [*(case(v, TWO_UPDATES, fast=True) for v in ("6.2.0", NEWEST)), *(case(v, ALL_UPDATES) for v in VERSIONS)]
EVERY = [case(v, name, fast=(v, name) == (NEWEST, "health-platform")) for v in VERSIONS for name in MANIFESTS]
SAMPLE = [case(v, fast=v == "6.2.0") for v in VERSIONS]
WITH_OVERRIDES = [case(v, fast=v == NEWEST) for v in VERSIONS if v not in NO_OVERRIDES]


@pytest.mark.bmad
@pytest.mark.parametrize(("version", "name", "updates"), JOURNEYS)
def test_updates_lose_nothing_of_ours_and_bmad_knows_our_skills_after_them(version, name, updates, tmp_path):
    made = Survivor.of(version, name, tmp_path / "project")
    made.change("apply")
    assert len(made.skills()) == made.manifest.skills * 2
    made.analyze(CLEAN)

    for number, mode in enumerate(updates, 1):
        figures = made.update(mode)
        report(version, name, number, figures)
        assert (figures.lost, figures.changed) == ([], []), f"update {number} ({mode})"
        assert figures.healed == 0 or (number == 1 and version != NEWEST), f"update {number} ({mode}) needed healing"
        made.analyze(CLEAN)

    assert made.change("heal") == [], "healing twice is healing once"
    assert made.ours == as_provisioned_today(name, tmp_path / "today")
    assert faults(made.skills()) == {}
    bmad_reads_us(made)


def as_provisioned_today(name, root):
    """Return the files of ours in a project that always had the newest BMAD."""
    made = Survivor.of(NEWEST, name, root)
    made.change("apply")
    return made.ours


def bmad_reads_us(made):
    """Ask BMAD's own scripts and BMAD's own help for what the manifest says."""
    leaders = made.manifest.leaders
    some = leaders if len(leaders) < 10 else leaders[::20]
    roster = made.agents()
    assert set(leaders) <= set(roster) and "bmad-agent-dev" in roster
    assert {roster[leader]["module"] for leader in leaders} == {made.manifest.code}
    for leader in some:
        assert made.agents(f"agents.{leader}") == roster[leader]
        assert made.resolved(leader)["name"] == roster[leader]["name"]
    agent = made.resolved(made.manifest.customized)
    assert agent["persistent_facts"] and agent["principles"] and agent["menu"]

    developer = made.resolved("bmad-agent-dev")
    assert developer["name"] == "Amelia" and len(developer["principles"]) > 1 and PRINCIPLE in developer["principles"]
    assert FACT in developer["persistent_facts"]
    assert {"RL", "BD"} <= {item["code"] for item in developer["menu"]}

    rows = {row["skill"]: row for row in made.help()}
    assert set(leaders) <= set(rows)
    assert {row["phase"] for row in rows.values()} <= {"plan", "ship", "2-planning", "anytime"}
    assert all(row["display-name"] and row["menu-code"] and row["description"] for row in rows.values())


@pytest.mark.bmad
def test_an_agent_that_bmad_dropped_is_gone_though_the_list_of_the_old_version_stays_behind(tmp_path):
    made = Survivor.of("6.2.0", "hundred", tmp_path / "project")
    update(made.root)
    assert '"sm","Bob"' in made.read("_bmad/_config/agent-manifest.csv")
    made.change("apply")
    assert "`bmad-agent-dev` skill" in made.read(".claude/skills/delivery-1/SKILL.md")


@pytest.mark.bmad
@pytest.mark.parametrize(("version", "updates"), EDITED)
def test_what_the_user_wrote_into_our_files_and_beside_them_survives_updates(version, updates, tmp_path):
    made = Survivor.of(version, "health-platform", tmp_path / "project")
    overrides = version not in NO_OVERRIDES
    if overrides:
        made.write("_bmad/custom/bmad-agent-dev.toml", '# ours, not yours\n[agent]\nicon = "🦊"\nprinciples = ["Name it first"]\n')
        made.write("_bmad/custom/config.toml", made.read("_bmad/custom/config.toml") + '\n[agents.house-critic]\nname = "Critic"\n')
    made.change("apply")
    users = users_edits(made, overrides=overrides)
    now = made.state()
    made.ours = {path: now[path] for path in made.ours}
    made.analyze(DRIFT)

    for number, mode in enumerate(updates, 1):
        figures = made.update(mode)
        report(version, "edited", number, figures)
        assert (figures.lost, figures.changed) == ([], []), f"update {number} ({mode})"
        made.analyze(DRIFT)
        for edit in users:
            edit.stands(made)
    assert made.folders() == [".agents/skills", ".claude/skills"]
    assert faults(made.skills()) == {}
    if version not in OLD_HELP:
        assert [row for row in made.help() if row["skill"] == "house-style"], "the user's help row is BMAD's too"
    if overrides:
        developer = made.resolved("bmad-agent-dev")
        assert developer["icon"] == "🦊"
        assert {"Name it first", PRINCIPLE} <= set(developer["principles"])
        leader = made.resolved("dev-leader")
        assert (leader["icon"], leader["communication_style"]) == ("🐙", "Blunt.")
        assert "We ship on Tuesdays" in leader["persistent_facts"] and len(leader["persistent_facts"]) == 3
        assert {"house-critic", "dev-leader"} <= set(made.agents())


@dataclass(frozen=True)
class Edit:
    """Text the user wrote: it stands in the file, which may have moved to the folder that BMAD now uses."""

    path: str
    text: str

    def stands(self, made):
        path = self.path.replace(".cursor/", ".agents/")
        assert self.text in made.read(path), f"{path} lost {self.text!r}:\n{made.read(path)}"


def users_edits(made, *, overrides):
    """Edit files of ours as users do, in both folders of skills, and write files of the user's own."""
    users = []

    def note(path, text):
        assert text in made.read(path)
        users.append(Edit(path, text))

    for folder in made.folders():
        made.write(f"{folder}/dev-leader/SKILL.md", made.read(f"{folder}/dev-leader/SKILL.md") + "\nNothing on Fridays.\n")
        note(f"{folder}/dev-leader/SKILL.md", "\nNothing on Fridays.\n")
        rows = f"{folder}/dev-leader/data/routing-keywords.csv"
        width = len(next(csv.reader(io.StringIO(made.read(rows)))))
        made.write(rows, made.read(rows) + ",".join(["kubernetes", "dev-backend", "house"][:width]) + "\n")
        note(rows, "kubernetes,dev-backend")
        made.write(f"{folder}/house-style/SKILL.md", HOUSE_SKILL)
        users.append(Edit(f"{folder.replace('.cursor', '.claude')}/house-style/SKILL.md", HOUSE_SKILL))
        made.write(f"{folder}/qa-leader/references/our-tests.md", "Ours.\n")
        users.append(Edit(f"{folder.replace('.cursor', '.claude')}/qa-leader/references/our-tests.md", "Ours.\n"))
    if made.bmad not in OLD_HELP:
        users.append(Edit(help_row(made), "House Style"))
    if overrides:
        path = ".claude/skills/dev-leader/customize.toml"
        made.replace(path, 'icon = "🧭"', 'icon = "🐙"  # the team\'s')
        made.replace(path, "persistent_facts = [\n", 'persistent_facts = [\n  "We ship on Tuesdays",\n')
        note(path, 'icon = "🐙"  # the team\'s')
        note(path, '"We ship on Tuesdays"')
        made.write("_bmad/custom/dev-leader.toml", '[agent]\ncommunication_style = "Blunt."\n')
        note("_bmad/custom/dev-leader.toml", '[agent]\ncommunication_style = "Blunt."\n')
        note("_bmad/custom/bmad-agent-dev.toml", "# ours, not yours\n")
        note("_bmad/custom/config.toml", '[agents.house-critic]\nname = "Critic"\n')
    return users


def help_row(made):
    """Write a row of the user's into our module's help, in the columns that it has; return the path."""
    path = f"_bmad/{made.manifest.code}/module-help.csv"
    columns = next(csv.reader(io.StringIO(made.read(path))))
    row = dict.fromkeys(columns, "") | {"module": made.manifest.code, "phase": "anytime", "required": "false"}
    row |= {"skill": "house-style", "display-name": "House Style", "menu-code": "HS", "description": "How we write"}
    row |= {"name": "House Style", "code": "HS", "workflow-file": "skill:house-style", "command": "house-style"}
    made.write(path, made.read(path) + ",".join(row[column] for column in columns) + "\n")
    return path


@pytest.mark.bmad
@pytest.mark.parametrize("version", [pytest.param(version, marks=pytest.mark.slow) for version in OLD_HELP])
def test_a_help_row_of_the_users_in_columns_that_bmad_gave_up_is_a_conflict_to_decide_and_not_lost(version, tmp_path):
    made = Survivor.of(version, "health-platform", tmp_path / "project")
    made.change("apply")
    path = help_row(made)
    update(made.root)
    before = made.state()
    made.bmadp("heal", "--yes", exits=1)
    assert made.state() == before and "House Style" in made.read(path)

    made.bmadp("heal", "--yes", "--theirs", path)
    made.analyze(CLEAN)
    made.bmadp("restore", "--yes")
    assert made.state() == before


@pytest.mark.bmad
@pytest.mark.parametrize(("version", "name"), EVERY)
def test_restoring_the_apply_returns_the_project_to_the_byte_and_the_mode(version, name, tmp_path):
    made = Survivor.of(version, name, tmp_path / "project")
    before = made.state()
    made.change("apply")
    assert made.state() != before

    made.bmadp("restore", "--yes")
    assert made.state() == before
    made.bmadp("history", "--verify")


@pytest.mark.bmad
@pytest.mark.parametrize("version", SAMPLE)
def test_restoring_after_an_update_takes_away_all_that_is_ours_and_nothing_else(version, tmp_path):
    made = Survivor.of(version, "health-platform", tmp_path / "project")
    made.write(".claude/skills/house-style/SKILL.md", HOUSE_SKILL)
    made.change("apply")
    figures = made.update("full")
    ours = dict(made.ours)
    before = made.state()

    if figures.healed:
        made.bmadp("restore", "--yes")
    made.bmadp("restore", "--yes")
    now = made.state()
    shared = "_bmad/custom/config.toml"
    assert set(ours) & set(now) == {shared}
    assert shared not in ours or made.read(shared) == text_of_bmad(shared, tmp_path / "bmad")
    theirs = {path: found for path, found in before.items() if path not in ours and found[1] != "directory"}
    assert {path: found for path, found in now.items() if path != shared and found[1] != "directory"} == theirs
    made.bmadp("history", "--verify")


def text_of_bmad(path, root):
    """Return a file as the newest BMAD makes it."""
    return (install(NEWEST, root) / path).read_text(encoding="utf-8")


@pytest.mark.bmad
@pytest.mark.parametrize("version", WITH_OVERRIDES)
def test_a_shared_file_that_was_reset_is_healed(version, tmp_path):
    made = Survivor.of(version, "health-platform", tmp_path / "project")
    before = made.read("_bmad/custom/config.toml")
    made.change("apply")
    made.write("_bmad/custom/config.toml", before)
    (made.root / "_bmad/custom/bmad-agent-dev.toml").unlink()
    made.analyze(PENDING)

    made.change("heal")
    made.analyze(CLEAN)
    assert "dev-leader" in made.agents()
    assert PRINCIPLE in made.resolved("bmad-agent-dev")["principles"]


@pytest.mark.bmad
@pytest.mark.parametrize("version", WITH_OVERRIDES)
@pytest.mark.parametrize("name", ["health-platform", "plateforme-sante"])
def test_the_command_a_leader_gives_reads_its_customisation_in_the_bmad_that_is_installed(version, name, tmp_path):
    made = Survivor.of(version, name, tmp_path / "project")
    made.change("apply")
    text = made.read(".claude/skills/dev-leader/SKILL.md")
    command = next(line.strip("`") for line in text.splitlines() if line.startswith("`python3 {project-root}"))
    skill = made.root / ".claude/skills/dev-leader"
    words = command.replace("{project-root}", str(made.root)).replace("{skill-root}", str(skill)).split()
    agent = made.script(*words[1:])["agent"]
    assert len(agent["persistent_facts"]) == len(agent["principles"]) == 2


@pytest.mark.bmad
@pytest.mark.parametrize("version", SAMPLE)
def test_every_skill_of_ours_passes_the_validator_of_the_standard(version, tmp_path):
    made = Survivor.of(version, "health-platform", tmp_path / "project")
    made.change("apply")
    for skill in (skill for skill in made.skills() if ".claude" in skill.parts):
        done = subprocess.run((BIN / "agentskills", "validate", skill), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{skill}: {done.stdout}{done.stderr}"


def report(version: str, name: str, number: int, figures: Figures) -> None:
    """Print a line of the matrix; `pytest -rP` shows it."""
    fields = (version, name, f"{number} {figures.update}", figures.ours, len(figures.lost), len(figures.changed), figures.healed)
    print("FIGURES", *fields, sep=" | ")


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "project").mkdir()
    return Bench(tmp_path / "project")


OLD_PLACE, NEW_PLACE = ".cursor/skills/a/SKILL.md", ".agents/skills/a/SKILL.md"
OLD_ROWS, NEW_ROWS = ".cursor/skills/a/words.csv", ".agents/skills/a/words.csv"


def test_an_edit_follows_its_file_into_the_folder_that_the_tool_reads_now(bench):
    bench.apply({OLD_PLACE: "1\n2\n3\n4\n", OLD_ROWS: "word,to\nbug,qa\n"})
    (bench.root / OLD_PLACE).write_text("1\n2\n3\n4\nmine\n")
    (bench.root / OLD_ROWS).write_text("word,to\nbug,qa\nmine,me\n")
    wanted = {NEW_PLACE: "one\n2\n3\n4\n", NEW_ROWS: "word,to\nbug,dev\n"}
    bench.apply(wanted)

    assert bench.files() == {NEW_PLACE: "one\n2\n3\n4\nmine\n", NEW_ROWS: "word,to\nbug,dev\nmine,me\n"}
    assert [change.gap for change in bench.plan(wanted).changes] == [Gap.DRIFTED]
    assert bench.apply(wanted) is None
    bench.restore()
    assert bench.files() == {OLD_PLACE: "1\n2\n3\n4\nmine\n", OLD_ROWS: "word,to\nbug,qa\nmine,me\n"}


def test_an_edit_that_cannot_be_merged_into_the_new_place_stays_a_conflict(bench):
    bench.apply({OLD_PLACE: "1\n"})
    (bench.root / OLD_PLACE).write_text("mine\n")
    with pytest.raises(ConflictError, match="cursor"):
        bench.apply({NEW_PLACE: "2\n"})
    assert bench.files() == {OLD_PLACE: "mine\n"}


def test_an_edit_does_not_follow_where_two_folders_hold_different_ones_or_the_new_file_is_known(bench):
    other = ".windsurf/skills/a/SKILL.md"
    bench.apply({OLD_PLACE: "1\n2\n", other: "1\n2\n"})
    (bench.root / OLD_PLACE).write_text("1\n2\nmine\n")
    (bench.root / other).write_text("1\n2\nhers\n")
    with pytest.raises(ConflictError, match="windsurf"):
        bench.apply({NEW_PLACE: "1\n2\n"})

    bench.apply({NEW_PLACE: "1\n2\n", OLD_PLACE: "1\n2\n", other: "1\n2\n"})
    with pytest.raises(ConflictError):
        bench.apply({NEW_PLACE: "1\n2\n", other: "1\n2\n"})
    assert (bench.root / NEW_PLACE).read_text() == "1\n2\n" and (bench.root / OLD_PLACE).read_text() == "1\n2\nmine\n"
