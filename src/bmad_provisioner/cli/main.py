"""The command line: one verb each, loaded when it is called; exit codes."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from bmad_provisioner import __version__
from bmad_provisioner.cli.tell import BUG, CLEAN, FAILED, INTERRUPTED, USAGE, say, tell
from bmad_provisioner.errors import BmadpError

VERBS: dict[str, tuple[str, str]] = {
    "init": ("start", "Write a manifest to start from, or one of what the project already holds."),
    "validate": ("inspect", "Check the manifest, the skills it makes, and that the project is as it says."),
    "analyze": ("inspect", "Show the gap between the manifest and the project. Touches nothing but the cache."),
    "diff": ("ask", "Show the gap line by line."),
    "run": ("run", "Have the agents of a team do their work and remember it. Writes nothing into the project."),
    "apply": ("apply", "Close the gap in one transaction, after showing it."),
    "restore": ("change", "Take a transaction back: the last one, or the one with the number given."),
    "heal": ("change", "Put back what a BMAD update took away, as it was last applied."),
    "history": ("journal", "List the transactions of a project; `--verify` checks the chain."),
    "why": ("ask", "Say why a file is as it is, or why a task ran."),
    "skill": ("skill", "Make, list, show and remove skills."),
    "doctor": ("ask", "Find what BMAD's next update would lose or trip over, with the remedy."),
    "cache": ("cache", "Look at, prune and clear the cache and the backups."),
    "graph": ("graph", "Show the tasks of a manifest: who needs whom, what is cached, and what would run."),
    "settings": ("settings", "Show each setting's value and where it came from."),
    "schema": ("start", "Print the JSON schema of the manifest, for editors."),
}
ALIASES = {"provision": "apply"}


class Verbs(click.Group):
    """The verbs, known by name and one line; the module behind one is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they are met."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb by its name or alias."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in VERBS:
            return None
        module = importlib.import_module(f"bmad_provisioner.cli.{VERBS[name][0]}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_module, line) in VERBS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or fail with the nearest one."""
        if args and args[0] not in VERBS and args[0] not in ALIASES:
            # Only for a mistyped verb.
            import difflib  # noqa: PLC0415

            near = difflib.get_close_matches(args[0], [*VERBS, *ALIASES], n=1)
            ctx.fail(f"no such verb `{args[0]}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        return super().resolve_command(ctx, args)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bmadp", message="%(prog)s %(version)s")
def bmadp() -> None:
    """Declare the skills of coding agents and the teams that use them; keep BMAD projects that way, and have the teams work.

    The manifest is `bmad-provisioner.yaml`, found in this folder or above it, unless a file is named.
    Exit codes: 0 clean, 1 failed or findings, 2 usage or manifest, 3 a bug of ours, 130 interrupted;
    `analyze --exit-code` adds 4 changes pending, 5 drift, 6 conflict.
    """


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever goes wrong is told on stderr."""
    with suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # who ends us so gets what Ctrl-C does
    try:
        result = bmadp.main(list(arguments), prog_name="bmadp", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        say("interrupted; nothing is half done")
        return INTERRUPTED
    except BmadpError as error:
        tell(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader went away; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the process edge: what is not the disk's fault is our bug, and is reported as one
        return _refused(error) if _is_of_the_disk(error) else _report(arguments)
    return result if isinstance(result, int) else CLEAN


def _is_of_the_disk(error: Exception) -> bool:
    """Whether a file or folder could not be read or written: full, forbidden, failing, or not what it should be."""
    sqlite = sys.modules.get("sqlite3")  # no verb that has not loaded it can fail in it
    return isinstance(error, OSError) or (sqlite is not None and isinstance(error, sqlite.DatabaseError))


def _refused(error: Exception) -> int:
    if "database is locked" in str(error):
        say("another `bmadp` is writing to the state of this project", label="error", colour="red")
        say("hint: run it again when that has ended")
        return FAILED
    place = f"`{error.filename}`: " if isinstance(error, OSError) and error.filename else "the disk refused: "
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    say(f"{place}{reason.lower()}", label="error", colour="red")
    say("hint: make room or mend permissions, then run it again; what was half written is taken back first")
    return FAILED


def _report(arguments: Sequence[str]) -> int:
    """Write what is needed to mend our bug to a file, and say where it is."""
    # Only for a bug.
    import tempfile  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    handle, name = tempfile.mkstemp(prefix="bmadp-report-", suffix=".txt")
    text = f"bmadp {__version__}, Python {sys.version}\n$ bmadp {' '.join(arguments)}\n\n{traceback.format_exc()}"
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    say(f"error: this is a bug of ours: {text.rstrip().rpartition(chr(10))[2]}")
    say(f"hint: report it with `{Path(name)}`; whatever was being written is finished or taken back by the next command")
    return BUG
