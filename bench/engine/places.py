"""Places: where peers are installed and work is done, and what is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / ".cache" / "bench-engine"
BIN = STORE / "venv" / "bin"
TURBO = STORE / "turbo" / "node_modules" / ".bin" / "turbo"
_TURBO = "turbo@2.11.11"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def install() -> dict[str, str]:
    """Install the peers where they are not yet; return what is not available, and why."""
    missing = {}
    if not (BIN / "doit").exists():
        environment = [sys.executable, "-m", "venv", str(STORE / "venv")]
        packages = [str(BIN / "pip"), "install", "--quiet", "--requirement", str(REQUIREMENTS)]
        missing |= _try("the libraries of requirements.txt", environment, packages)
    if not TURBO.exists():
        folder = STORE / "turbo"
        folder.mkdir(parents=True, exist_ok=True)
        package = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), _TURBO]
        missing |= _try("turbo", package)
    return missing


def _try(name: str, *commands: list[str]) -> dict[str, str]:
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        return {name: type(error).__name__}
    return {}


def versions() -> list[str]:
    """Return what is compared with, each with its version."""
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    return [*(line.replace("==", " ") for line in lines), _TURBO.replace("@", " ")]


def environment(folder: Path) -> Mapping[str, str]:
    """Return what programs see: no colours, no telemetry, and compiled modules, as an installation has them."""
    quiet = {"NO_COLOR": "1", "CI": "1", "DO_NOT_TRACK": "1", "TURBO_TELEMETRY_DISABLED": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPYCACHEPREFIX": str(STORE / "compiled"), **quiet}


def fresh(name: str) -> Path:
    """Return an empty folder."""
    folder = STORE / "work" / "".join(letter if letter.isalnum() else "-" for letter in name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
