"""Child: let one tool repair files in place; run by `peers.py`, with a Python that has the tool. Names of files come on stdin."""

# ruff: noqa: PLC0415  # a process imports the one tool that it runs

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

LIMIT = 20
"""Seconds that a tool gets for a file."""
Tool = Callable[[str], str]
FIXERS = ("except", "exec", "has_key", "long", "ne", "numliterals", "print", "raise", "raw_input", "repr", "unicode", "xrange")


def _nothing() -> Tool:
    return lambda text: text


def _autopep8() -> Tool:
    import autopep8

    return lambda text: autopep8.fix_code(text, options={"aggressive": 1, "ignore": ["E501"]})


def _black() -> Tool:
    import black

    return lambda text: black.format_str(text, mode=black.Mode())


def _reindent() -> Tool:
    import reindent

    def fix(text: str) -> str:
        work = reindent.Reindenter(io.StringIO(text))
        work.run()
        return "".join(work.after)

    return fix


def _fissix() -> Tool:
    from fissix.pgen2.parse import ParseError
    from fissix.refactor import RefactoringTool

    names = [f"fissix.fixes.fix_{name}" for name in FIXERS]
    # First with `print` as the function that it is: the other grammar takes `print(a, b)` for a statement with a tuple.
    tools = [RefactoringTool(names, {"print_function": True}), RefactoringTool(names)]

    def fix(text: str) -> str:
        for tool in tools:
            with contextlib.suppress(ParseError):
                return str(tool.refactor_string(text + "\n", "file.py"))[:-1]
        return text

    return fix


def _ftfy() -> Tool:
    import ftfy

    return ftfy.fix_text


def _pyupgrade() -> Tool:
    from pyupgrade._data import Settings
    from pyupgrade._main import _fix_plugins, _fix_tokens

    return lambda text: _fix_tokens(_fix_plugins(text, settings=Settings(min_version=(3, 11))))


def _autoimport() -> Tool:
    import autoimport

    return autoimport.fix_code


def _ruff(*flags: str) -> Callable[[list[str]], None]:
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--fix", "--isolated", "--no-cache", "--exit-zero", "--quiet"]

    def fix(files: list[str]) -> None:
        subprocess.run([*command, *flags, *files], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return fix


def _text(data: bytes, name: str) -> str:
    """Return the text that a tool gets: all take UTF-8; ftfy brings its own guess."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        if name != "ftfy":
            raise
        import ftfy

        return str(ftfy.guess_bytes(data)[0])


TOOLS = {
    "nothing": _nothing,
    "autopep8": _autopep8,
    "reindent": _reindent,
    "fissix": _fissix,
    "ftfy": _ftfy,
    "pyupgrade": _pyupgrade,
    "autoimport": _autoimport,
    "black": _black,
}
COMMANDS = {"ruff": _ruff(), "ruff, unsafe": _ruff("--unsafe-fixes", "--select", "E,F,W,I,UP,B,SIM,RUF")}


def _rewrite(file: Path, name: str, tool: Tool) -> str:
    """Let a tool rewrite a file; return the name of what it raised."""
    data = file.read_bytes()
    signal.alarm(LIMIT)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            after = tool(_text(data, name)).encode()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a strange tool may raise anything, and refuses by it
        return type(error).__name__
    finally:
        signal.alarm(0)
    if after != data:
        file.write_bytes(after)
    return ""


def too_long(*_call: object) -> None:
    raise TimeoutError


def main() -> None:
    name, files = sys.argv[1], json.load(sys.stdin)
    signal.signal(signal.SIGALRM, too_long)
    warnings.simplefilter("ignore")
    said = []
    if name in COMMANDS:
        COMMANDS[name](files)
    else:
        tool = TOOLS[name]()
        said = [_rewrite(Path(file), name, tool) for file in files]
    os.write(1, json.dumps([one for one in said if one]).encode())


if __name__ == "__main__":
    main()
