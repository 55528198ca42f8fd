"""Real BMAD installs for tests: npm fetches the installers once, each project is copied from a pristine install.

Everything lands in `.cache/bmad`. Nothing is mocked, and nothing is skipped: where node, npm or the registry is missing,
`BmadMissingError` says so. Safe for parallel test workers.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bmad_provisioner.digest import Digest, Entry, digest

VERSIONS = ("6.0.4", "6.2.0", "6.3.0", "6.5.0", "6.8.0", "6.12.0")
NEWEST = VERSIONS[-1]
TOOLS = ("claude-code", "cursor")
PACKAGES = Path(__file__).parent / "bmad"
CACHE = Path(__file__).parent.parent / ".cache" / "bmad"


class BmadMissingError(RuntimeError):
    """The real BMAD cannot be had here; the message says what to install."""


def installer(version: str) -> tuple[str, ...]:
    """Return the command that runs BMAD's own installer of `version`."""
    root = _packages() / "node_modules" / f"bmad-{version}" / "tools"
    for script in (root / "installer" / "bmad-cli.js", root / "cli" / "bmad-cli.js"):
        if script.is_file():
            return (_program("node"), str(script))
    raise BmadMissingError(f"no BMAD installer of version {version}; there are {', '.join(VERSIONS)}")


def install(version: str, project: Path, tools: Sequence[str] = TOOLS) -> Path:
    """Make `project` what BMAD's installer of `version` makes of an empty folder; return it."""
    shutil.copytree(_pristine(version, tuple(tools)), project, dirs_exist_ok=True, symlinks=True)
    return project


def install_over(version: str, project: Path, tools: Sequence[str] = TOOLS) -> str:
    """Run the installer of `version` for the first time in a project that already holds files; return what it says."""
    return _run(version, "--directory", str(project), "--modules", "bmm", "--tools", ",".join(tools), "--yes")


def update(project: Path, to: str = NEWEST, mode: str = "quick", tools: Sequence[str] = TOOLS) -> str:
    """Let BMAD's installer of version `to` update `project`, as users do (`quick`) or in full; return what it says."""
    arguments = {"quick": (), "full": ("--action", "update", "--modules", "bmm", "--tools", ",".join(tools))}[mode]
    return _run(to, "--directory", str(project), *arguments, "--yes")


class Look:
    """What stands in a project folder, as a `Sight`: every file, or those below the given folders."""

    def __init__(self, project: Path, beside: Mapping[str, bytes] | None = None) -> None:
        self.project = project
        self.beside = beside or {}

    @property
    def tree(self) -> dict[str, Entry]:
        """Every file of the project."""
        found = {}
        for folder, folders, files in os.walk(self.project):
            names = files + [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.project)
                entry = self.entry(path)
                if entry is not None:
                    found[path] = entry
        return found

    def entry(self, path: str) -> Entry | None:
        """Return what stands at `path`, or `None`."""
        if path in self.beside:
            return Entry(digest(self.beside[path]))
        full = self.project / path
        if full.is_symlink():
            return Entry(Digest(f"symlink:{os.readlink(full)}"))
        if full.is_dir():
            return Entry(Digest("directory"))
        return Entry(digest(full.read_bytes()), os.access(full, os.X_OK)) if full.is_file() else None

    def read(self, path: str) -> bytes:
        """Return the bytes at `path`."""
        return self.beside[path] if path in self.beside else (self.project / path).read_bytes()


class Given:
    """Files given as text, as a `Sight`."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    @property
    def tree(self) -> dict[str, Entry]:
        """Every file."""
        return {path: Entry(digest(data)) for path, data in self.files.items()}

    def entry(self, path: str) -> Entry | None:
        """Return what stands at `path`, or `None`."""
        return Entry(digest(self.files[path])) if path in self.files else None

    def read(self, path: str) -> bytes:
        """Return the bytes at `path`."""
        return self.files[path]


def _run(version: str, *arguments: str) -> str:
    with tempfile.TemporaryDirectory(prefix="bmad-home-") as home:
        done = subprocess.run(
            (*installer(version), "install", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": home, "PATH": os.environ.get("PATH", ""), "CI": "1", "NO_COLOR": "1"},
            timeout=300,
            check=False,
        )
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise RuntimeError(f"BMAD {version} install {' '.join(arguments)} exited with {done.returncode}:\n{said}")
    return said


def _pristine(version: str, tools: tuple[str, ...]) -> Path:
    """Return an untouched install, made the first time it is asked for."""
    ready = _packages() / "pristine" / f"{version}-{'-'.join(tools)}"
    if ready.is_dir():
        return ready
    with _locked(f"{version}-{'-'.join(tools)}"):
        if not ready.is_dir():
            making = ready.parent / f"{ready.name}.making"
            shutil.rmtree(making, ignore_errors=True)
            (making / "project").mkdir(parents=True)
            install_over(version, making / "project", tools)
            (making / "project").rename(ready)
            making.rmdir()
    return ready


def _packages() -> Path:
    """Return the folder that holds the installers, fetched by npm the first time."""
    lock = PACKAGES / "package-lock.json"
    ready = CACHE / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if (ready / "node_modules").is_dir():
        return ready
    with _locked("npm"):
        if not (ready / "node_modules").is_dir():
            making = CACHE / f"{ready.name}.making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(PACKAGES / name, making / name)
            _npm(making)
            making.rename(ready)
    return ready


def _npm(folder: Path) -> None:
    command = (_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise BmadMissingError(f"npm could not fetch BMAD's installers ({' '.join(command)}):\n{done.stdout}{done.stderr}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BmadMissingError(
            f"`{name}` is not installed; the BMAD tests need node 20.12 or later with npm (or: pytest -m 'not bmad')"
        )
    return found


@contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
