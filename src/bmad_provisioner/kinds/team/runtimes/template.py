"""Template: the runtime `template`, which answers from a tree of files without asking any model.

A tree is a folder that ships under `templates/` (`template: fullstack/backend-developer`) or a mapping path -> text
(`files`). Each file of it is one artefact at the same path:

- `NAME.j2` is a Jinja2 template and makes `NAME`; any other file is copied as it is;
- a path with `[entity]` in it is rendered once for each entity, which it sees as `entity`; its slug stands in the path;
- a name that begins with one underscore (`_words.j2`) is only there to be included by others;
- a template that renders to nothing makes no file.

Templates see `application` (what is recognised in the requirements; the model of it comes from an input that ends in
`application.json`, where there is one), `requirements` (each with `path`, `text` and `group`), `groups` (name, requirements),
`inputs` (path -> text), `team`, and `section(text, heading)`. They may come from a project, so they run in a sandbox; and every
value is a stranger's, so it enters through the filter of its place: `py`, `json`, `sql`, `html`, `md`, `line`.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bmad_provisioner.digest import Plain, digest, fingerprint
from bmad_provisioner.engine.task import Resources
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.edition import EDITION
from bmad_provisioner.kinds.team.runtime import Answer, Ask
from bmad_provisioner.kinds.team.runtimes.bytecode import bytecode_folder

if TYPE_CHECKING:
    from jinja2 import Environment

    from bmad_provisioner.kinds.team.application import Application

# What understands requirements and what renders is imported when there is something to render: most runs only look
# which version answers.
# ruff: noqa: PLC0415

SHIPPED = Path(__file__).parent.parent / "templates"
MODEL = "application.json"
_EDITION = 1
"""Raise it whenever the same tree and context would give other files."""
_EACH = "[entity]"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*)*")
_TROUBLES = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What a template's own expressions may raise, besides what Jinja2 does."""


class Template:
    """Answers with the files of a template tree."""

    name = "template"
    floor = Resources()
    pure = True

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with `template` and `files`: exactly one is needed, and it has to be there."""
        named, files = options.get("template"), options.get("files")
        if (named is None) == (files is None):
            return ("say either `template`, the name of a shipped tree, or `files`, a mapping path -> text",)
        if files is not None:
            return _faults(files)
        if not isinstance(named, str) or not _NAME.fullmatch(named) or not (SHIPPED / named).is_dir():
            return (f"`{str(named)[:80]}` is no shipped template: there are {', '.join(map('`{}`'.format, shipped()))}",)
        return ()

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return the digest of the tree, so that an edited template makes its agents run again."""
        if self.check(options):
            return "absent"
        tree = {path: digest(data) for path, data in _tree(options).items()}
        return f"template {_EDITION}.{EDITION} {fingerprint(cast('Plain', tree))[:16]}"

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return its own name: it asks nobody."""
        return self.name

    def ask(self, ask: Ask) -> Answer:
        """Return the rendered tree; raises TaskError naming the template and line that could not be."""
        for fault in self.check(ask.options):
            raise TaskError(f"agent `{ask.agent}`: {fault}")
        from bmad_provisioner.kinds.team.application import model

        variables = _variables(ask.options.get("context"))
        name = str(ask.options.get("template") or "files")
        files = render(name, _tree(ask.options), variables)
        return Answer(text=f"made {len(files)} files from `{name}`", files=files, data=model(variables["application"]))


RUNTIME = Template()


def shipped() -> tuple[str, ...]:
    """Return the names of the trees that ship: `fullstack/backend-developer`."""
    return tuple(
        f"{team.name}/{agent.name}"
        for team in sorted(SHIPPED.iterdir())
        if team.is_dir()
        for agent in sorted(team.iterdir())
        if agent.is_dir()
    )


def _faults(files: Plain) -> tuple[str, ...]:
    if not isinstance(files, Mapping) or not files:
        return ("`files` is a mapping path -> text",)
    return tuple(
        f"`{str(path)[:80]}` is no path of a text inside a folder"
        for path, text in files.items()
        if not isinstance(path, str) or not isinstance(text, str) or not _inside(path)
    )


def _inside(path: str) -> bool:
    return bool(path) and path.isprintable() and "\\" not in path and all(part not in {"", ".", ".."} for part in path.split("/"))


def _tree(options: Mapping[str, Plain]) -> Mapping[str, bytes]:
    files = options.get("files")
    if isinstance(files, Mapping):
        return {path: str(text).encode("utf-8", "replace") for path, text in files.items()}
    root = SHIPPED / str(options["template"])
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _variables(context: Plain) -> dict[str, Any]:
    """Return what templates see from the plain `context` that the team hands over."""
    from bmad_provisioner.kinds.team.application import model, with_model
    from bmad_provisioner.kinds.team.recognise import recognise

    context = context if isinstance(context, Mapping) else {}
    items = [(str(pair[0]), str(pair[1])) for pair in cast("Sequence[Sequence[Plain]]", context.get("requirements") or ())]
    inputs = {path: str(text) for path, text in cast("Mapping[str, Plain]", context.get("inputs") or {}).items()}
    application = recognise(items)
    for path, text in inputs.items():
        if path.rpartition("/")[2] == MODEL:
            application = with_model(application, text, path)
    requirements = [{"path": path, "text": text, "group": path.partition(".")[0]} for path, text in items]
    by_group = groupby(sorted(requirements, key=lambda item: item["group"]), key=lambda item: item["group"])
    return {
        "application": application,
        "requirements": requirements,
        "groups": [(group, list(members)) for group, members in by_group],
        "inputs": inputs,
        "team": str(context.get("team") or ""),
        "section": section,
        "model": model(application),
    }


def render(name: str, tree: Mapping[str, bytes], variables: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files that a tree makes, sorted by path; raises TaskError."""
    environment = _environment(name, {path: data.decode("utf-8", "replace") for path, data in tree.items()})
    made: dict[str, bytes] = {}
    for source, path, extra in _targets(tree, variables["application"]):
        data = tree[source]
        if source.endswith(".j2"):
            data = _rendered(environment, source, name, {**variables, **extra})
        if not data.strip() and source.endswith(".j2"):
            continue
        if path in made or not _inside(path):
            raise TaskError(f"template `{name}/{source}` makes `{path}`, which is {'made twice' if path in made else 'no path'}")
        made[path] = data
    return dict(sorted(made.items()))


def _targets(tree: Mapping[str, bytes], application: Application) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for source in sorted(tree):
        base = source.rpartition("/")[2]
        path = source.removesuffix(".j2")
        if base.startswith("_") and not base.startswith("__"):
            continue
        if _EACH not in path:
            yield source, path, {}
            continue
        for entity in application.entities:
            yield source, path.replace(_EACH, entity.slug), {"entity": entity}


def _environment(name: str, sources: Mapping[str, str]) -> Environment:
    """Return a sandbox that knows one tree, strict about what is missing, and deaf to markup in values."""
    from jinja2 import FileSystemBytecodeCache, FunctionLoader, StrictUndefined
    from jinja2 import __version__ as edition
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def load(source: str) -> tuple[str, str, Any] | None:
        return (sources[source], f"{name}/{source}", lambda: True) if source in sources else None

    folder = bytecode_folder()
    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(load),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=FileSystemBytecodeCache(str(folder), f"{edition}-{_EDITION}-%s") if folder else None,
    )
    environment.filters.update({"py": python, "json": as_json, "sql": sql, "html": html.escape, "md": markdown, "line": line})
    return environment


def _rendered(environment: Environment, source: str, name: str, variables: Mapping[str, Any]) -> bytes:
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        text = environment.get_template(source).render(variables)
        return (text.rstrip() + "\n").encode() if text.strip() else b""
    except TemplateSyntaxError as error:
        raise TaskError(f"template `{name}/{error.name or source}`, line {error.lineno}: {error.message}") from error
    except (TemplateError, *_TROUBLES) as error:
        raise TaskError(f"template {_place(f'{name}/', source)}: {str(error) or type(error).__name__}") from error


def _place(prefix: str, source: str) -> str:
    """Return the template and line where the error in flight was raised: Jinja2 writes them into the traceback."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if frame.filename.startswith(prefix)]
    return f"`{frames[-1].filename}`, line {frames[-1].lineno}" if frames else f"`{prefix}{source}`"


# --- filters: a stranger's value in its place -------------------------------------------------------------------------


def _seen(text: str) -> str:
    """Return JSON or Python text with what no reader sees (controls, marks that turn the writing around) spelled out."""
    return "".join(c if c.isprintable() or c == " " else c.encode("ascii", "backslashreplace").decode() for c in text)


def python(value: Any) -> str:
    """Return a Python literal, as a formatter would spell it."""
    if isinstance(value, str):
        return _seen(json.dumps(value, ensure_ascii=False)).replace("\x7f", "\\x7f")
    if isinstance(value, Sequence):
        inside = ", ".join(python(item) for item in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)


def as_json(value: Any, indent: int | None = None) -> str:
    """Return JSON, which is also a YAML scalar; a character that no reader sees is spelled out."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    hidden = any(not c.isprintable() and c != "\n" for c in text)
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f") if hidden else text


def sql(value: str) -> str:
    """Return an SQL string literal."""
    return "'" + line(value).replace("'", "''") + "'"


def line(value: object) -> str:
    """Return text on one line, without what no reader sees: for comments."""
    from bmad_provisioner.kinds.team.application import seen

    return seen(str(value))


def markdown(value: object) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", html.escape(line(value), quote=False))


@cache
def _heading(level: int) -> re.Pattern[str]:
    return re.compile(rf"^#{{1,{level}}} .*$", re.MULTILINE)


def section(text: str, heading: str) -> str:
    """Return what stands under `## heading` in a Markdown text up to the next of its level; nothing if it is not there."""
    start = re.search(rf"^## {re.escape(heading)}\s*$", text, re.MULTILINE)
    if start is None:
        return ""
    end = _heading(2).search(text, start.end())
    return text[start.end() : end.start() if end else len(text)].strip()
