"""Workers: what a pass that takes its process with it costs a run, from the command line to the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PASSES = """\
import os
import signal
from bmad_provisioner.kinds.code.rewriting import Pass

def exits(module):
    if "deadly" in module.text:
        os._exit(3)
    return ()

def falls(module):
    if "deadly" in module.text:
        os.kill(os.getpid(), signal.SIGSEGV)
    return ()

EXITS = Pass("exits", "1", (), exits)
FALLS = Pass("falls", "1", (), falls)
"""
OLD = "from typing import List\n\n\ndef names() -> List[str]:\n    return []\n"
NEW = "\n\ndef names() -> list[str]:\n    return []\n"
DOCUMENT = """\
kind: Code
name: tidy
paths: ["src/*.py"]
repair: []
passes: [modern-syntax, unused-imports, "stranger_passes:{name}"]
"""


def bmadp(folder: Path, *arguments: str) -> tuple[int, Any]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "bmad_provisioner", *arguments, "--json"]
    said = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert said.stdout, said.stderr
    return said.returncode, json.loads(said.stdout)


def findings(said: Any, rule: str) -> list[tuple[str, str]]:
    return [(one["path"], one["message"]) for plan in said["plans"] for one in plan["findings"] if one["rule"] == rule]


@pytest.mark.parametrize("name", ["EXITS", "FALLS"])
def test_a_pass_that_ends_its_process_costs_that_one_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "stranger_passes.py").write_text(PASSES)
    (tmp_path / "bmad-provisioner.yaml").write_text(DOCUMENT.format(name=name))
    source = tmp_path / "src"
    source.mkdir()
    for number in range(12):
        (source / f"m{number:02}.py").write_text(OLD)
    (source / "m05.py").write_text(f"# deadly\n{OLD}")
    code, said = bmadp(tmp_path, "apply", "--yes")
    assert code == 0
    assert findings(said, "task-failed") == [("src/m05.py", "the worker process of `src/m05.py` died; the file stays as it is")]
    assert (source / "m05.py").read_text() == f"# deadly\n{OLD}"
    assert {file.read_text() for file in source.glob("*.py") if file.name != "m05.py"} == {NEW}
