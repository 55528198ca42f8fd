"""Edit: change a user's manifest where it has to change, and nowhere else."""

from __future__ import annotations

import io
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.errors import UsageError
from bmad_provisioner.kind import Place


def append(text: bytes, place: Place, item: Plain) -> bytes:
    """Return the manifest with `item` appended to the list at `place`, which is made if it is missing."""
    yaml, body = _load(text)
    *above, last = place
    holder = _at(body, tuple(above))
    if holder.get(last) is None:
        holder[last] = []
    holder[last].append(item)
    return _dump(yaml, body, text)


def remove(text: bytes, place: Place) -> bytes:
    """Return the manifest without the part at `place`."""
    yaml, body = _load(text)
    *above, last = place
    del _at(body, tuple(above))[last]
    return _dump(yaml, body, text)


def _load(text: bytes) -> tuple[Any, Any]:
    # Heavy, and only for an edit; it alone keeps comments and layout.
    from ruamel.yaml import YAML  # noqa: PLC0415

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    documents = list(yaml.load_all(text.decode("utf-8-sig")))
    if len(documents) != 1:
        raise UsageError("the manifest holds several documents", hint="edit it by hand")
    return yaml, documents[0]


def _at(body: Any, place: Place) -> Any:
    for part in place:
        body = body[part]
    return body


def _dump(yaml: Any, body: Any, text: bytes) -> bytes:
    out = io.StringIO()
    yaml.dump(body, out)
    result = out.getvalue()
    return (result.replace("\n", "\r\n") if b"\r\n" in text else result).encode("utf-8")
