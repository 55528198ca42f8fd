"""A child keeps within its bounds, says how it ended, and leaves nothing of itself behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bmad_provisioner.engine.child import Ended, Ending, child, environment, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.engine.watch import table
from bmad_provisioner.errors import TaskError

MEBI = 1 << 20
FAR = 60.0
"""Seconds until a test that hangs is ended: reached by none that passes."""
HOG = "held = []\nwhile True: held.append(b'x' * 4_000_000)"


def run(folder, *command, turn=None, **more) -> Ended:
    return run_child(command, folder=folder, environment=environment(), turn=turn or Turn(seconds=FAR), **more)


def python(folder, code, **more) -> Ended:
    return run(folder, sys.executable, "-c", code, **more)


def lives(pid: int) -> bool:
    return pid in table()


def pids(path: Path, count: int) -> list[int]:
    """Wait until so many process ids stand in a file."""
    end = time.monotonic() + FAR
    while time.monotonic() < end:
        found = path.read_text().split() if path.exists() else []
        if len(found) == count:
            return [int(pid) for pid in found]
        time.sleep(0.01)
    raise AssertionError(f"{count} processes did not report within {FAR} s")


def wait_until_gone(found: list[int]) -> None:
    end = time.monotonic() + FAR
    while any(map(lives, found)):
        assert time.monotonic() < end, "a process outlived us"
        time.sleep(0.01)


@pytest.mark.parametrize("size", [0, 5, 3 * MEBI])
def test_a_child_gets_its_input_whole_and_we_its_output(tmp_path, size):
    ended = run(tmp_path, "cat", stdin=b"x" * size)
    assert (ended.ending, ended.code, ended.stdout, ended.stderr, ended.cut) == (Ending.EXITED, 0, b"x" * size, b"", 0)


def test_a_child_that_ignores_its_input_is_not_waited_for(tmp_path):
    assert run(tmp_path, "true", stdin=b"x" * 3 * MEBI).ending is Ending.EXITED


def test_both_outputs_are_read_while_both_are_full(tmp_path):
    code = "import os\nfor _ in range(40): os.write(1, b'o' * 50_000); os.write(2, b'e' * 50_000)"
    ended = python(tmp_path, code)
    assert (ended.stdout, ended.stderr) == (b"o" * 2_000_000, b"e" * 2_000_000)


@pytest.mark.parametrize("code", [0, 1, 75, 255])
def test_an_exit_code_is_passed_on(tmp_path, code):
    ended = run(tmp_path, "sh", "-c", f"exit {code}")
    assert (ended.ending, ended.code) == (Ending.EXITED, code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_is_named(tmp_path, number):
    ended = run(tmp_path, "sh", "-c", f"kill -{int(number)} $$")
    assert (ended.ending, ended.code) == (Ending.SIGNALLED, number)


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_child_that_takes_too_long_is_ended_even_if_it_does_not_listen(tmp_path, trap):
    ended = run(tmp_path, "sh", "-c", f"{trap}echo said; while :; do sleep 0.1; done", turn=Turn(seconds=0.4))
    assert (ended.ending, ended.stdout) == (Ending.TIMED_OUT, b"said\n")
    assert ended.code == (signal.SIGKILL if trap else signal.SIGTERM)


def test_a_child_may_tidy_up_and_is_asked_once_when_its_time_is_over(tmp_path):
    ended = run(tmp_path, "sh", "-c", "trap 'echo tidy; exit 3' TERM; while :; do sleep 0.1; done", turn=Turn(seconds=0.4))
    assert (ended.ending, ended.code, ended.stdout) == (Ending.TIMED_OUT, 3, b"tidy\n")


def test_a_child_is_ended_when_nobody_waits_for_it_any_more(tmp_path):
    seen = tmp_path / "seen"
    turn = Turn(seconds=FAR, stopped=seen.exists)
    ended = run(tmp_path, "sh", "-c", f"sleep 300 & touch {seen}; wait", turn=turn)
    assert ended.ending is Ending.STOPPED


@pytest.mark.parametrize(
    "start",
    [
        "sleep 300 &",
        "(trap '' TERM; sleep 300) &",
        "setsid sleep 300 &",
        "setsid sh -c 'sleep 300 & sleep 300' &",
        "nohup sleep 300 >/dev/null 2>&1 &",
    ],
)
def test_what_a_child_leaves_in_the_background_is_gone_when_it_is(tmp_path, start):
    ended = run(tmp_path, "sh", "-c", f"{start} echo $! > pids")
    assert (ended.ending, ended.code) == (Ending.EXITED, 0)
    assert not any(map(lives, pids(tmp_path / "pids", 1)))


def test_a_grandchild_that_changed_everything_we_know_it_by_is_gone_if_it_was_seen_before(tmp_path):
    ended = run(tmp_path, "sh", "-c", "env -i setsid sleep 300 & echo $! > pids; sleep 0.5")
    assert ended.ending is Ending.EXITED
    assert not any(map(lives, pids(tmp_path / "pids", 1)))


def test_of_a_long_output_the_head_and_the_tail_are_kept(tmp_path):
    ended = python(tmp_path, "print('head' + 'x' * 1_000_000 + 'tail', end='')", most=1000)
    assert ended.stdout == b"head" + b"x" * 992 + b"tail" and ended.cut == 1_000_008 - 1000


@pytest.mark.parametrize("size", [999, 1000, 1001, 501, 0])
def test_not_a_byte_is_lost_at_the_bound(tmp_path, size):
    ended = python(tmp_path, f"print('x' * {size}, end='')", most=1000)
    assert len(ended.stdout) + ended.cut == size and len(ended.stdout) == min(size, 1000)


FLOOD = """
import resource, sys
from pathlib import Path
from bmad_provisioner.engine.child import environment, run_child
from bmad_provisioner.engine.task import Turn
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run = lambda size: run_child(["head", "-c", size, "/dev/zero"], folder=Path(), environment=environment(), turn=Turn(), most=1 << 20)
run("1000")
before = peak()
ended = run("1000000000")
print(len(ended.stdout), ended.cut, peak() - before)
"""


def test_a_gigabyte_of_output_does_not_grow_our_memory(tmp_path):
    kept, cut, grown = python(tmp_path, FLOOD).stdout.split()
    assert (int(kept), int(kept) + int(cut)) == (MEBI, 1_000_000_000)
    assert int(grown) < 8 * 1024, "KiB"


@pytest.mark.parametrize(
    "code",
    [
        HOG,
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HOG!r}])",
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HOG!r}], start_new_session=True)",
        "held = bytearray(1 << 40)",
    ],
    ids=["child", "grandchild", "grandchild in a session of its own", "all at once"],
)
def test_a_child_that_holds_too_much_memory_is_ended(tmp_path, code):
    ended = python(tmp_path, code, turn=Turn(seconds=FAR, memory=150 * MEBI))
    assert ended.ending is Ending.OUT_OF_MEMORY


def test_several_small_processes_are_too_much_together(tmp_path):
    one = "import time; held = b'x' * 60_000_000; time.sleep(300)"
    code = f"import subprocess, sys\nfor p in [subprocess.Popen([sys.executable, '-c', {one!r}]) for _ in range(4)]: p.wait()"
    ended = python(tmp_path, code, turn=Turn(seconds=FAR, memory=150 * MEBI))
    assert ended.ending is Ending.OUT_OF_MEMORY


def test_memory_that_processes_share_is_counted_once(tmp_path):
    code = "import os, time\nheld = b'x' * 80_000_000\nfor _ in range(3):\n if not os.fork(): break\ntime.sleep(1)"
    ended = python(tmp_path, code, turn=Turn(seconds=FAR, memory=150 * MEBI))
    assert (ended.ending, ended.code) == (Ending.EXITED, 0)


def test_memory_that_is_reserved_and_not_used_is_not_counted(tmp_path):
    code = "import mmap; mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)"
    ended = python(tmp_path, code, turn=Turn(seconds=FAR, memory=100 * MEBI))
    assert (ended.ending, ended.code) == (Ending.EXITED, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing bounds what a process may reserve")
def test_a_bound_of_memory_is_there_before_the_child_and_what_it_starts(tmp_path):
    ended = run(tmp_path, "sh", "-c", "ulimit -d; sh -c 'ulimit -d'", turn=Turn(seconds=FAR, memory=1500 * MEBI))
    assert ended.stdout.split() == [b"3072000", b"3072000"], "KiB, twice the bound"


@pytest.mark.parametrize("memory", [None, 100 * MEBI])
@pytest.mark.parametrize("words", [("a b", "", "*", "$HOME"), ("-n", "--", "'", '"'), ("\n", "\\", "é", ";")])
def test_a_child_is_told_what_we_say_to_the_letter(tmp_path, words, memory):
    code = "import sys; print(ascii(sys.argv[1:]))"
    ended = run(tmp_path, sys.executable, "-c", code, *words, turn=Turn(seconds=FAR, memory=memory))
    assert ended.stdout.decode().strip() == ascii(list(words))


@pytest.mark.parametrize("place", ["bin", "."])
@pytest.mark.parametrize("memory", [None, 100 * MEBI])
def test_a_command_is_found_from_its_folder(tmp_path, monkeypatch, memory, place):
    (tmp_path / "work/bin").mkdir(parents=True)
    tool = tmp_path / "work" / place / "tool"
    tool.write_text("#!/bin/sh\nexit 7\n")
    tool.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for command, path in ((f"{place}/tool", os.defpath), ("tool", f"{place}{os.pathsep}{os.defpath}")):
        turn = Turn(seconds=FAR, memory=memory)
        assert run_child([command], folder=Path("work"), environment={"PATH": path}, turn=turn).code == 7


def test_what_a_child_used_is_measured(tmp_path):
    code = "import time; held = b'x' * 50_000_000; end = time.process_time() + 1.2\nwhile time.process_time() < end: pass"
    ended = python(tmp_path, code)
    assert ended.peak > 50_000_000 and ended.cpu > 1.0 and ended.seconds > 0


def test_words_about_memory_mean_nothing_where_it_is_not_bounded(tmp_path):
    ended = run(tmp_path, "sh", "-c", "echo MemoryError >&2; exit 1")
    assert (ended.ending, ended.code) == (Ending.EXITED, 1)


@pytest.mark.parametrize("memory", [None, 100 * MEBI])
@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        (["bmadp-no-such-command"], "command `bmadp-no-such-command` is not there", "install `bmadp-no-such-command`"),
        (["./none"], "command `./none` is not there", "spelt right"),
        (["./plain"], "command `./plain` may not be executed", "chmod +x"),
        (["echo", "a\0b"], "command `echo` does not start", "by hand"),
        ([], "command `` does not start", "by hand"),
    ],
)
def test_a_command_that_cannot_start_says_what_to_do(tmp_path, command, message, hint, memory):
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    with pytest.raises(TaskError) as caught:
        run(tmp_path, *command, turn=Turn(seconds=FAR, memory=memory))
    assert message in caught.value.message and hint in caught.value.hint and not caught.value.heals


@pytest.mark.parametrize("head", ["\x7fELF", "#!/no/interpreter\n"])
def test_a_command_that_the_system_does_not_understand_fails(tmp_path, head):
    (tmp_path / "odd").write_text(head)
    (tmp_path / "odd").chmod(0o755)
    with pytest.raises(TaskError, match="does not start"):
        run(tmp_path, "./odd")
    ended = run(tmp_path, "./odd", turn=Turn(seconds=FAR, memory=100 * MEBI))
    assert ended.ending is Ending.EXITED and ended.code in (126, 127) and b"odd" in ended.stderr


def test_a_folder_that_is_not_there_is_not_taken_for_a_missing_command(tmp_path):
    with pytest.raises(TaskError, match="is not a folder"):
        run(tmp_path / "none", "true")


def test_a_child_sees_no_secret_that_it_was_not_given(tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LC_ALL", "https_proxy", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "value")
    given = environment(["ANTHROPIC_API_KEY"], EXTRA="more", TERM="vt100")
    ended = run_child(["env"], folder=tmp_path, environment=given, turn=Turn(seconds=FAR))
    seen = dict(line.split("=", 1) for line in ended.stdout.decode().splitlines())
    assert "OPENAI_API_KEY" not in seen
    assert {"PATH", "HOME", "ANTHROPIC_API_KEY", "LC_ALL", "https_proxy", "SSL_CERT_FILE"} <= set(seen)
    assert seen["EXTRA"] == "more" and seen["TERM"] == "vt100" and environment()["TERM"] == "dumb"


DRIVER = """
import sys
from pathlib import Path
from bmad_provisioner.engine.child import child, environment, run_child
from bmad_provisioner.engine.task import Turn
script = '''
echo $$ >> pids
for start in "" setsid "env -i setsid"; do $start sleep 300 & echo $! >> pids; done
wait
'''
run_child(["sh", "-c", script], folder=Path(sys.argv[1]), environment=environment(), turn=Turn())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_and_grandchildren_die_with_us(tmp_path, number):
    us = subprocess.Popen([sys.executable, "-c", DRIVER, tmp_path], stderr=subprocess.DEVNULL)
    found = pids(tmp_path / "pids", 4)
    assert all(map(lives, found))
    us.send_signal(number)
    us.wait()
    wait_until_gone(found)


def test_children_of_a_child_that_runs_children_of_its_own_die_with_it(tmp_path):
    file = tmp_path / "pids"
    turn = Turn(seconds=FAR, stopped=lambda: file.exists() and len(file.read_text().split()) == 4)
    assert run(tmp_path, sys.executable, "-c", DRIVER, str(tmp_path), turn=turn).ending is Ending.STOPPED
    wait_until_gone(pids(file, 4))


LOST = """
import os, sys
from pathlib import Path
from bmad_provisioner.engine.child import environment, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.engine.watch import table
mine = lambda: [p.pid for p in table().values() if p.parent == os.getpid()]
run_child(["true"], folder=Path(), environment=environment(), turn=Turn())
[guard] = mine()
os.kill(guard, 9)
while mine(): pass
"""


def test_a_guard_that_was_killed_is_replaced(tmp_path):
    us = subprocess.Popen([sys.executable, "-c", LOST + DRIVER, tmp_path], stderr=subprocess.DEVNULL)
    found = pids(tmp_path / "pids", 4)
    end = time.monotonic() + FAR
    while sum(process.parent == us.pid for process in table().values()) < 2:
        assert time.monotonic() < end, "beside the child there is no guard"
    us.kill()
    us.wait()
    wait_until_gone(found)


def test_an_interactive_child_answers_line_by_line(tmp_path):
    with child(["cat"], folder=tmp_path, environment=environment(), turn=Turn(seconds=FAR)) as talk:
        for line in (b"one\n", b"two\n"):
            talk.stdin.write(line)
            talk.stdin.flush()
            assert talk.stdout.readline() == line
        assert talk.ended() is None
    ended = talk.ended()
    assert ended is not None and (ended.ending, ended.stdout) == (Ending.STOPPED, b"")


def test_an_interactive_child_that_ends_by_itself_says_how(tmp_path):
    with child(
        ["sh", "-c", "read word; echo $word >&2; exit 4"], folder=tmp_path, environment=environment(), turn=Turn(seconds=FAR)
    ) as talk:
        talk.stdin.write(b"bye\n")
        talk.stdin.close()
        assert talk.stdout.read() == b""
        ended = talk.wait()
    assert (ended.ending, ended.code, ended.stderr, talk.stderr) == (Ending.EXITED, 4, b"bye\n", b"bye\n")


def test_reading_from_an_interactive_child_ends_with_its_time(tmp_path):
    with child(["sh", "-c", "sleep 300 & sleep 300"], folder=tmp_path, environment=environment(), turn=Turn(seconds=0.4)) as talk:
        assert talk.stdout.read() == b""
    assert talk.wait().ending is Ending.TIMED_OUT


def test_an_interactive_child_is_gone_when_its_context_is_left_with_unread_input(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        child(["sleep", "300"], folder=tmp_path, environment=environment(), turn=Turn(seconds=FAR)) as talk,
    ):
        talk.stdin.write(b"x" * 1000)
        raise KeyboardInterrupt
    assert talk.wait().ending is Ending.STOPPED


def test_twenty_children_run_beside_each_other(tmp_path):
    def one(number: int) -> Ended:
        return run(tmp_path, "sh", "-c", "cat; sleep 0.2; exit $0", str(number), stdin=str(number).encode())

    with ThreadPoolExecutor(20) as pool:
        all_ended = list(pool.map(one, range(20)))
    assert [(ended.code, ended.stdout) for ended in all_ended] == [(n, str(n).encode()) for n in range(20)]


def test_no_file_stays_open_and_no_zombie_is_left(tmp_path):
    run(tmp_path, "true")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        run(tmp_path, "sh", "-c", "sleep 300 & echo", stdin=b"x")
        with child(["cat"], folder=tmp_path, environment=environment(), turn=Turn()):
            pass
    assert len(os.listdir("/proc/self/fd")) == before
