"""On a cluster any graph says what it says here, and the loss of a worker or of the cluster is survived."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine import attempts
from bmad_provisioner.engine.distributed import Cluster, check
from bmad_provisioner.engine.lanes import LanesError, Local
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Status, Ways
from bmad_provisioner.engine.task import Action, Effect, Inputs, Lane, Output, Resources, Task
from bmad_provisioner.engine.watch import table
from bmad_provisioner.errors import UsageError
from bmad_provisioner.event import FellBack
from engine.dags import Place, dag_task, graphs, judge, notes_of, one_by_one, said, side_by_side
from engine.test_child import FAR, pids, wait_until_gone
from engine.test_lanes import action, hang, hear, kill
from engine.work import statuses

ROOT = Path(__file__).parents[2]
HAS_RAY = find_spec("ray") is not None
with_ray = pytest.mark.skipif(not HAS_RAY, reason="run by the first test, where Ray is")


@pytest.mark.slow
@pytest.mark.skipif(HAS_RAY, reason="this is where Ray is")
def test_where_ray_is_installed_the_tests_of_this_module_pass():
    subprocess.run([ROOT / "scripts" / "ray.sh"], check=True)
    python = ROOT / ".cache" / "ray" / "bin" / "python"
    subprocess.run([python, "-m", "pytest", "-p", "no:cacheprovider", "-m", "slow", __file__], check=True, cwd=ROOT)


@pytest.mark.skipif(HAS_RAY, reason="this is where Ray is")
def test_without_ray_it_is_said_how_to_have_it():
    with pytest.raises(UsageError) as caught:
        Cluster("local")
    assert caught.value.hint == "pip install 'bmad-provisioner[ray]'"


@pytest.mark.parametrize("refused", [Cluster, check])
def test_an_address_of_another_kind_is_refused(refused):
    with pytest.raises(UsageError, match="is no cluster"):
        refused("http://127.0.0.1:8265")


@pytest.fixture(scope="module")
def cluster():
    """Lanes on one cluster for all tests here: it takes seconds and half a gigabyte."""
    lanes = Cluster("local")
    family = descendants(lanes._bridge.pid)
    assert len(family) > 3
    yield Shared(lanes)
    lanes.close()
    wait_until_gone(family)


class Shared:
    """Lanes that several runs use one after the other."""

    name = "ray"

    def __init__(self, lanes: Cluster) -> None:
        self.lanes = lanes
        self.start, self.wait, self.abandon = lanes.start, lanes.wait, lanes.abandon

    def close(self) -> None:
        """Stay."""


def descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += [child for child, row in table().items() if row.parent == one]
    return found


@with_ray
@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_graph_says_the_same_on_a_cluster(cluster, data):
    with TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        tasks = data.draw(graphs(notes, (Lane.IO, Lane.CPU, Lane.HERE, Lane.ALONE)))
        first = Place().run(tasks, one_by_one())
        notes.unlink(missing_ok=True)
        capacity = Capacity(3, 6, 2.0)
        second = Place().run(tasks, side_by_side(capacity, lambda: cluster))
        judge(tasks, notes_of(notes), capacity)
        assert said(second) == said(first)


@with_ray
@pytest.mark.slow
def test_bytes_travel_to_a_cluster_and_back(cluster, tmp_path):
    place, first = Place(), dag_task(tmp_path / "notes", "a")
    outcome = place.run([first, Task("b", action(hear, Lane.IO), needs=("a",))], Ways(lanes=(lambda: cluster,)))["b"]
    entry = outcome.output.files["heard.sh"]
    assert place.blobs.get(entry.digest) == b"#a" and entry.executable


@with_ray
@pytest.mark.slow
def test_a_worker_that_is_killed_fails_the_guilty_task_alone(cluster, tmp_path):
    notes = tmp_path / "notes"
    guilty = Task("guilty", action(kill, Lane.IO), {"notes": str(notes)})
    outcomes = Place().run([guilty, *(dag_task(notes, f"t{n}") for n in range(4))], Ways(lanes=(lambda: cluster,)))
    assert statuses(outcomes) == {"guilty": "failed", "t0": "done", "t1": "done", "t2": "done", "t3": "done"}
    assert outcomes["guilty"].error.startswith("the worker of `guilty` on the cluster died: ")
    assert notes_of(notes).count(("+", "guilty")) == 1, "Ray tried it again by itself"


@with_ray
@pytest.mark.slow
def test_a_task_larger_than_the_cluster_runs_all_the_same(cluster, tmp_path):
    task = dag_task(tmp_path / "notes", "large", resources=Resources(1 << 50, 1000.0))
    assert Place().run([task], Ways(lanes=(lambda: cluster,)))["large"].status is Status.DONE


@with_ray
@pytest.mark.slow
def test_what_cannot_travel_to_a_cluster_is_said_so(cluster):
    outcome = Place().run([Task("a", Action("lambda", "1", lambda inputs: Output(), Lane.IO))], Ways(lanes=(lambda: cluster,)))["a"]
    assert outcome.error.startswith("`a` cannot be sent to another process: ")


@with_ray
@pytest.mark.slow
def test_what_overruns_its_time_on_a_cluster_is_ended_there(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "_GRACE", 5.0)
    stuck = Task("stuck", action(hang, Lane.IO), {"pids": str(tmp_path / "pids")}, policy=Policy(timeout=1.0))
    outcomes = Place().run([stuck, dag_task(tmp_path / "notes", "b")], Ways(lanes=(lambda: cluster,)))
    assert outcomes["stuck"].error == "it did not end in its time" and outcomes["b"].status is Status.DONE
    wait_until_gone(pids(tmp_path / "pids", 1))


@with_ray
@pytest.mark.slow
def test_who_waits_for_a_place_on_a_cluster_loses_no_time(cluster, tmp_path, monkeypatch):
    """Each has the whole cluster to itself, and less time than all of them take."""
    monkeypatch.setattr(attempts, "_GRACE", 4.0)
    whole, policy = Resources(cpu=float(os.cpu_count() or 1)), Policy(timeout=4.0)
    tasks = [dag_task(tmp_path / "notes", f"t{n}", pause=2.0, resources=whole, policy=policy) for n in range(6)]
    outcomes = Place().run(tasks, Ways(Capacity(6), lanes=(lambda: cluster,)))
    assert {name: one.error for name, one in outcomes.items()} == dict.fromkeys(outcomes, "")


def noted(inputs: Inputs) -> Output:
    """Tell how many tasks are noted as begun, whose success nobody noted yet."""
    with closing(sqlite3.connect(str(inputs.args["store"]))) as store:
        (count,) = store.execute("SELECT count(*) FROM once WHERE ended IS NULL").fetchone()
    return Output(facts={"noted": count})


@with_ray
@pytest.mark.slow
def test_what_acts_once_on_a_cluster_is_noted_before_it_starts_and_not_while_it_waits(cluster, tmp_path):
    path, whole = tmp_path / "blobs.db", Resources(cpu=float(os.cpu_count() or 1))
    once = Action("noted", "1", noted, Lane.IO, external=True)
    tasks = [Task(f"t{n}", once, {"store": str(path), "n": n}, resources=whole, effect=Effect.ONCE) for n in range(4)]
    with closing(Blobs(path)) as blobs:
        outcomes = Place(blobs).run(tasks, Ways(Capacity(4), lanes=(lambda: cluster,)))
    found = [one.output.facts["noted"] for one in outcomes.values()]
    assert min(found) == 1 and max(found) <= 2, "its own, and perhaps that of one whose success is on its way"


@with_ray
@pytest.mark.slow
def test_a_cluster_of_our_own_listens_on_the_loopback_only(cluster):
    family = set(descendants(cluster.lanes._bridge.pid))
    inodes = {
        os.readlink(handle).partition("[")[2].rstrip("]")
        for pid in family
        for handle in Path(f"/proc/{pid}/fd").iterdir()
        if os.readlink(handle).startswith("socket:")
    }
    heard = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    addresses = {fields[1].partition(":")[0] for fields in heard if fields[3] == "0A" and fields[9] in inodes}
    assert addresses and addresses <= {"0100007F", "0" * 24 + "01000000", "0000000000000000FFFF00000100007F"}


@with_ray
@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(LanesError, match=r"cannot be used: .*timeout; check .*RAY_AUTH_TOKEN"):
            Cluster(f"ray://127.0.0.1:{taken.getsockname()[1]}")


@with_ray
@pytest.mark.slow
@pytest.mark.parametrize("victim", ["raylet/raylet", "engine.distributed"])
def test_a_loss_mid_run_is_survived(tmp_path, victim):
    """A bridge is noticed at once; a node half a minute later, when `last` waits for a place on it."""
    notes, place, opened = tmp_path / "notes", Place(), []

    def cluster() -> Cluster:
        opened.append(Cluster("local"))
        return opened[0]

    tasks = [*(dag_task(notes, f"t{n}", pause=1.0) for n in range(2)), dag_task(notes, "last", needs=["t0", "t1"])]
    family: list[int] = []
    killer = threading.Thread(target=_kill, args=(notes, opened, victim, family))
    killer.start()
    outcomes = place.run(tasks, Ways(lanes=(cluster, Local)))
    killer.join()
    assert said(outcomes) == said(Place().run(tasks, one_by_one()))
    lost = "the cluster `local` is lost; going on with the next executor"
    assert [event.reason for event in place.events if isinstance(event, FellBack)] == [lost]
    wait_until_gone(family)


def _kill(notes: Path, opened: list[Cluster], victim: str, family: list[int]) -> None:
    """Kill a part of the cluster as soon as two tasks run on it."""
    until = time.monotonic() + FAR
    while len(notes_of(notes)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    family += descendants(opened[0]._bridge.pid)
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")[:400].decode() for pid in family}
    os.kill(next(pid for pid, command in commands.items() if victim in " ".join(command.split(" ")[:3])), signal.SIGKILL)
