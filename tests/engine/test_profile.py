"""Profiles: what a run may occupy follows from the machine, what runs on it, and what agents used before."""

import os

import pytest

from bmad_provisioner.engine.profile import GIBI, MEBI, PROFILES, Machine, Pressure, Profile, fit, look, named, own, size
from bmad_provisioner.errors import UsageError

ROOMY = Machine(processors=16, memory=64 * GIBI, available=48 * GIBI)


def test_the_four_profiles_are_as_documented():
    assert {name: (p.slots, p.memory, p.cpu) for name, p in PROFILES.items()} == {
        "small": (3, 512 * MEBI, 0.5),
        "medium": (5, GIBI, 1.0),
        "large": (8, 2 * GIBI, 2.0),
        "enterprise": (12, 4 * GIBI, 4.0),
    }
    assert all(name == profile.name for name, profile in PROFILES.items())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"agents": 4, "memory": 3 * GIBI, "cpu": 0.25}, Profile("ours", 4, 3 * GIBI, 0.25)),
        ({"agents": 2}, Profile("ours", 2, GIBI, 1.0)),
        ({}, Profile("ours", 5, GIBI, 1.0)),
    ],
)
def test_a_profile_of_ones_own_takes_the_rest_from_medium(given, expected):
    assert own("ours", given) == expected
    assert named("ours", {"ours": expected}) == expected


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"agent": 4}, "profile `ours`: unknown key `agent`", "did you mean `agents`?"),
        ({"agents": 0}, "profile `ours`: `agents` must be a whole number above 0, not `0`", ""),
        ({"agents": 1.5}, "profile `ours`: `agents` must be a whole number above 0, not `1.5`", ""),
        ({"cpu": -1}, "profile `ours`: `cpu` must be a number above 0, not `-1`", ""),
        ({"cpu": float("nan")}, "profile `ours`: `cpu` must be a number above 0, not `nan`", ""),
        ({"memory": float("inf")}, "profile `ours`: `memory` must be a whole number above 0, not `inf`", ""),
    ],
)
def test_a_profile_that_cannot_be_is_refused(given, message, hint):
    with pytest.raises(UsageError) as caught:
        own("ours", given)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_an_unknown_profile_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="unknown profile `enterprize`") as caught:
        named("enterprize")
    assert caught.value.hint == "did you mean `enterprise`?"


# --- auto -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "past", "waits", "expected"),
    [
        pytest.param(ROOMY, {}, True, (32, 1024), id="room for all: the most there ever are"),
        pytest.param(ROOMY, {}, False, (16, 1024), id="agents that compute get a processor each"),
        pytest.param(Machine(2, 8 * GIBI, 6 * GIBI), {}, True, (4, 1024), id="memory is the limit: 4.8 GB of 6"),
        pytest.param(
            Machine(2, 8 * GIBI, 6 * GIBI), {"a": [100 * MEBI, 200 * MEBI]}, True, (8, 256), id="small agents: more of them"
        ),
        pytest.param(Machine(2, 8 * GIBI, 6 * GIBI), {"a": [100], "b": [2 * GIBI]}, True, (1, 2560), id="the largest counts"),
        pytest.param(Machine(8, 64 * GIBI, 48 * GIBI, load=6), {}, True, (8, 1024), id="others use six of eight processors"),
        pytest.param(Machine(8, 64 * GIBI, 48 * GIBI, load=50), {}, True, (4, 1024), id="one processor at least"),
        pytest.param(Machine(8, 64 * GIBI, 48 * GIBI, load=50), {}, False, (1, 1024), id="one agent at least"),
        pytest.param(Machine(8, 8 * GIBI, 10 * MEBI), {}, True, (1, 1024), id="one agent even without memory"),
        pytest.param(Machine(4, 0, 0), {}, True, (16, 1024), id="memory unknown: processors decide"),
        pytest.param(ROOMY, {"new": []}, True, (32, 1024), id="an agent that never ran says nothing"),
    ],
)
def test_auto_makes_room_for_as_many_agents_as_the_machine_bears_now(machine, past, waits, expected):
    profile = size(machine, past, waits=waits)
    assert (profile.name, profile.slots, profile.memory // MEBI) == ("auto", *expected)
    assert profile.cpu == (0.25 if waits else 1.0)


def test_auto_never_gives_more_for_a_smaller_machine_nor_for_larger_agents():
    slots = [size(Machine(8, 64 * GIBI, free * GIBI), {}).slots for free in range(49)]
    assert slots == sorted(slots)
    slots = [size(ROOMY, {"a": [peak * GIBI]}).slots for peak in range(49)]
    assert slots == sorted(slots, reverse=True)


# --- giving way -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "machine", "slots", "cpu", "why"),
    [
        ("enterprise", Machine(16, 64 * GIBI, 62 * GIBI), 12, 4.0, ""),
        ("medium", Machine(2, 0, 0), 5, 1.0, ""),
        (
            "large",
            Machine(8, 16 * GIBI, 8 * GIBI),
            3,
            2.0,
            "profile `large` runs 3 of 8 agents at once: 8.0 GB of memory are free and an agent may use 2.0 GB",
        ),
        (
            "small",
            Machine(8, 2 * GIBI, 100 * MEBI),
            1,
            0.5,
            "profile `small` runs 1 of 3 agents at once: 100 MB of memory are free and an agent may use 512 MB",
        ),
        (
            "medium",
            Machine(8, 64 * GIBI, 48 * GIBI, pressure=Pressure(memory=31.4)),
            2,
            1.0,
            "profile `medium` runs 2 of 5 agents at once: processes waited for memory 31 % of the last ten seconds",
        ),
        (
            "large",
            Machine(1.5, 64 * GIBI, 48 * GIBI),
            8,
            1.5,
            "profile `large` runs all 8 agents at once: an agent may use 2 processors and there are 1.5",
        ),
        (
            "enterprise",
            Machine(2, 16 * GIBI, 16 * GIBI, pressure=Pressure(memory=10)),
            1,
            2.0,
            "profile `enterprise` runs 1 of 12 agents at once: 16.0 GB of memory are free and an agent may use 4.0 GB; "
            "processes waited for memory 10 % of the last ten seconds; an agent may use 4 processors and there are 2",
        ),
    ],
)
def test_a_profile_gives_way_when_the_machine_is_short_and_says_why(name, machine, slots, cpu, why):
    given = PROFILES[name]
    assert fit(given, machine) == (Profile(name, slots, given.memory, cpu), why)


@pytest.mark.parametrize("processors", [0.5, 1, 2, 64])
@pytest.mark.parametrize("available", [0, 300 * MEBI, 5 * GIBI, 500 * GIBI])
def test_what_auto_chose_fits_the_machine_it_was_chosen_for(processors, available):
    machine = Machine(processors, 512 * GIBI, available)
    assert fit(size(machine, {}), machine)[0].slots == size(machine, {}).slots


# --- looking ----------------------------------------------------------------------------------------------------------


def lay(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


PROC = {
    "meminfo": "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\nHugePages_Total:       0\n",
    "loadavg": "1.50 1.00 0.50 2/300 4711\n",
    "pressure/cpu": "some avg10=17.64 avg60=6.45 avg300=9.79 total=4928\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=0\n",
    "pressure/memory": "some avg10=0.25 avg60=0.00 avg300=0.00 total=0\n",
}


def test_the_machine_that_runs_this_is_seen_as_it_is():
    machine = look()
    assert 0 < machine.processors <= (os.cpu_count() or 1)
    assert 16 * MEBI < machine.available <= machine.memory
    assert machine.load >= 0
    assert all(0 <= share <= 100 for share in (machine.pressure.cpu, machine.pressure.memory, machine.pressure.io))
    assert size(machine, {}).slots >= 1


def test_without_control_groups_the_kernel_is_believed(tmp_path):
    lay(tmp_path, PROC)
    machine = look(tmp_path, tmp_path / "none")
    assert (machine.memory, machine.available) == (16 * GIBI, 8 * GIBI)
    assert machine.load == pytest.approx(1.5 * machine.processors / (os.cpu_count() or 1))
    assert machine.pressure == Pressure(17.64, 0.25, 0.0)


V1 = {"self/cgroup": "5:memory:/a/b\n2:cpu,cpuacct:/a/b\n1:name=systemd:/\n0::/\n"}
V2 = {"self/cgroup": "0::/a/b\n"}


@pytest.mark.parametrize(
    ("group", "files", "expected"),
    [
        pytest.param(V2, {"a/b/memory.max": "max\n", "a/b/cpu.max": "max 100000\n"}, (16384, 8192, None), id="v2, no limits"),
        pytest.param(
            V2,
            {
                "a/b/memory.max": f"{4 * GIBI}\n",
                "a/b/memory.current": f"{3 * GIBI}\n",
                "a/b/memory.stat": f"anon 1\ninactive_file {GIBI}\n",
            },
            (4096, 2048, None),
            id="v2, what can be given back counts as free",
        ),
        pytest.param(
            V2,
            {
                "a/memory.max": f"{GIBI}\n",
                "a/memory.current": f"{GIBI // 2}\n",
                "a/b/memory.max": f"{2 * GIBI}\n",
                "a/b/memory.current": "0\n",
            },
            (1024, 512, None),
            id="v2, the outer limit holds too",
        ),
        pytest.param(V2, {"a/b/cpu.max": "50000 100000\n"}, (16384, 8192, 0.5), id="v2, half a processor"),
        pytest.param(
            V2,
            {"a/b/memory.max": f"{GIBI}\n", "a/b/memory.current": f"{2 * GIBI}\n"},
            (1024, 0, None),
            id="v2, over the limit already",
        ),
        pytest.param(
            V1,
            {"memory/a/b/memory.limit_in_bytes": "9223372036854771712\n", "memory/a/b/memory.usage_in_bytes": "1\n"},
            (16384, 8192, None),
            id="v1, no limits",
        ),
        pytest.param(
            V1,
            {"memory/memory.limit_in_bytes": f"{2 * GIBI}\n", "memory/memory.usage_in_bytes": f"{GIBI}\n"},
            (2048, 1024, None),
            id="v1, in a container that sees its own group as the root",
        ),
        pytest.param(
            V1,
            {"cpu/a/b/cpu.cfs_quota_us": "25000\n", "cpu/a/b/cpu.cfs_period_us": "100000\n"},
            (16384, 8192, 0.25),
            id="v1, a quarter",
        ),
        pytest.param(
            V1, {"cpu/a/b/cpu.cfs_quota_us": "-1\n", "cpu/a/b/cpu.cfs_period_us": "100000\n"}, (16384, 8192, None), id="v1, -1"
        ),
        pytest.param(V2, {"a/b/memory.max": "", "a/b/cpu.max": "0 0"}, (16384, 8192, None), id="nonsense is no limit"),
    ],
)
def test_limits_of_control_groups_hold(tmp_path, group, files, expected):
    lay(tmp_path / "proc", {**PROC, **group})
    lay(tmp_path / "groups", files)
    machine = look(tmp_path / "proc", tmp_path / "groups")
    memory, available, processors = expected
    assert (machine.memory // MEBI, machine.available // MEBI) == (memory, available)
    assert machine.processors == (processors or look(tmp_path / "proc", tmp_path / "none").processors)


def test_where_there_is_no_proc_the_library_is_asked(tmp_path):
    machine = look(tmp_path, tmp_path)
    assert machine.processors >= 1
    assert machine.memory == machine.available > 0
