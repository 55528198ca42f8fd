"""Source: what one Python file says of itself: what it imports, runs, opens and reads from the environment; nothing is run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.discover.facts import FRAMEWORK
from bmad_provisioner.kinds.performance.discover.files import Files, name
from bmad_provisioner.kinds.performance.discover.known import MODULES
from bmad_provisioner.kinds.performance.discover.syntax import called, dotted, first, keyword, number, text

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))")
_LIKELY = re.compile(
    r"@\s*[\w.]*\b(?:get|post|put|patch|delete|route|api_route)\s*\(|urlpatterns|\b(?:add_\w+|register_blueprint|include_router)\s*\("
    r"|\b(?:Route|Mount|Flask|FastAPI|Starlette|Bottle|Application|App|API|Blueprint|APIRouter|Router|run|run_app|HTTPServer|TCPServer"
    r"|ThreadingHTTPServer|make_server|serve)\s*\(|__main__|\benviron\b|\bgetenv\b|\b(?:Histogram|Counter|Gauge|Summary)\s*\("
    r"|django\.db\.backends|get_[aw]sgi_application|BaseHTTPRequestHandler"
)
"""What is worth being parsed: every pattern below starts with one of these."""
_OPENERS = frozenset(("run_app", "make_server", "HTTPServer", "ThreadingHTTPServer", "TCPServer", "ThreadingTCPServer"))
_OTHERS = frozenset(("subprocess", "asyncio", "trio", "anyio"))
_RUNNERS = frozenset(("uvicorn", "hypercorn", "waitress", "gevent", "werkzeug"))


@dataclass(frozen=True, slots=True)
class Registered:
    """A route as one line registers it: with whom (a variable), and whose handler it is."""

    owner: str
    method: str
    path: str
    handler: str
    line: int


@dataclass(frozen=True, slots=True)
class Mounted:
    """Routes of another owner under a prefix: `child` is a variable, or `module:variable`; with `instead` the prefix replaces
    the child's own."""

    owner: str
    child: str
    prefix: str
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """An application, or a part of one (no framework) with a prefix of its own; `factory` is the function it is made in."""

    name: str
    framework: str
    prefix: str
    line: int
    factory: str = ""


@dataclass(slots=True)
class Source:
    """What a file says: local names of what it imports (`module:name`), the modules with their lines, and the rest by line;
    `words` is how many arguments it takes from its command line."""

    path: str
    imports: dict[str, str] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    registered: list[Registered] = field(default_factory=list)
    mounted: list[Mounted] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    ports: list[tuple[int, int]] = field(default_factory=list)
    settings: list[tuple[str, int, bool]] = field(default_factory=list)
    engines: list[tuple[str, int]] = field(default_factory=list)
    counters: list[tuple[str, int]] = field(default_factory=list)
    runs: int = 0
    asks: bool = False
    words: int = 0

    @property
    def framework(self) -> str:
        """The framework that it imports first, if any."""
        return next((MODULES[name][1] for name in self.modules if MODULES.get(name, ("",))[0] == FRAMEWORK), "")


def source(files: Files, path: str) -> tuple[Source, list[ast.AST]]:
    """Return what a Python file says, and its nodes, outer ones first, where it may hold routes; of a broken file its imports."""
    content = files.text(path)
    told = Source(path)
    for line, words in enumerate(files.lines(path), 1):
        found = _IMPORT.match(words) if "import" in words else None
        for module in re.split(r"[,\s]+", found[1] or found[2]) if found else ():
            told.modules.setdefault(module.partition(".")[0], line)
    # What a package's face only passes on is registered under the name it has there.
    tree = files.tree(path) if _LIKELY.search(content) or name(path) == "__init__.py" else None
    nodes = list(ast.walk(tree)) if tree is not None else []
    for node in nodes:
        _tell(told, node)
    return told, nodes


def _tell(told: Source, node: ast.AST) -> None:
    match node:
        case ast.Import(names=names):
            told.imports.update({one.asname or one.name: one.name for one in names})
        case ast.ImportFrom(names=names):
            module = "." * node.level + (node.module or "")
            told.imports.update({one.asname or one.name: f"{module}:{one.name}" for one in names})
        case ast.Call():
            _called(told, node)
        case ast.Subscript(value=seen, slice=ast.Constant(value=key), ctx=ast.Load()):
            _subscribed(told, dotted(seen), key, node.lineno)
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            told.runs = told.runs or node.lineno
        case ast.Module(body=body):
            told.runs = next((one.lineno for one in body if _serves_at_once(told, one)), 0)
        case ast.Constant(value=str(value)) if value.startswith("django.db.backends."):
            told.engines.append((value.rpartition(".")[2], node.lineno))


def _serves_at_once(told: Source, node: ast.stmt) -> bool:
    """Return whether a statement at the top serves as soon as the file is run, without asking under which name."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and (called(call.func)[1] == "serve_forever" or _opens(told, call))


def _opens(told: Source, node: ast.Call) -> bool:
    """Return whether a call opens a port; `run` and `serve` are names of many things."""
    owner, verb = called(node.func)
    if verb not in ("run", "serve"):
        return verb in _OPENERS
    return bool(told.framework or told.modules.keys() & _RUNNERS) and owner not in _OTHERS


def _called(told: Source, node: ast.Call) -> None:
    owner, verb = called(node.func)
    given = first(node)
    if _opens(told, node):
        told.ports.append((_port(node), node.lineno))
    elif verb in ("getenv", "get") and owner in ("os", "os.environ", "environ") and given is not None:
        told.settings.append((given, node.lineno, False))
    elif verb in ("Histogram", "Counter", "Gauge", "Summary") and "prometheus_client" in told.modules:
        told.counters.append((verb, node.lineno))
    elif verb == "add_argument" and given is not None:
        told.asks = told.asks or _is_demanded(given, node)
        told.ports += [(number(keyword(node, "default")), node.lineno)] if given == "--port" else []
    elif (owner, verb) in (("click", "argument"), ("typer", "Argument"), ("", "input")) or verb == "add_subparsers":
        told.asks = True


def _is_demanded(given: str, node: ast.Call) -> bool:
    required = keyword(node, "required")
    if given.startswith("-"):
        return isinstance(required, ast.Constant) and required.value is True
    return text(keyword(node, "nargs")) not in ("?", "*")


def _port(node: ast.Call) -> int:
    """Return the port that a call opens: by its name, or in an address; 0 where it says none."""
    address = node.args[0].elts if node.args and isinstance(node.args[0], ast.Tuple) else []
    candidates = [keyword(node, "port"), *node.args[:2], *address]
    return next(filter(None, map(number, candidates)), 0)


def _subscribed(told: Source, seen: str, key: object, line: int) -> None:
    if seen in ("os.environ", "environ") and isinstance(key, str):
        told.settings.append((key, line, True))
    elif seen in ("sys.argv", "argv") and isinstance(key, int):
        told.words = max(told.words, key)
