"""The process edge: errors become text and exit codes here, and nowhere else."""

from __future__ import annotations

import sys

from bmad_provisioner import __version__


def main() -> None:
    """Run `bmadp` with the arguments of this process and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        print(f"bmadp {__version__}")  # noqa: T201 - asked before anything else, so nothing else need be imported
        sys.exit(0)
    # Only now: `--version` should cost no more than Python itself.
    from bmad_provisioner.cli.main import invoke  # noqa: PLC0415

    sys.exit(invoke(sys.argv[1:]))


if __name__ == "__main__":
    main()
