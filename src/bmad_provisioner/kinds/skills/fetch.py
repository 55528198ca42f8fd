"""Fetch: a hand-written skill out of a git repository, without a checkout, hooks, filters or submodules."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from bmad_provisioner.digest import Entry, Plain
from bmad_provisioner.engine.task import Action, Inputs, Output
from bmad_provisioner.finding import Finding
from bmad_provisioner.kinds.skills.edition import EDITION
from bmad_provisioner.kinds.skills.rules import conformance

SCHEMES = frozenset({"https", "ssh", "file"})
SECONDS = 120
MOST_FILES = 2_000
MOST_BYTES = 50_000_000
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_QUIET: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "https:ssh:file", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "GIT_LFS_SKIP_SMUDGE": "1",
}  # fmt: skip
_KEPT = (
    "PATH",
    "HOME",
    "SSH_AUTH_SOCK",
    "TMPDIR",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
)


class FetchError(Exception):
    """The repository did not give what was asked for; the message says why."""


def url_fault(url: str, ref: str, path: str) -> tuple[str, str] | None:
    """Return why a source may not be fetched and what to write instead, or None when it may."""
    example = "for example https://github.com/acme/skills.git"
    parts = urlsplit(url) if "://" in url else None
    if parts is None or parts.scheme not in SCHEMES:
        scp = re.fullmatch(r"([\w.-]+@[\w.-]+):(.+)", url)
        return f"`{url}` is no https, ssh or file URL", f"write ssh://{scp[1]}/{scp[2]}" if scp else example
    if (
        re.search(r"[\x00-\x20\x7f]", url)
        or (parts.hostname or "").startswith("-")
        or (parts.scheme != "file" and not parts.hostname)
    ):
        return f"`{url}` is no URL that git may be given", example
    if parts.password is not None or (parts.scheme == "https" and parts.username):
        return "the URL carries a password or token, which would stand in the journal", "let git's credential helper or ssh know it"
    if not _REF.fullmatch(ref) or ".." in ref or ref.endswith((".lock", "/")):
        return f"`{ref}` is no commit, tag or branch", "a commit pins exactly what is brought along"
    if path and (path.startswith(("/", "-")) or any(part in {"", ".", "..", ".git"} for part in path.split("/"))):
        return f"`{path}` is no folder inside the repository", "for example skills/code-review"
    return None


def fetch(inputs: Inputs) -> Output:
    """Fetch one skill at its ref and judge it; a failure is a finding, and then there are no files."""
    args: Mapping[str, Any] = inputs.args
    shown = args["url"] + (f"/{args['path']}" if args["path"] else "")
    fault = url_fault(args["url"], args["ref"], args["path"])
    try:
        if fault is not None:
            raise FetchError(fault[0])
        commit, files = contents(args["url"], args["ref"], args["path"])
    except FetchError as error:
        return Output(
            findings=(Finding(shown, "skill-source", str(error), hint="check URL, ref and path, and that git can reach it"),)
        )
    found = conformance(args["skill"], {name: data for name, (data, _) in files.items()}, shown)
    kept = {name: inputs.keep(data, executable) for name, (data, executable) in files.items()}
    facts: dict[str, Plain] = {"catalogue": {args["skill"]: found.description_length}, "commit": commit}
    return Output(_everywhere(args, kept), found.findings, facts)


FETCH = Action("skills.fetch", EDITION, fetch, external=True)


def _everywhere(args: Mapping[str, Any], kept: Mapping[str, Entry]) -> dict[str, Entry]:
    return {f"{folder}/{args['skill']}/{name}": entry for folder in args["folders"] for name, entry in kept.items()}


def contents(url: str, ref: str, path: str) -> tuple[str, dict[str, tuple[bytes, bool]]]:
    """Return the commit that `ref` means and the plain files below `path`: name -> bytes, executable."""
    with tempfile.TemporaryDirectory(prefix="bmadp-fetch-") as folder:
        _git(folder, ["init", "--quiet", "--bare", "."])
        _git(folder, ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", url, ref])
        commit = _git(folder, ["rev-parse", "--verify", "FETCH_HEAD^{commit}"]).decode().strip()
        listing = _git(folder, ["ls-tree", "-r", "-z", "--full-tree", commit, "--", *([path] if path else [])])
        entries = _entries(listing, path)
        return commit, dict(zip((name for name, *_ in entries), _blobs(folder, entries), strict=True))


def _entries(listing: bytes, path: str) -> list[tuple[str, str, bool]]:
    """Return name, blob and mode of each file; anything but a plain file is refused by name."""
    prefix = f"{path}/" if path else ""
    entries = []
    for record in filter(None, listing.split(b"\0")):
        head, _, raw = record.partition(b"\t")
        mode, _, blob = head.decode().split(" ")
        name = raw.decode("utf-8", "replace")
        if not name.startswith(prefix):
            raise FetchError(f"`{path}` is a file and not a folder")
        if mode not in {"100644", "100755"}:
            what = {"120000": "a symbolic link", "160000": "a submodule"}.get(mode, f"of mode {mode}")
            raise FetchError(f"`{name}` is {what}; a skill is made of plain files")
        entries.append((name.removeprefix(prefix), blob, mode == "100755"))
    if not entries:
        raise FetchError(f"there is nothing at `{path or '/'}`")
    if len(entries) > MOST_FILES:
        raise FetchError(f"there are {len(entries)} files; a skill has at most {MOST_FILES}")
    return entries


def _blobs(folder: str, entries: Sequence[tuple[str, str, bool]]) -> list[tuple[bytes, bool]]:
    """Read all blobs with one git; the answer is `<id> blob <size>`, the bytes, a line feed, for each."""
    asked = "".join(f"{blob}\n" for _, blob, _ in entries).encode()
    sizes = _git(folder, ["cat-file", "--batch-check=%(objectsize)"], asked).split()
    if sum(int(size) for size in sizes if size.isdigit()) > MOST_BYTES:
        raise FetchError(f"the files have more than {MOST_BYTES // 1_000_000} MB")
    answer, found, place = _git(folder, ["cat-file", "--batch"], asked), [], 0
    for _, _, executable in entries:
        end = answer.index(b"\n", place)
        start, size = end + 1, int(answer[place:end].split()[2])
        found.append((answer[start : start + size], executable))
        place = start + size + 1
    return found


def _git(folder: str, arguments: Sequence[str], given: bytes = b"") -> bytes:
    """Run one git command in `folder`, asking nobody anything; raise FetchError with git's own last words."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(_QUIET)
    safe = ["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "core.symlinks=false"]
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, values checked by `url_fault`, options ended by `--`
            ["git", *safe, *arguments],  # noqa: S607 - git is found on the user's own PATH
            cwd=folder, input=given, capture_output=True, timeout=SECONDS, env=environment, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise FetchError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"git gave no answer in {SECONDS} seconds") from None
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FetchError(f"git: {words[-1] if words else f'exit {done.returncode}'}")
    return done.stdout
