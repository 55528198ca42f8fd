"""Called: the child's end of the runtime `python`, a script that calls one function and prints what it returned as JSON.

It is run by path and imports nothing of ours, so that a call costs little more than the interpreter's start.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def called(request: dict[str, Any]) -> Any:
    """Import the function named `module:function` and call it with the prompt, the folder and the data."""
    if request["path"]:
        sys.path.insert(0, request["path"])
    module, _, names = request["call"].partition(":")
    function: Any = import_module(module)
    for name in names.split("."):
        function = getattr(function, name)
    result = function(request["prompt"], Path.cwd(), request["data"])
    return {"text": result} if isinstance(result, str) else {} if result is None else result


def main() -> None:
    """Answer on what was our standard output; what the function prints goes to standard error."""
    request = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        json.dump(called(request), answer, allow_nan=False)


if __name__ == "__main__":
    main()
