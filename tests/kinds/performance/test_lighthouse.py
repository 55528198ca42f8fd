"""Lighthouse: what it says is read, what it refuses is told, and where it is missing nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.lighthouse import audit, installed, lighthouse
from kinds.performance.site import page, served

_REPORT = {
    "lighthouseVersion": "12.8.2",
    "environment": {"benchmarkIndex": 2821.5},
    "configSettings": {"throttlingMethod": "simulate", "formFactor": "mobile"},
    "categories": {"performance": {"score": 0.38}},
    "audits": {
        "first-contentful-paint": {"numericValue": 1650.0},
        "largest-contentful-paint": {"numericValue": 16650.0},
        "total-blocking-time": {"numericValue": 1010},
        "cumulative-layout-shift": {"numericValue": 0.222},
        "speed-index": {"numericValue": 3000.5},
    },
}


def _command(folder: Path, script: str) -> Path:
    """Put a command called `lighthouse` among the node modules of a folder."""
    place = folder / "node_modules" / ".bin" / "lighthouse"
    place.parent.mkdir(parents=True)
    place.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    place.chmod(0o755)
    return place


def test_a_report_is_read_in_seconds_with_its_method_in_the_names() -> None:
    said = audit(_REPORT)
    assert (said.score, said.fcp, said.lcp, said.tbt, said.cls, said.speed_index) == (0.38, 1.65, 16.65, 1.01, 0.222, 3.0005)
    assert (said.version, said.benchmark) == ("12.8.2", 2821.5)
    assert said.named("lcp") == "lcp@lighthouse-simulate-mobile"


def test_what_a_report_does_not_say_is_nothing() -> None:
    bare = {**_REPORT, "audits": {"total-blocking-time": {"score": None}}, "categories": {"performance": {"score": None}}}
    assert (audit(bare).tbt, audit(bare).lcp, audit(bare).score) == (0.0, 0.0, 0.0)


def test_where_it_is_not_installed_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TaskError, match="`lighthouse` is not installed") as error:
        lighthouse("http://127.0.0.1:9/", Turn(), 1, tmp_path)
    assert "npm install --global lighthouse" in error.value.hint


def test_it_is_found_among_the_node_modules_of_a_folder_or_one_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _command(tmp_path, "exit 1")
    (tmp_path / "web" / "src").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path / "web"))
    assert installed(tmp_path / "web" / "src") == str(place)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Unable to connect to Chrome' >&2; exit 1", "lighthouse: Unable to connect to Chrome"),
        ("exit 3", "it ended with 3, and without a word"),
        ("echo '[1, 2]'", "it ended with 0, and without a word"),
        ("sleep 60", "it was timed out after"),
        ("""echo '{"runtimeError": {"message": "NO_FCP"}}'""", "lighthouse: NO_FCP"),
    ],
)
def test_a_run_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\n", "utf-8")
    chromium.chmod(0o755)
    monkeypatch.setenv("BMADP_CHROMIUM", str(chromium))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    _command(tmp_path, script)
    with pytest.raises(TaskError, match=said):
        lighthouse("http://127.0.0.1:9/", Turn(seconds=2.0), 1, tmp_path)


def test_every_run_is_asked_for_and_no_secret_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BMADP_CHROMIUM", "/bin/sh")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("SECRET_KEY", "hidden")
    _command(tmp_path, f"env >> {tmp_path}/seen; cat <<END\n{json.dumps(_REPORT)}\nEND")
    said = lighthouse("http://127.0.0.1:9/", Turn(), 3, tmp_path)
    assert [one.score for one in said] == [0.38] * 3
    seen = (tmp_path / "seen").read_text("utf-8")
    assert seen.count("CHROME_PATH=/bin/sh") == 3
    assert "hidden" not in seen


@pytest.mark.slow
def test_the_real_one_says_what_it_says_of_a_page(tmp_path: Path) -> None:
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(tmp_path), "lighthouse@12.8.2"]
    subprocess.run(install, check=True, capture_output=True, env={**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"})
    with served({"/": page()}) as url:
        (said,) = lighthouse(url, Turn(), 1, tmp_path)
        with pytest.raises(TaskError, match="lighthouse: "):
            lighthouse(f"{url}nowhere", Turn(), 1, tmp_path)
    assert said.method == "lighthouse-simulate-mobile"
    assert said.version == "12.8.2"
    assert said.score > 0.5
    assert 0 < said.fcp <= said.lcp
    assert said.benchmark > 0
