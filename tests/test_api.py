"""The way round on real files: plan, apply, plan again is empty; restore; stale; conflict; held."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from bmad_provisioner import api, explain, upkeep
from bmad_provisioner.errors import ConflictError, PlanError, StaleError, UsageError
from bmad_provisioner.tree.model import Gap
from toy import Bench


@pytest.fixture
def bench(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "README").write_text("mine\n")
    return Bench(root)


def gaps(plan):
    return {change.path: change.gap for change in plan.changes}


def test_after_apply_a_plan_is_empty_and_a_second_apply_writes_nothing(bench):
    files = {"a/b.txt": "one\n", "a/run.sh": "two\n"}
    receipt = bench.apply(files)

    assert receipt.number == 1 and set(receipt.folders) == {"a"}
    assert bench.files() == {"README": "mine\n", **files}
    assert os.access(bench.root / "a/run.sh", os.X_OK)
    assert bench.plan(files).is_clean
    with bench.session() as session:
        before = session.blobs.size(), session.journal.names()
    assert bench.apply(files) is None
    with bench.session() as session:
        assert (session.blobs.size(), session.journal.names()) == before


def test_one_changed_task_changes_only_its_files(bench):
    bench.apply({"a": "1\n", "b": "2\n"})
    plan = bench.plan({"a": "1\n", "b": "3\n"})

    assert gaps(plan) == {"b": Gap.OUTDATED}
    assert {step.task: step.status for step in plan.steps} == {"write a": "cached", "write b": "done"}
    assert plan.steps[1].because == ("argument text changed: 2 -> 3",)


def test_restore_is_apply_backwards(bench):
    bench.apply({"a/b": "1\n", "README2": "x\n"})
    receipt = bench.apply({"a/b": "2\n", "c": "3\n"})
    bench.restore(receipt.number)

    assert bench.files() == {"README": "mine\n", "a/b": "1\n", "README2": "x\n"}
    bench.restore()
    assert bench.files() == {"README": "mine\n"}
    assert os.listdir(bench.root) == ["README", ".bmad-provisioner"] or sorted(os.listdir(bench.root)) == [
        ".bmad-provisioner",
        "README",
    ]


def test_restoring_a_restore_brings_the_files_back(bench):
    bench.apply({"a": "1\n"})
    undone = bench.restore()
    bench.restore(undone.number)

    assert bench.files()["a"] == "1\n"
    assert bench.plan({"a": "1\n"}).is_clean


def test_what_was_taken_back_cannot_be_taken_back_twice(bench):
    bench.apply({"a": "1\n"})
    bench.restore(1)
    with pytest.raises(UsageError, match="taken back already"):
        bench.restore(1)


def test_undo_does_not_adopt_a_strangers_file(bench):
    (bench.root / "a").write_text("stranger\n")
    bench.apply({"a": "ours\n"}, a="theirs")
    bench.restore()

    assert bench.files()["a"] == "stranger\n"
    assert gaps(bench.plan({})) == {}
    assert gaps(bench.plan({"a": "ours\n"})) == {"a": Gap.CONFLICT}


def test_a_strangers_file_is_a_conflict_and_is_not_touched(bench):
    with pytest.raises(ConflictError, match="README"):
        bench.apply({"README": "ours\n", "b": "1\n"})
    assert bench.files() == {"README": "mine\n"}


def test_an_equal_file_is_adopted_with_a_receipt_once(bench):
    receipt = bench.apply({"README": "mine\n"})
    assert receipt is not None and receipt.changes == ()
    assert bench.apply({"README": "mine\n"}) is None
    assert gaps(bench.plan({})) == {"README": Gap.ORPHANED}


def test_an_edit_made_here_stays_and_shows_as_drift(bench):
    bench.apply({"a": "1\n"})
    (bench.root / "a").write_text("edited\n")

    assert gaps(bench.plan({"a": "1\n"})) == {"a": Gap.DRIFTED}
    assert bench.apply({"a": "1\n"}) is None
    assert bench.files()["a"] == "edited\n"
    bench.apply({"a": "1\n"}, a="theirs")
    assert bench.files()["a"] == "1\n"


def test_an_edit_survives_a_change_elsewhere_in_the_file(bench):
    lines = [f"{n}\n" for n in range(20)]
    bench.apply({"a": "".join(lines)})
    (bench.root / "a").write_text("".join(["edited\n", *lines[1:]]))
    bench.apply({"a": "".join([*lines[:-1], "new\n"])})

    assert bench.files()["a"] == "".join(["edited\n", *lines[1:-1], "new\n"])
    assert gaps(bench.plan({"a": "".join([*lines[:-1], "new\n"])})) == {"a": Gap.DRIFTED}


def test_a_real_conflict_shows_markers_and_is_refused_until_decided(bench):
    bench.apply({"a": "1\n"})
    (bench.root / "a").write_text("edited\n")
    with bench.session() as session:
        made = api.plan(session, bench.request({"a": "2\n"}))
        text = "".join(explain.texts(session, made)[0].lines)
    assert "<<<<<<<" in text and ">>>>>>>" in text
    with pytest.raises(ConflictError):
        bench.apply({"a": "2\n"})
    bench.apply({"a": "2\n"}, a="ours")
    assert bench.files()["a"] == "edited\n"
    assert gaps(bench.plan({"a": "2\n"})) == {"a": Gap.DRIFTED}


def test_what_is_no_longer_declared_goes_unless_it_was_edited(bench):
    bench.apply({"a/x": "1\n", "b": "2\n"})
    (bench.root / "b").write_text("edited\n")

    assert gaps(bench.plan({})) == {"a/x": Gap.ORPHANED, "b": Gap.CONFLICT}
    bench.apply({}, b="ours")
    assert bench.files() == {"README": "mine\n", "b": "edited\n"}
    assert bench.plan({}).is_clean


def test_a_plan_overtaken_by_an_edit_is_refused(bench):
    with bench.session() as session, session.alone("test"):
        made = api.plan(session, bench.request({"a": "1\n"}))
        (bench.root / "a").write_text("just now\n")
        with pytest.raises(StaleError, match="changed since"):
            api.apply(session, made, api.Signature("me", "now"), manifest=b"", path="x")
    assert bench.files()["a"] == "just now\n"


def test_an_external_task_is_held_by_a_plan_and_its_files_are_no_orphans(bench):
    bench.apply({"a": "ask: 1\n", "b": "2\n"})
    plan = bench.plan({"a": "ask: changed\n", "b": "2\n"})

    assert [step.task for step in plan.held] == ["write a"]
    assert gaps(plan) == {}
    with bench.session() as session, pytest.raises(PlanError, match="has not run"):
        api.apply(session, plan, api.Signature("me", "now"), manifest=b"", path="x")


def test_a_path_that_climbs_is_an_error_and_writes_nothing(bench):
    for path in ("../out", "/abs", "a/../../b", ".git/hooks/x", ".bmad-provisioner/x", "con", "a\nb"):
        with pytest.raises(PlanError):
            bench.apply({path: "x\n"})
    assert bench.files() == {"README": "mine\n"}
    assert not (bench.root.parent / "out").exists()


def test_paths_that_differ_in_case_only_are_an_error(bench):
    with pytest.raises(PlanError) as caught:
        bench.apply({"A/x": "1", "a/y": "2"})
    assert {finding.rule for finding in caught.value.findings} == {"path-collision"}


def test_nothing_is_written_through_a_symbolic_link(bench, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (bench.root / "link").symlink_to(outside)
    with pytest.raises(ConflictError):
        bench.apply({"link/x": "1\n"})
    assert list(outside.iterdir()) == []


def test_the_journal_shows_who_and_verifies(bench):
    bench.apply({"a": "1\n"})
    bench.apply({"a": "2\n"})
    with bench.session() as session:
        assert [receipt.who for receipt in session.journal] == ["tester", "tester"]
        assert upkeep.verify(session) == ()
        name = session.journal.names()[0]
    path = bench.root / ".bmad-provisioner/journal" / name
    path.write_bytes(path.read_bytes().replace(b"tester", b"nobody"))
    with bench.session() as session:
        assert {finding.rule for finding in upkeep.verify(session)} == {"journal-damaged"}


def test_a_shortened_journal_is_noticed(bench):
    bench.apply({"a": "1\n"})
    bench.apply({"a": "2\n"})
    with bench.session() as session:
        (bench.root / ".bmad-provisioner/journal" / session.journal.head()).unlink()
        assert {finding.rule for finding in upkeep.verify(session)} == {"journal-shortened"}


def test_pruning_keeps_what_a_restore_needs(bench):
    (bench.root / "README").write_text("precious\n")
    bench.apply({"README": "1\n"}, README="theirs")
    with bench.session() as session:
        session.blobs.put(b"nobody needs me")
        upkeep.clear(session)
        upkeep.prune(session)
        assert upkeep.verify(session) == ()
    bench.restore()
    assert bench.files()["README"] == "precious\n"


def test_a_file_keeps_its_permission_bits(bench):
    (bench.root / "README").chmod(0o600)
    bench.apply({"README": "1\n"}, README="theirs")
    assert (bench.root / "README").stat().st_mode & 0o777 == 0o600
    bench.restore()
    assert (bench.root / "README").stat().st_mode & 0o777 == 0o600


def test_shared_tables_keep_the_rows_of_others(bench):
    (bench.root / "t.csv").write_text("id,text\nmine,1\n")
    bench.apply({"t.csv": "id,text\nours,2\n"})
    assert bench.files()["t.csv"] == "id,text\nmine,1\nours,2\n"
    assert bench.plan({"t.csv": "id,text\nours,2\n"}).is_clean
    bench.apply({})
    assert bench.files()["t.csv"] == "id,text\nmine,1\n"
    bench.restore(1)
    assert bench.files()["t.csv"] == "id,text\nmine,1\n"


def test_an_edit_in_the_same_instant_is_seen(bench):
    bench.apply({"a": "1\n"})
    for text in ("2\n", "3\n", "4\n"):
        bench.plan({"a": "1\n"})
        path = bench.root / "a"
        info = path.stat()
        path.write_text(text)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        assert gaps(bench.plan({"a": "1\n"})) == {"a": Gap.DRIFTED}


def test_a_renamed_document_keeps_its_files(bench):
    bench.apply({"a": "1\n", "b": "2\n"})
    with bench.session() as session, session.alone("test"):
        made = api.plan(session, bench.request({"a": "changed\n"}, name="other"))
        assert gaps(made) == {"a": Gap.OUTDATED, "b": Gap.ORPHANED}
        api.apply(session, made, api.Signature("me", "now"), manifest=b"", path=str(bench.root / "toy.yaml"))
    assert bench.files() == {"README": "mine\n", "a": "changed\n"}


def test_another_document_from_another_manifest_is_not_taken_for_a_renamed_one(bench):
    bench.apply({"a": "1\n"})
    with bench.session() as session:
        request = replace(bench.request({"b": "2\n"}, name="other"), path="/elsewhere/toy.yaml")
        assert gaps(api.plan(session, request)) == {"b": Gap.MISSING}


def test_a_choice_for_a_folder_goes_for_all_in_it(bench):
    files = {"d/a": "1\n", "d/b": "2\n", "c": "3\n"}
    bench.apply(files)
    for path in files:
        (bench.root / path).write_text("edited\n")
    bench.apply(files, **{"d/": "theirs"})
    assert bench.files() == {"README": "mine\n", "d/a": "1\n", "d/b": "2\n", "c": "edited\n"}
