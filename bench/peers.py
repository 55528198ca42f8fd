"""Peers: how each tool is installed, told what to do, asked for a change, and asked whether somebody edited its files."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from corpus import names

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / ".cache" / "bench"
_NODE = "24"
"""One of the peers needs Node 22; the one below comes from npm, so that none uses what happens to be here."""


@dataclass(frozen=True, slots=True)
class Site:
    """The folders of one run: where the library, the project, and the tool's home are."""

    root: Path

    @property
    def library(self) -> Path:
        return self.root / "library"

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def home(self) -> Path:
        return self.root / "home"


Command = Callable[[Site], list[str]]


def _nothing(_site: Site, _count: int) -> None:
    return


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: `at` is where it wants its library, `target` where its files come out, below the site.

    `apply` applies (`cold` where the first time differs), `check` looks for edits without changing anything;
    what does not copy (`copies`) has nothing to tell of a first time.
    """

    name: str
    executable: str
    package: str = ""
    npm: bool = False
    start: tuple[str, ...] = ("--version",)
    prepare: Callable[[Site, int], None] = _nothing
    apply: Command | None = None
    cold: Command | None = None
    check: Command | None = None
    at: str = "library"
    target: str = "project/.claude/skills"
    notes: tuple[str, ...] = field(default=())
    slow: bool = False
    copies: bool = True

    @property
    def path(self) -> str:
        """The program to start."""
        if not self.package:
            return shutil.which(self.executable) or ""
        return str(self._folder / ("node_modules/.bin" if self.npm else "bin") / self.executable)

    @property
    def _folder(self) -> Path:
        return STORE / "peers" / self.package.replace("/", "-").replace("==", "-").replace("@", "-").strip("-")

    def install(self) -> str:
        """Install the tool at its pinned version in a folder of its own; return why it is not available, or nothing."""
        if not self.package:
            return "" if self.path else f"no `{self.executable}` on this machine"
        if Path(self.path).exists():
            return ""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for command in _npm(self._folder, self.package) if self.npm else _pip(self._folder, self.package):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", "") or error).strip().splitlines()
            shutil.rmtree(self._folder, ignore_errors=True)
            return f"`{self.package}` cannot be installed: {_private(said[-1] if said else '')}"
        return "" if Path(self.path).exists() else f"`{self.package}` has no `{self.executable}`"


def _private(text: str) -> str:
    """Leave addresses out: they are this machine's business."""
    return " ".join("..." if "://" in word else word for word in text.split())[:120]


def _pip(folder: Path, package: str) -> list[list[str]]:
    return [[sys.executable, "-m", "venv", str(folder)], [str(folder / "bin/pip"), "install", "--quiet", package]]


def _npm(folder: Path, package: str) -> list[list[str]]:
    return [["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]]


def node() -> str:
    """Return the folder of the Node all peers run with; an empty string for the one on the path."""
    kind = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "")
    folder = STORE / "peers" / f"node-{_NODE}"
    binary = folder / "node_modules" / f"node-linux-{kind}" / "bin"
    if platform.system() == "Linux" and kind and not binary.exists() and shutil.which("npm"):
        folder.mkdir(parents=True, exist_ok=True)
        for command in _npm(folder, f"node-linux-{kind}@{_NODE}"):
            subprocess.run(command, check=False, capture_output=True, timeout=600)
    return str(binary) if binary.exists() else ""


def _ours(site: Site, count: int) -> None:
    rows = "".join(f"    - source: ./skills/{name}\n" for name in names(count))
    head = 'project:\n  name: Bench\n  bmad_version: ">=6.4,<7"\n  tools: [claude-code]\n  skills:\n'
    (site.library / "bmad-provisioner.yaml").write_text(head + rows, encoding="utf-8")


def _bmadp(verb: str, *options: str) -> Command:
    def command(site: Site) -> list[str]:
        manifest = str(site.library / "bmad-provisioner.yaml")
        return [OURS.path, verb, manifest, "--project", str(site.project), *options]

    return command


OURS = Peer(
    "bmadp",
    str(Path(sys.executable).parent / "bmadp"),
    prepare=_ours,
    apply=_bmadp("apply", "--yes"),
    check=_bmadp("analyze", "--exit-code"),
    notes=("one transaction, fsynced, journalled, with a backup of every byte it replaces",),
)


def _pollen(site: Site, _count: int) -> None:
    text = f"repos:\n  - repo: local\n    paths: [{{path: skills}}]\ntargets: [{site.project}/.claude/skills]\n"
    (site.library / "pollen.yaml").write_text(text, encoding="utf-8")


def _tack(site: Site, _count: int) -> None:
    site.home.mkdir(parents=True, exist_ok=True)
    text = f'[[source]]\nname = "bench"\npath = "{site.library}"\nharnesses = ["claude-code"]\n'
    (site.home / "tack.toml").write_text(text, encoding="utf-8")


def _apm(site: Site, _count: int) -> None:
    (site.library / "apm.yml").write_text("name: library\nversion: 1.0.0\n", encoding="utf-8")
    text = "name: bench\nversion: 1.0.0\ntargets: [claude]\ndependencies:\n  apm:\n    - ../library\n"
    (site.project / "apm.yml").write_text(text, encoding="utf-8")


def _with(name: str, *arguments: str) -> Command:
    """Return the command line of the peer `name`; `{library}`, `{project}` and `{home}` are filled in."""

    def command(site: Site) -> list[str]:
        places = {"library": site.library, "project": site.project, "home": site.home}
        return [PEERS[name].path, *(argument.format(**places) for argument in arguments)]

    return command


_RULESYNC = ("generate", "-t", "claudecode", "-f", "skills")
_RULER = ("apply", "--agents", "claude", "--no-gitignore", "--no-backup", "--local-only", "--no-mcp")

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "pollen", "pollen", "pollen-skills==0.6.0", prepare=_pollen,
            apply=_with("pollen", "-c", "{library}/pollen.yaml", "update"),
            check=_with("pollen", "-c", "{library}/pollen.yaml", "update", "--dry-run"),
        ),
        Peer(
            "tack", "tack", "tack-agents==0.6.1", prepare=_tack, target="home/.claude/skills",
            apply=_with("tack", "sync", "--config", "{home}"), check=_with("tack", "sync", "--dry-run", "--config", "{home}"),
            notes=("links a skill's folder instead of copying files: an edit is an edit of the library, for every project",),
        ),
        Peer(
            "hlock", "hlock", "hlock==0.8.0", cold=_with("hlock", "pin", "--harness", "claude-code"), copies=False,
            check=_with("hlock", "check"), at="project/.claude", notes=("pins and checks what is there; it copies nothing",),
        ),
        Peer(
            "skills", "skills", "skills@1.7.4", npm=True,
            apply=_with("skills", "add", "{library}", "-s", "*", "-a", "claude-code", "-y", "--copy"),
        ),
        Peer(
            "rulesync", "rulesync", "rulesync@17.0.0", npm=True, at="project/.rulesync",
            apply=_with("rulesync", *_RULESYNC), check=_with("rulesync", *_RULESYNC, "--check"),
            notes=("writes each SKILL.md anew, so that is not byte for byte the library's",),
        ),
        Peer("ruler", "ruler", "@intellectronica/ruler@0.3.44", npm=True, at="project/.ruler", apply=_with("ruler", *_RULER)),
        Peer(
            "openskills", "openskills", "openskills@1.5.0", npm=True,
            cold=_with("openskills", "install", "{library}", "-y"), apply=_with("openskills", "update"),
        ),
        Peer(
            "apm", "apm", "apm-cli==0.35.0", prepare=_apm, apply=_with("apm", "install"),
            check=_with("apm", "audit", "--ci", "--no-policy"), slow=True,
        ),
    )
}  # fmt: skip


def _sums(program: str) -> Command:
    return lambda site: ["sh", "-c", f"cd {site.project}/.claude/skills && {program} --quiet --check {site.home}/sums"]


def _make_sums(program: str) -> Command:
    return lambda site: [
        "sh", "-c", f"cp -r {site.library}/skills {site.project}/.claude/ && cd {site.project}/.claude/skills && "
        f"find . -type f -exec {program} {{}} + > {site.home}/sums",
    ]  # fmt: skip


_WALK = """
import os, sys
def walk(folder):
    count = 0
    with os.scandir(folder) as items:
        for item in items:
            if item.is_dir(follow_symlinks=False): count += walk(item.path)
            else: item.stat(follow_symlinks=False); count += 1
    return count
walk(sys.argv[1]); walk(sys.argv[2])
"""


def _walk(site: Site) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", _WALK, str(site.library / "skills"), str(site.project / ".claude/skills")]


def _folder(site: Site, _count: int) -> None:
    (site.project / ".claude").mkdir(parents=True)


def _copy(*program: str) -> Command:
    return lambda site: [*program, str(site.library / "skills"), str(site.project / ".claude/")]


FLOORS = {
    floor.name: floor
    for floor in (
        Peer("cp -r", "cp", prepare=_folder, apply=_copy("cp", "-r")),
        Peer("rsync -a", "rsync", prepare=_folder, apply=_copy("rsync", "-a"), check=_copy("rsync", "-ain")),
        Peer("stat walk", sys.executable, start=(), prepare=_folder, cold=_copy("cp", "-r"), apply=_walk, copies=False),
        Peer("sha256sum", "sha256sum", prepare=_folder, cold=_make_sums("sha256sum"), check=_sums("sha256sum"), copies=False),
        Peer("b3sum", "b3sum", prepare=_folder, cold=_make_sums("b3sum"), check=_sums("b3sum"), copies=False),
        Peer("python -c pass", sys.executable, start=("-c", "pass")),
        Peer("python -I -S -c pass", sys.executable, start=("-I", "-S", "-c", "pass")),
        Peer("node -e 0", "node", start=("-e", "0")),
    )
}
