"""Against: the state that the project is compared with: a folder, a revision, or the one whose baseline was accepted last."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bmad_provisioner.engine.child import Ending, environment, run_child
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.patterns import matcher
from bmad_provisioner.tree.paths import refusal

_SECONDS = 30


def commit(root: Path, revision: str) -> str:
    """Return the commit that a revision of git names; empty where there is none."""
    return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")


def accepted(root: Path, path: str) -> str:
    """Return the commit that changed a file last: empty where git does not know it, or where it is changed since."""
    if _git(root, "status", "--porcelain", "--", path):
        return ""
    return _git(root, "log", "-1", "--format=%H", "--", path)


def _git(root: Path, *words: str) -> str:
    """Return what git says, or nothing where it says no or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command on the user's own project
            ["git", *words],  # noqa: S607
            cwd=root, env=environment(GIT_OPTIONAL_LOCKS="0"), capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def before(inputs: Inputs) -> Output:
    """Return the files of a commit that fit the patterns of the sources, handed on by their paths; raises TaskError without."""
    name, patterns = str(inputs.args["commit"]), inputs.args["sources"]
    assert isinstance(patterns, Sequence)
    ended = run_child(
        ["git", "archive", "--format=tar", name],
        folder=Path(str(inputs.args["root"])),
        environment=environment(),
        turn=inputs.turn,
        most=1 << 31,
    )
    if ended.ending is not Ending.EXITED or ended.code:
        words = ended.stderr.decode("utf-8", "replace").strip()[-200:]
        raise TaskError(
            f"git cannot give the state of `{name}`: {words}", hint="is it fetched? a shallow clone has only the latest"
        )
    fits = matcher([str(one) for one in patterns])
    hands = {path: inputs.keep(data, executable) for path, data, executable in _members(ended.stdout) if fits(path)}
    return Output(hands=hands)


def _members(data: bytes) -> Iterator[tuple[str, bytes, bool]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and not refusal(member.name):
                yield member.name, file.read(), bool(member.mode & 0o100)
