"""Home: a folder with a project in it, command lines run there, and what they changed."""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmad_provisioner.cli.main import invoke

STATE = ".bmad-provisioner"
MANIFEST = """\
project:
  name: Clinic
  bmad_version: ">=6.4,<7"
  leaders:
    - name: dev-leader
      specialists:
        - {id: frontend, name: Frontend Developer, domain: React, skills: [styling]}
"""
TWO = MANIFEST + "        - {id: backend, name: Backend Developer, domain: FastAPI, skills: [routes]}\n"
LEADER = ".claude/skills/dev-leader/SKILL.md"
FRONTEND = ".claude/skills/dev-frontend/SKILL.md"
File = tuple[str, int, int]


@dataclass(frozen=True)
class Said:
    """How a command line ended: its exit code, its results and its talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def plans(self) -> list[Any]:
        """The plans that `--json` printed."""
        return self.json["plans"]

    def is_one_error(self, code: int, *words: str) -> bool:
        """Whether it ended with `code` and one clear error, with all `words` in what it said."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        plain = "Traceback" not in self.err + self.out and "bug of ours" not in self.err
        short = all(len(line) < 600 for line in lines)
        return self.code == code and plain and short and bool(lines) and all(word in self.err for word in words)


@dataclass(frozen=True)
class Home:
    """`folder/project` is the project; what lies beside it is nobody's business."""

    folder: Path

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True)
        (self.folder / "beside.txt").write_text("not yours\n")

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def state(self) -> Path:
        return self.root / STATE

    @property
    def manifest(self) -> Path:
        return self.root / "bmad-provisioner.yaml"

    def write(self, text: str | bytes) -> None:
        self.manifest.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))

    def bmadp(self, *arguments: object) -> Said:
        """Run a command line in this process, in the project's folder."""
        out, err, here = io.StringIO(), io.StringIO(), Path.cwd()
        os.chdir(self.root)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = invoke([str(argument) for argument in arguments])
        finally:
            os.chdir(here)
        return Said(code, out.getvalue(), err.getvalue())

    def process(self, *arguments: object, **options: Any) -> Said:
        """Run a command line as a process of its own."""
        command = [sys.executable, "-m", "bmad_provisioner", *map(str, arguments)]
        options = {"cwd": self.root, "stdin": subprocess.DEVNULL, **options}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
        return Said(done.returncode, done.stdout, done.stderr)

    def apply(self, text: str | None = None) -> Said:
        if text is not None:
            self.write(text)
        return self.bmadp("apply", "--yes")

    def files(self) -> dict[str, File]:
        """Return everything in the project but our own state: content or target, mode, date of change."""
        return _files(self.root, skip=STATE)

    def outside(self) -> dict[str, File]:
        """Return everything beside the project."""
        return _files(self.folder, skip="project")


@contextlib.contextmanager
def fast() -> Iterator[Home]:
    """Lend a home in memory where the system has such a place: a disk that really syncs is not the subject."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Home(Path(folder, "home"))


def powerless() -> None:
    """Take from a process to be started what lets root read and write everything."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2) if os.geteuid() == 0 else ():  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def _files(root: Path, *, skip: str) -> dict[str, File]:
    found = {}
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not (place == str(root) and name == skip)]
        for name in [*names, *folders]:
            path = Path(place, name)
            info = path.lstat()
            kind = stat.S_IFMT(info.st_mode)
            if kind == stat.S_IFDIR:
                found[str(path.relative_to(root))] = ("folder", stat.S_IMODE(info.st_mode), 0)
            else:
                text = path.read_bytes().hex() if kind == stat.S_IFREG else str(path.readlink()) if path.is_symlink() else "special"
                found[str(path.relative_to(root))] = (text, stat.S_IMODE(info.st_mode), info.st_mtime_ns)
    return found
