"""Registering: the lines of a Python file that register routes, as its web framework has it, taken from its syntax."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.discover.facts import ANY
from bmad_provisioner.kinds.performance.discover.source import Made, Mounted, Registered, Source
from bmad_provisioner.kinds.performance.discover.syntax import (
    VERBS,
    called,
    dotted,
    first,
    handler,
    keyword,
    methods,
    summands,
    text,
)

PATTERNS = "urlpatterns"
_APPS = {
    "Flask": "Flask", "FastAPI": "FastAPI", "Starlette": "Starlette", "Bottle": "Bottle", "Quart": "Quart", "Sanic": "Sanic",
    "default_app": "Bottle",
    "get_wsgi_application": "Django", "get_asgi_application": "Django",
}  # fmt: skip
_OWN_APPS = {"Application": "aiohttp", "App": "Falcon", "API": "Falcon"}
"""Makers whose name says little: they count in files that import their framework."""
_PARTS = frozenset(("Blueprint", "APIRouter", "RouteTableDef", "DefaultRouter", "SimpleRouter", "Router"))
_INCLUDES = frozenset(("register_blueprint", "include_router", "add_subapp", "mount"))
_PATH = re.compile(r"/[\w./-]{0,100}")
_ROUTED = frozenset(("starlette", "fastapi"))
_ENTRIES = frozenset(("path", "re_path", "url"))


def register(told: Source, nodes: Sequence[ast.AST]) -> None:
    """Add to what a file says the routes it registers, and what it makes and mounts; its nodes come outer ones first."""
    functions, moved, lists = _Functions(nodes[:1]), _moved(nodes), _lists(nodes)
    if not told.framework and "BaseHTTPRequestHandler" in told.imports:
        told.registered += _compared(nodes)
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                _decorated(told, node)
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                _assigned(told, dotted(target), value, functions.at(value.lineno))
            case ast.Call():
                _called(told, node, moved.get(id(node), ""), lists.get(id(node), ""))


class _Functions:
    """The functions that stand right in a module or a class, by the lines that they take."""

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        inner = (one for node in nodes if isinstance(node, ast.Module | ast.ClassDef) for one in node.body)
        some = (one for one in inner if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
        self._spans = [(one.lineno, one.end_lineno or one.lineno, one.name) for one in some]

    def at(self, line: int) -> str:
        """Return the function that a line is in; empty outside."""
        return next((name for start, end, name in self._spans if start <= line <= end), "")


def _compared(nodes: Sequence[ast.AST]) -> Iterator[Registered]:
    """Yield the paths that a server of Python's own compares what it is asked for with, or looks it up by."""
    functions = _Functions(nodes)
    for node in nodes:
        match node:
            case ast.Compare(ops=[ast.Eq() | ast.In()], comparators=[compared]):
                spoken = [compared, *getattr(compared, "elts", ())]
            case ast.Dict(keys=keys):
                spoken = [key for key in keys if key]
            case ast.match_case(pattern=ast.MatchValue(value=value)):
                spoken = [value]
            case _:
                continue
        for one in spoken:
            path = text(one)
            if path and _PATH.fullmatch(path):
                name = functions.at(one.lineno)
                yield Registered("", "POST" if name == "do_POST" else "GET", path, name, one.lineno)


def _moved(nodes: Sequence[ast.AST]) -> dict[int, str]:
    """Return the prefix of every call that stands inside Starlette's `Mount`s."""
    prefixes: dict[int, str] = {}
    for node in nodes:
        if isinstance(node, ast.Call) and called(node.func)[1] == "Mount" and first(node) is not None:
            inner = (one for one in ast.walk(node) if isinstance(one, ast.Call) and one is not node)
            prefixes |= {id(one): prefixes.get(id(one), "") + (first(node) or "") for one in inner}
    return prefixes


def _lists(nodes: Sequence[ast.AST]) -> dict[int, str]:
    """Return the variable whose list a call is in: routes of Starlette, patterns of Django."""
    owners: dict[int, str] = {}
    for node in nodes:
        match node:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
            ):
                parts = (value.left, value.right) if isinstance(value, ast.BinOp) else (value,)
                listed = (one for part in parts for one in getattr(part, "elts", ()) if isinstance(one, ast.Call))
                owners |= {id(one): dotted(target) for one in listed}
    return owners


def _decorated(told: Source, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        owner, verb = called(decorator.func)
        path = first(decorator) if decorator.args else text(keyword(decorator, "path"))
        if path is None or not (path.startswith("/") or not path):
            continue
        verbs = [VERBS[verb]] if verb in VERBS else methods(decorator) if verb in ("route", "api_route", "view") else []
        told.registered += (Registered(owner, method, path, node.name, node.lineno) for method in verbs)


def _assigned(told: Source, name: str, value: ast.expr, factory: str) -> None:
    if name == PATTERNS:
        told.mounted += (Mounted(name, child.removesuffix(".urls"), "") for child in summands(value) if child.endswith(".urls"))
    if not name or not isinstance(value, ast.Call):
        return
    maker = called(value.func)[1]
    framework = _APPS.get(maker) or (_OWN_APPS.get(maker, "") if told.framework == _OWN_APPS.get(maker) else "")
    if framework:
        told.made.append(Made(name, framework, "", value.lineno, factory))
        told.mounted += (Mounted(name, child, "") for child in summands(keyword(value, "routes")))
    elif maker in _PARTS:
        prefix = text(keyword(value, "url_prefix")) or text(keyword(value, "prefix")) or ""
        told.made.append(Made(name, "", prefix, value.lineno))


def _called(told: Source, node: ast.Call, prefix: str, owner_of_list: str) -> None:
    owner, verb = called(node.func)
    path, target = first(node), node.args[1] if len(node.args) > 1 else None
    if verb in _INCLUDES:
        told.mounted += _included(owner, verb, node)
    elif path is None:
        return
    elif verb in _ENTRIES and owner_of_list and target is not None:
        _entry(told, owner_of_list, verb, path, target)
    elif verb in ("Route", "APIRoute") and told.modules.keys() & _ROUTED:
        endpoint = target or keyword(node, "endpoint")
        name = handler(endpoint) if endpoint is not None else ""
        told.registered += (Registered(owner_of_list, one, prefix + path, name, node.lineno) for one in methods(node))
    elif verb == "Mount":
        routes = keyword(node, "routes") or target or keyword(node, "app")
        told.mounted += (Mounted(owner_of_list, child, prefix + path) for child in summands(routes))
    elif verb == "register" and told.framework == "Django REST framework" and target is not None:
        told.registered += (Registered(owner, "GET", path + end, handler(target), node.lineno) for end in ("/", "/{pk}/"))
    elif owner == "web" and verb in VERBS and target is not None:
        told.registered.append(Registered("", VERBS[verb], path, handler(target), node.lineno))
    else:
        told.registered += _added(told, owner, verb, node)


def _entry(told: Source, owner: str, verb: str, path: str, view: ast.expr) -> None:
    """Take up one entry of Django's patterns; a leading `^` says that it is a regular expression."""
    path = path if verb == "path" else f"^{path.removeprefix('^')}"
    if isinstance(view, ast.Call) and called(view.func)[1] == "include":
        inner = view.args[0] if view.args else None
        inner = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
        module = text(inner)
        child = f"{module}:{PATTERNS}" if module else dotted(inner).removesuffix(".urls")
        told.mounted.append(Mounted(owner, child, path))
    elif not dotted(view).endswith("site.urls"):
        told.registered.append(Registered(owner, ANY, path, handler(view), view.lineno))


def _included(owner: str, verb: str, node: ast.Call) -> Iterator[Mounted]:
    """Yield what a Blueprint, a router or an application is mounted under."""
    child = next(filter(None, map(dotted, (*node.args, keyword(node, "app")))), "")
    if verb in ("add_subapp", "mount"):
        given = first(node)
    else:
        given = text(keyword(node, "url_prefix" if verb == "register_blueprint" else "prefix"))
    if child:
        yield Mounted(owner, child, given or "", verb == "register_blueprint" and given is not None)


def _added(told: Source, owner: str, verb: str, node: ast.Call) -> Iterator[Registered]:
    """Yield routes of `add_get`, `add_route`, `add_url_rule` and `add_api_route`."""
    path = first(node) or ""
    given = [one for one in (*node.args[1:], keyword(node, "view_func")) if one is not None and text(one) is None]
    name = handler(given[0]) if given else ""
    kind = verb.removeprefix("add_")
    if kind == verb or not given:
        return
    if kind in VERBS:
        yield Registered("", VERBS[kind], path, name, node.lineno)
    elif kind == "route" and (path == "*" or path.lower() in VERBS):
        yield Registered("", ANY if path == "*" else path, text(node.args[1]) or "", name, node.lineno)
    elif kind in ("url_rule", "route", "api_route"):
        verbs = [ANY] if told.framework == "Falcon" else methods(node)
        yield from (Registered(owner, method, path, name, node.lineno) for method in verbs)
