"""Performance on the command line: what is measured, what is refused, what a gate lets through, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.home import Home, fast

NAME = "bmad-provisioner.yaml"
SERVICE = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        {body}
        data = b"fine"
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def home():
    with fast() as lent:
        yield lent


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def serving(home: Home, body: str = "pass", **more: str) -> int:
    """Lay a small service and its document into a home; return its port."""
    port = free_port()
    (home.root / "app.py").write_text(SERVICE.format(body=body))
    lines = [
        "kind: Performance", "name: small", "quick: true", 'sources: ["app.py"]', "targets:",
        f"  web: {{url: http://127.0.0.1:{port}/, start: {sys.executable} app.py {port}, requests: [/], wait: 5s}}",
        "load: {baseline: 10/s for 3s, stress: 2x, spike: 2x for 1s}",
    ]  # fmt: skip
    home.write("\n".join([*lines, *(f"{key}: {value}" for key, value in more.items())]) + "\n")
    return port


def steps(said) -> dict[str, str]:
    return {one["task"]: one["status"] for plan in said.plans for one in plan["tasks"]}


# --- documents that are wrong ---------------------------------------------------------------------------------------------

WRONG = [
    ("targets: {}", "targets"),
    ("targets: {web: {pages: [/]}}", "says nothing of what it is"),
    ("targets: {web: {url: http://127.0.0.1:1/, command: ls}}", "at once"),
    ("targets: {job: {command: ls, pages: [/]}}", "means nothing beside `command`"),
    ("targets: {web: {url: 'http://127.0.0.1:99999/'}}", "no port that is one"),
    ("targets: {web: {url: 'http:///x'}}", "names no host"),
    ("targets: {web: {url: 'ftp://127.0.0.1/'}}", "url"),
    ("targets: {code: {python: nothing}}", "python"),
    ("targets: {job: {command: ls}}\ngoals: {p95: quick}", "p95"),
    ("targets: {job: {command: ls}}\nload: {baseline: 20}", "baseline"),
    ("targets: {job: {command: ls}}\nsources: ['../**']", "refused"),
    ("targets: {job: {command: ls}}\nsources: ['!x']", "only says what is left out"),
    ("targets: {job: {command: ls}}\nagainst: nowhere", "neither a folder nor a revision"),
    ("targets: {job: {command: ls}}\nspeed: 3", "speed"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_document_is_one_clear_error_and_changes_nothing(home: Home, text: str, words: str):
    home.write(f"kind: Performance\nname: x\n{text}\n")
    (home.root / "a.py").write_text("")
    before = home.files()
    said = home.bmadp("apply", "--yes")
    assert said.is_one_error(said.code, words, NAME) and said.code != 0
    assert home.files() == before


# --- targets that will not be measured --------------------------------------------------------------------------------------


def test_a_service_that_ends_at_once_is_told_with_its_last_words_and_earlier_phases_are_kept(home: Home):
    port = serving(home)
    (home.root / "app.py").write_text("import sys; sys.exit('no database here')")
    said = home.bmadp("apply", "--yes")
    assert said.is_one_error(said.code, "never ready", "no database here") and said.code != 0 and is_free(port)
    assert not (home.root / "performance").exists()
    known = steps(home.bmadp("analyze", "--json"))
    assert known["noise"] == known["discover"] == "cached" and known["web: baseline load"] == "held"


def test_a_service_that_is_never_ready_is_given_up_and_ended(home: Home):
    port = serving(home)
    (home.root / "app.py").write_text("import time\ntime.sleep(600)")
    home.write(home.manifest.read_text().replace("wait: 5s", "wait: 1s"))
    said = home.bmadp("apply", "--yes")
    assert said.code != 0 and "was not ready after 1 s" in said.err and is_free(port)
    assert not subprocess.run(["pgrep", "-f", f"app.py {port}"], capture_output=True, text=True, check=False).stdout


def test_an_address_where_nobody_answers_says_what_to_do(home: Home):
    home.write(f"kind: Performance\nname: x\nquick: true\ntargets: {{web: {{url: 'http://127.0.0.1:{free_port()}/'}}}}\n")
    said = home.bmadp("apply", "--yes")
    assert said.code != 0 and "refused" in said.err and "say how with `start`" in said.err


def test_a_port_that_somebody_holds_is_left_to_them(home: Home):
    port = serving(home)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        said = home.bmadp("apply", "--yes")
    assert said.code != 0 and f"something answers at port {port} already" in said.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_a_measurement_ends_no_process_and_no_port_is_left(home: Home, number: signal.Signals):
    port = serving(home)
    words = [sys.executable, "-m", "bmad_provisioner", "apply", "--yes"]
    with subprocess.Popen(words, cwd=home.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        assert soon(lambda: not is_free(port), 60)
        run.send_signal(number)
        assert run.wait(60) != 0
    assert soon(lambda: is_free(port), 20)
    assert soon(lambda: not subprocess.run(["pgrep", "-f", f"app.py {port}"], capture_output=True, check=False).stdout, 20)
    assert home.bmadp("analyze").code == 0 and not (home.root / "performance").exists()


def soon(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_a_service_that_dies_under_its_load_is_told_so(home: Home):
    port = serving(home, body="Handler.n = getattr(Handler, 'n', 0) + 1; Handler.n > 6 and __import__('os')._exit(3)")
    said = home.bmadp("apply", "--yes")
    assert said.code != 0 and "died under the baseline load" in said.err and is_free(port)


def test_a_command_that_fails_once_in_a_while_is_measured_and_told(home: Home):
    script = "import pathlib, sys\nn = pathlib.Path('n'); c = int(n.read_text()) + 1 if n.exists() else 1\nn.write_text(str(c))\nsys.exit(c == 4)"
    (home.root / "job.py").write_text(script)
    home.write(f"kind: Performance\nname: jobs\nquick: true\ntargets: {{job: {{command: [{sys.executable}, job.py]}}}}\n")
    said = home.bmadp("apply", "--yes")
    assert said.code == 0 and "1 of 8 runs failed" in said.err
    baseline = json.loads((home.root / "performance/jobs/baseline.json").read_text())
    read = {one["metric"]: one["value"] for one in baseline["readings"]}
    assert read["error_rate"] == pytest.approx(1 / 8) and read["duration"] > 0


def test_a_command_that_always_fails_is_an_error_with_its_words(home: Home):
    home.write("kind: Performance\nname: jobs\nquick: true\ntargets: {job: {command: [sh, -c, 'echo out of paper >&2; exit 3']}}\n")
    (home.root / "a.txt").write_text("")
    said = home.bmadp("apply", "--yes")
    assert said.code != 0 and "fails every time" in said.err and "out of paper" in said.err


def test_what_other_tools_measured_stands_beside_what_is_measured(home: Home):
    (home.root / "bench.json").write_text(
        json.dumps({"results": [{"command": "sort big", "times": [0.5, 0.6, 0.7], "exit_codes": [0, 0, 1]}]})
    )
    home.write(
        "kind: Performance\nname: jobs\nquick: true\ntargets: {job: {command: [sh, -c, 'sleep 0.01']}}\nimports: [bench.json]\n"
    )
    assert home.bmadp("apply", "--yes").code == 0
    baseline = json.loads((home.root / "performance/jobs/baseline.json").read_text())
    read = {(one["target"], one["metric"]): one["value"] for one in baseline["readings"]}
    assert read["sort big", "duration"] == pytest.approx(0.55) and read["sort big", "error_rate"] == pytest.approx(1 / 3)
    (home.root / "bench.json").write_text("{}")
    assert "is no result of a tool that can be read" in home.bmadp("apply", "--yes").err


def test_without_a_browser_pages_are_left_out_with_a_word_and_the_rest_is_measured(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BMADP_CHROMIUM", "/nowhere/chromium")
    serving(home)
    home.write(home.manifest.read_text().replace("requests: [/]", "requests: [/], pages: [/]"))
    said = home.bmadp("apply", "--yes")
    assert said.code == 0 and "`chromium` is not here" in said.err and "apt-get install chromium" in said.err
    assert (home.root / "performance/small/report.html").is_file()


# --- what is written --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    """A small service that was measured once, and again."""
    with fast() as home:
        serving(home, body="sum(range(20000))")
        said = home.bmadp("apply", "--yes")
        yield home, said, home.bmadp("analyze", "--exit-code", "--json")


def test_all_phases_write_their_documents(small):
    home, said, _ = small
    assert said.code == 0, said.err
    made = {path.removeprefix("performance/small/") for path in home.files() if path.startswith("performance/small/")}
    assert made >= {
        "requirements.md", "telemetry.md", "architecture.md", "baseline.json", "baseline.md", "profile.md", "budgets.json",
        "roadmap.md", "optimization-backlog.csv", "test-plan.md", "alerts.yaml", "alerts.test.yaml", "dashboard.json", "retrospective.md", "report.md", "report.html", "junit.xml", "metrics.txt",
        "bencher.json", "k6/web-baseline.json", "k6/thresholds.json", "lighthouse/budgets.json", "capacity.md", "profile/web.speedscope.json", "findings.json",
    }  # fmt: skip


def test_what_was_measured_is_not_measured_again(small):
    _, _, again = small
    assert again.code == 0 and "held" not in steps(again).values() and steps(again)["web: look"] == "cached"


def test_a_changed_goal_measures_nothing_and_a_changed_source_does(small):
    home, *_ = small
    text = home.manifest.read_text()
    home.write(text + "goals: {p95: 1ms}\n")
    known = steps(home.bmadp("analyze", "--json"))
    assert known["web: baseline load"] == "cached" and known["noise"] == "cached"
    home.write(text)
    source = (home.root / "app.py").read_text()
    (home.root / "app.py").write_text(f"{source}\n# changed\n")
    assert steps(home.bmadp("analyze", "--json"))["web: baseline load"] == "held"
    (home.root / "app.py").write_text(source)


def test_the_alerts_pass_their_own_tests(small):
    home, *_ = small
    folder = home.root / "performance/small"
    for words in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]):
        done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


# --- the gate ---------------------------------------------------------------------------------------------------------------

WORK = """
def quote(many):
    total = 0
    for number in range(many):
        total += number * number % 7
    return total
"""


def git(home: Home, *words: str) -> None:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *named, *words], cwd=home.root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def gated():
    """A function whose baseline was measured and committed."""
    with fast() as home:
        (home.root / "work.py").write_text(WORK)
        home.write('kind: Performance\nname: work\nquick: true\ntargets: {quote: {python: "work:quote", args: {many: 20000}}}\n')
        first = home.bmadp("apply", "--yes")
        assert first.code == 0, first.err
        (home.root / ".gitignore").write_text(".bmad-provisioner/\n__pycache__/\n")
        for words in (("init",), ("add", "-A"), ("commit", "-m", "baseline")):
            git(home, *words)
        yield home


def judged(home: Home, text: str, *more: str):
    (home.root / "work.py").write_text(text)
    return home.bmadp("validate", *more)


def test_the_same_code_is_valid(gated):
    said = judged(gated, WORK)
    assert said.code == 0, said.out + said.err


def test_slower_code_is_no_longer_valid_and_every_form_says_why(gated):
    slower = WORK.replace("range(many)", "range(round(many * 1.6))")
    said = judged(gated, slower, "--format", "sarif")
    results = json.loads(said.out)["runs"][0]["results"]
    assert said.code == 1 and [one for one in results if one["ruleId"] == "performance-regression"]
    suite = ElementTree.fromstring(judged(gated, slower, "--format", "junit").out)
    broken = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert any("against the baseline" in name for name in broken)
    text = judged(gated, slower)
    assert text.code == 1 and "is worse by" in text.err and "accepted baseline" in text.err


def test_a_goal_that_is_missed_makes_invalid_though_where_the_time_goes_is_not_looked_for(gated):
    text = gated.manifest.read_text()
    gated.write(text + "goals: {duration: 0.01ms}\n")
    said = judged(gated, WORK.replace("total", "amount"))
    gated.write(text)
    assert said.code == 1 and "is missed" in said.err


def test_without_a_baseline_that_is_committed_it_says_that_nothing_is_compared(home: Home):
    home.write("kind: Performance\nname: jobs\nquick: true\ntargets: {job: {command: [sh, -c, 'sleep 0.01']}}\n")
    (home.root / "a.txt").write_text("")
    said = home.bmadp("validate")
    assert said.code == 0 and "nothing is compared" in said.err and "commit it" in said.err


def test_the_same_slower_code_written_otherwise_stays_valid(gated):
    said = judged(gated, WORK.replace("total", "result"))
    assert said.code == 0, said.err


def test_a_remedy_shows_as_an_improvement(gated):
    (gated.root / "work.py").write_text(
        "def quote(many):\n    return sum(n * n % 7 for n in range(7)) * (many // 7) + sum(n * n % 7 for n in range(many % 7))\n"
    )
    assert gated.bmadp("apply", "--yes").code == 0
    assert "better" in (gated.root / "performance/work/impact.md").read_text()
    git(gated, "checkout", "--", ".")


def test_no_file_of_the_user_is_touched_by_measuring(gated):
    git(gated, "checkout", "--", ".")
    before = {path: file for path, file in gated.files().items() if not path.startswith(("performance/", ".git/"))}
    gated.bmadp("apply", "--yes")
    after = {path: file for path, file in gated.files().items() if not path.startswith(("performance/", ".git/"))}
    assert after == before and os.listdir(Path(gated.root))
