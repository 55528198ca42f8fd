"""Modern syntax: what old Pythons needed, written as the oldest one asked for allows, where both surely mean the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from keyword import iskeyword

from bmad_provisioner.kinds.code.module import Hit, Module, own
from bmad_provisioner.kinds.code.passes import typing_names
from bmad_provisioner.kinds.code.passes.imports import without
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched

_PAST = {"nested_scopes", "generators", "with_statement", "print_function", "unicode_literals", "absolute_import", "division"}
_SIX = {"text_type": "str", "binary_type": "bytes", "string_types": "str", "integer_types": "int", "class_types": "type"}
_SEVERAL = {"string_types", "integer_types", "class_types"}
"""Names of `six` that are tuples: equal to the one type as what `isinstance` asks for, and only there."""
_FIELDS = re.compile(r"[^{}\\]*(?:\{\}[^{}\\]*)+")
_ONE_LITERAL = re.compile(r"u(?:(\"\"\"|''\')(?:(?!\1)[^\\]|\\.)*\1|(\"|')(?:(?!\2)[^\\\n\r]|\\.)*\2)", re.DOTALL)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PLAIN_QUOTES = re.compile(r"(\"|')[^\"'\n\r]*\1")


def find(module: Module) -> Iterator[Hit]:
    """Yield all that can be written in a newer way."""
    yield from _future(module)
    yield from typing_names.find(module)
    for needles, look in _RULES:
        for chain in module.near(*needles):
            yield from look(module, chain)


def _future(module: Module) -> Iterator[Hit]:
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            past = [alias for alias in node.names if alias.name in _PAST]
            yield from without(module, node, past, "Python 3 always has that") if past else ()


def _super(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield `super(Class, self)` directly in a method of that very class."""
    nodes = list(own(chain[-1]))
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="super"), args=[ast.Name(id=cls), ast.Name(id=me)], keywords=[]):
                certain = _is_method(chain, cls, me) and not any(isinstance(node, _SCOPES) for node in nodes)
                if certain and "#" not in module.segment(node) and module.plain("super"):
                    yield module.exact(chain[-1], node, "super()", "`super` knows its class and object")


def _is_method(chain: list[ast.AST], cls: str, me: str) -> bool:
    """Whether a statement stands in the body of a method of the class, with that name for its object."""
    match [node for node in chain if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)][-2:]:
        case [ast.ClassDef(name=name, decorator_list=[]), (ast.FunctionDef() | ast.AsyncFunctionDef()) as method]:
            first = [*method.args.posonlyargs, *method.args.args][:1]
            return name == cls and bool(first) and first[0].arg == me and method is not chain[-1]
    return False


def _literals(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield `set([...])`, `set(... for ...)`, `dict([(k, v) for ...])`."""
    for node in own(chain[-1]):
        match node:
            case ast.Call(func=ast.Name(id="set"), args=[ast.List(elts=[_, *_]) | ast.ListComp() as inner], keywords=[]):
                body = _between(module, node, inner)
                text = f"{{{body[1:-1]}}}" if body.startswith("[") else ""
            case ast.Call(func=ast.Name(id="dict"), args=[ast.ListComp(elt=ast.Tuple(elts=[key, value])) as inner], keywords=[]):
                body = _between(module, node, inner)
                pair = module.segment(inner.elt)
                starred = isinstance(key, ast.Starred) or isinstance(value, ast.Starred)
                simple = pair.startswith("(") and "\n" not in pair and not starred and body.startswith(f"[{pair}")
                rest = body[1 + len(pair) : -1]
                text = (
                    f"{{{module.segment(key)}: {module.segment(value)}{rest}}}"
                    if simple and _bare(module, pair, key, value)
                    else ""
                )
            case _:
                continue
        if text and module.plain("set", "dict"):
            yield module.exact(chain[-1], node, text, "a literal says it")


def _bare(module: Module, pair: str, key: ast.expr, value: ast.expr) -> bool:
    """Whether a pair is spelled without parentheses or commas that its two parts do not show."""
    return pair.replace(" ", "") == f"({module.segment(key)},{module.segment(value)})".replace(" ", "")


def _between(module: Module, call: ast.Call, argument: ast.expr) -> str:
    """Return the text of the only argument of a call; empty where there is more than it between the parentheses."""
    text = module.segment(argument)
    inside = module.text[module.end(call.func) : module.end(call)]
    return text if inside == f"({text})" and "#" not in text else ""


def _format(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield `"... {}".format(a, b.c)` on one line."""
    for node in own(chain[-1]):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()) as literal, attr="format"), args=args, keywords=[]):
                text, words = module.segment(literal), [_path(argument) for argument in args]
            case _:
                continue
        whole = _PLAIN_QUOTES.fullmatch(text) and _FIELDS.fullmatch(text[1:-1])
        same_line = node.lineno == node.end_lineno
        if whole and same_line and all(words) and text.count("{}") == len(words) and literal.kind is None:
            parts = text.split("{}")
            fields = "".join(f"{{{word}}}{part}" for word, part in zip(words, parts[1:], strict=True))
            yield module.exact(chain[-1], node, f"f{parts[0]}{fields}", "an f-string says it")


def _path(node: ast.expr) -> str:
    """Return a name or a name's attributes as text; empty for all that may do something."""
    match node:
        case ast.Name(id=name) if not iskeyword(name):
            return name
        case ast.Attribute(value=value, attr=name) if home := _path(value):
            return f"{home}.{name}"
    return ""


def _errors(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield the old names of `OSError`, but in tuples, where it may stand beside them."""
    several = {id(name) for node in own(chain[-1]) if isinstance(node, ast.Tuple) for name in node.elts}
    for node in own(chain[-1]):
        old = isinstance(node, ast.Name) and node.id in ("IOError", "EnvironmentError") and isinstance(node.ctx, ast.Load)
        if old and id(node) not in several and module.plain("IOError", "EnvironmentError", "OSError"):
            yield module.exact(chain[-1], node, "OSError", "it is another name of `OSError`")  # type: ignore[arg-type]


def _open(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield the mode that `open` has anyway."""
    for node in own(chain[-1]):
        match node:
            case ast.Call(func=ast.Name(id="open"), args=[path, ast.Constant(value="r" | "rt" | "tr") as mode]):
                gap = module.text[module.end(path) : module.start(mode)]
                if gap.replace(" ", "") == "," and not isinstance(path, ast.Starred) and module.plain("open"):
                    yield Hit(module.end(path), module.end(mode), "", "`open` reads text anyway", (chain[-1],), settled=True)


def _object(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield `(object)` behind the name of a class."""
    node = chain[-1]
    match node:
        case ast.ClassDef(bases=[ast.Name(id="object") as parent], keywords=[]):
            head = module.text[module.start(node) : module.end(parent)]
            opened = re.fullmatch(r"class[ \t]+\w+(\(object)", head)
            if opened and module.text.startswith("):", module.end(parent)) and module.plain("object"):
                start = module.start(node) + opened.start(1)
                yield Hit(start, module.end(parent) + 1, "", "every class is an `object`", (node,), settled=True)


def _unicode(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield the `u` before a string that is one literal."""
    for node in own(chain[-1]):
        if isinstance(node, ast.Constant) and node.kind == "u":
            text = module.segment(node)
            if _ONE_LITERAL.fullmatch(text):
                yield module.exact(chain[-1], node, text[1:], "every string is Unicode")


def _six(module: Module, chain: list[ast.AST]) -> Iterator[Hit]:
    """Yield the types that `six` has names for."""
    asked = {
        id(node.args[1])
        for node in own(chain[-1])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2
    }
    imported = any(
        isinstance(node, ast.Import) and any(a.name == "six" and not a.asname for a in node.names) for node in module.tree.body
    )
    for node in own(chain[-1]) if imported else ():
        match node:
            case ast.Attribute(value=ast.Name(id="six"), attr=name) if name in _SIX and (name not in _SEVERAL or id(node) in asked):
                if module.plain(_SIX[name]):
                    yield module.hit(node, _SIX[name], "Python 3 has one name for it")


Look = Callable[[Module, list[ast.AST]], Iterator[Hit]]
_RULES: tuple[tuple[tuple[str, ...], Look], ...] = (
    (("super(",), _super),
    (("set([", "dict(["), _literals),
    ((".format(",), _format),
    (("IOError", "EnvironmentError"), _errors),
    (("open(",), _open),
    (("(object):",), _object),
    (('u"', "u'"), _unicode),
    (("six.",), _six),
)

MODERN_SYNTAX = Pass(
    "modern-syntax",
    "1",
    (
        b"super(",
        b"set([",
        b"dict([",
        b".format(",
        b"IOError",
        b"EnvironmentError",
        b"open(",
        b"(object)",
        b"six",
        b"__future__",
        b"typing",
        b'u"',
        b"u'",
    ),
    find,
    steady=True,
    examples=(
        Example("from __future__ import annotations, division\n", "from __future__ import annotations\n"),
        Example(
            "class A(B):\n    def f(self, x):\n        super(A, self).f(x)\n",
            "class A(B):\n    def f(self, x):\n        super().f(x)\n",
        ),
        Example("a = set([1, 2])\nb = dict([(k, f(v)) for k, v in c])\n", "a = {1, 2}\nb = {k: f(v) for k, v in c}\n"),
        Example("print('{} is {}'.format(a, b.c))\n", "print(f'{a} is {b.c}')\n"),
        Example("try:\n    open(p, 'r')\nexcept IOError:\n    pass\n", "try:\n    open(p)\nexcept OSError:\n    pass\n"),
        Example("class A(object):\n    x = u'ä'\n", "class A:\n    x = 'ä'\n"),
        Example("import six\nisinstance(x, six.string_types)\n", "import six\nisinstance(x, str)\n"),
        Example(
            "from typing import Dict, List, Optional\n\ndef f(a: Optional[int], b: Dict[str, List[int]] = {}):\n    pass\n",
            "from typing import Dict, List, Optional\n\ndef f(a: int | None, b: dict[str, list[int]] = {}):\n    pass\n",
        ),
        untouched("from typing import Optional\n\nx: Optional[int] = 1\n", "3.9 has no `|` for types", python="3.9"),
        untouched("from typing import Optional\n\nx: Optional['A'] = 1\n", "a string has no `|`"),
        untouched(
            "from typing import Optional\nfrom a import b\n\nx: Optional[b] = 1\n", "nobody knows what `b` is when this runs"
        ),
        untouched(
            "from typing import List\n\nclass A:\n    def list(self): ...\n    x: List[int]\n", "`list` means something else here"
        ),
        untouched("class A(B):\n    def f(self):\n        return [super(A, self).g for _ in x]\n", "a comprehension has no `self`"),
        untouched(
            "@dataclass(slots=True)\nclass A(B):\n    def f(self):\n        super(A, self).f()\n",
            "the decorator may make another class",
        ),
        untouched("'{}'.format(f())\n'{:>3}'.format(a)\n'{0} {0}'.format(a)\n'{{}} {}'.format(a)\n", "not simple enough"),
        untouched("'%s' % x\n", "`x` may be a tuple"),
        untouched("from a import *\n\nx = set([1])\n", "the star may bind `set`"),
        untouched("isinstance(x, (IOError, OSError))\n", "the other name stands there already"),
    ),
)
