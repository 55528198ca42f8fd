"""OpenAPI: what a service promises to answer, with the example values that its file holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bmad_provisioner.kinds.performance.discover.facts import At, Operation
from bmad_provisioner.kinds.performance.discover.files import Files, is_test, mapping, sequence

_NAMED = re.compile(r"(?:^|[/._-])(?:openapi|swagger|api-docs?|apispec)[\w.-]*\.(?:json|ya?ml)$", re.IGNORECASE)
_HEAD = re.compile(r"""^\s*\{?\s*["']?(?:openapi|swagger)["']?\s*:""", re.MULTILINE)
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_MOST = 2_000
_DEEPEST = 8
"""References that are followed one to the other."""


def operations(files: Files) -> Iterator[Operation]:
    """Yield the operations of every OpenAPI or Swagger file."""
    for path in files.named(".json", ".yaml", ".yml"):
        if is_test(path) or not (_NAMED.search(path) or _HEAD.search(files.text(path)[:2_000])):
            continue
        data, lines = files.data(path)
        root = mapping(data)
        if "openapi" in root or "swagger" in root:
            yield from list(_operations(root, path, lines))[:_MOST]


def _operations(root: Mapping[str, Any], path: str, lines: Mapping[tuple[str | int, ...], int]) -> Iterator[Operation]:
    start = _start(root)
    for template, item in mapping(root.get("paths")).items():
        shared = sequence(mapping(item).get("parameters"))
        for method in _METHODS:
            operation = mapping(item).get(method)
            if not isinstance(operation, Mapping):
                continue
            parameters = [_resolved(root, one) for one in (*shared, *sequence(operation.get("parameters")))]
            at = At(path, lines.get(("paths", template, method), 0))
            yield Operation(method.upper(), start + template, _filled(root, start + template, parameters), at)


def _start(root: Mapping[str, Any]) -> str:
    """Return the path that stands before all others: of the first server, or Swagger's `basePath`."""
    server = mapping(next(iter(sequence(root.get("servers"))), None)).get("url") or root.get("basePath") or ""
    path = urlsplit(server).path if isinstance(server, str) and "{" not in server else ""
    return path.rstrip("/")


def _filled(root: Mapping[str, Any], template: str, parameters: list[Mapping[str, Any]]) -> str:
    """Return the path with examples in it, and with the query that it needs; empty where a value is missing."""
    query: dict[str, str] = {}
    for one in parameters:
        name, place, value = str(one.get("name")), one.get("in"), _example(root, one)
        if place == "path" and value:
            template = template.replace(f"{{{name}}}", quote(value, safe=""))
        elif place == "query" and value and (one.get("required") is True or "example" in one or "examples" in one):
            query[name] = value
        elif one.get("required") is True and not value:
            return ""
    return "" if "{" in template else template + (f"?{urlencode(query)}" if query else "")


def _example(root: Mapping[str, Any], parameter: Mapping[str, Any]) -> str:
    """Return a value that the file itself gives for a parameter."""
    schema = _resolved(root, parameter.get("schema"))
    several = parameter.get("examples")
    named = _resolved(root, next(iter(several.values()), None)).get("value") if isinstance(several, Mapping) else None
    listed = next(iter(sequence(schema.get("examples"))), None)
    candidates = (
        parameter.get("example"), named, schema.get("example"), listed, schema.get("default"), parameter.get("default"),
        next(iter(sequence(schema.get("enum")) or sequence(parameter.get("enum"))), None),
    )  # fmt: skip
    found = next((one for one in candidates if isinstance(one, str | int | float) and not isinstance(one, bool)), "")
    return str(found)[:200]


def _resolved(root: Mapping[str, Any], value: object) -> Mapping[str, Any]:
    """Return what a reference within the file stands for."""
    for _ in range(_DEEPEST):
        reference = mapping(value).get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        value = root
        for part in reference[2:].split("/"):
            value = mapping(value).get(part.replace("~1", "/").replace("~0", "~"))
    return mapping(value)
