"""Indexes: the statement that makes one, put where the table is made."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath

from bmad_provisioner.kinds.performance.remedies.source import Edit, Project, Source, name_of, tree
from bmad_provisioner.kinds.performance.roadmap import Item

_REMEDY = re.compile(r"CREATE INDEX IF NOT EXISTS (?P<name>\w+) ON (?P<table>\w+) \((?P<columns>\w+(?:, \w+)*)\)")
_LEAD = re.compile(r"(?:\s+|--[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_LITERAL = re.compile(r"[rRuU]?(?P<quote>\"\"\"|'''|\"|')(?P<body>[^\\]*)(?P=quote)", re.DOTALL)
_BREAK = re.compile(r"\r\n|\r|\n")
_MIGRATION_FOLDERS = frozenset(("migrations", "migrate", "alembic", "versions"))
_NUMBERED = re.compile(r"^[VURvur]?\d+[\w.-]*\.(sql|py)$")
_MIGRATION_MARKS = re.compile(r"--\s*(migrate:|\+goose|\+migrate|liquibase)|\balembic\b|django\.db import migrations")
_STEPS = 100_000
"""Steps of the database after which a statement is no plain `CREATE TABLE`."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    statement: str
    name: str
    table: str
    columns: tuple[str, ...]

    @property
    def named(self) -> re.Pattern[str]:
        """What may begin to make the table, also where a string is put together of parts."""
        return re.compile(rf"\bCREATE\s+TABLE[\s\"'`\[]+(IF\s+NOT\s+EXISTS[\s\"'`\[]+)?{self.table}\b", re.IGNORECASE)

    @property
    def made(self) -> re.Pattern[str]:
        """What begins to make the table."""
        return re.compile(rf"\bCREATE\s+TABLE\s+(?P<again>IF\s+NOT\s+EXISTS\s+)?[\"`\[]?{self.table}[\"`\]]?\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a table is made: the statement that does, and the text that makes its index, put in at an offset."""

    source: Source
    statement: str
    at: int
    text: str


def index(item: Item, project: Project) -> Edit | None:
    """Return the file that makes a table with the index that it lacks; nothing where that is not told beyond doubt."""
    found = _REMEDY.fullmatch(item.cause.remedy)
    if found is None:
        return None
    wanted = _Wanted(found[0], found["name"], found["table"], tuple(found["columns"].split(", ")))
    sources = list(project.sources(".sql", ".py"))
    if sum(len(wanted.named.findall(one.text)) for one in sources) != 1 or any(_speaks_against(one, wanted) for one in sources):
        return None
    places = [place for one in sources for place in _places(one, wanted)]
    if len(places) != 1 or not _works(places[0].statement, wanted.statement):
        return None
    return _edit(places[0], wanted)


def _edit(place: _Place, wanted: _Wanted) -> Edit:
    source = place.source.with_put(place.at, place.text)
    again = wanted.made.search(place.statement)
    old = "gets it at the next start" if again and again["again"] else f"needs it once by hand: `{wanted.statement}`"
    columns = ", ".join(f"`{one}`" for one in wanted.columns)
    told = f"`{wanted.table}` is made with an index on {columns}; a database that is there already {old}"
    return Edit(source, told, source.line(place.at + len(place.text) - len(place.text.lstrip())))


def _speaks_against(source: Source, wanted: _Wanted) -> bool:
    """Whether a file is a migration of the table, or makes such an index already."""
    text = source.text
    if not re.search(rf"\b{wanted.table}\b", text, re.IGNORECASE):
        return False
    path = PurePosixPath(source.path)
    if _MIGRATION_FOLDERS.intersection(path.parts[:-1]) or _NUMBERED.match(path.name) or _MIGRATION_MARKS.search(text):
        return True
    known = re.finditer(rf"\bINDEX\b[^;]*?\bON\s+[\"`\[]?{wanted.table}[\"`\]]?\s*\(([^)]*)\)", text, re.IGNORECASE)
    columns = [tuple(part.strip(' \t\r\n"`[]').lower() for part in one[1].split(",")) for one in known]
    same = any(one[: len(wanted.columns)] == tuple(map(str.lower, wanted.columns)) for one in columns)
    return same or re.search(rf"\bINDEX\b[^;]*\b{wanted.name}\b", text, re.IGNORECASE) is not None


def _works(statement: str, remedy: str) -> bool:
    """Whether the index can be made right after the table: tried in an empty database in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_progress_handler(lambda: 1, _STEPS)
        try:
            connection.execute(statement)
            connection.execute(remedy)
        except (sqlite3.Error, sqlite3.Warning):
            return False
    return True


def _places(source: Source, wanted: _Wanted) -> Iterator[_Place]:
    if not wanted.named.search(source.text):
        return
    if source.path.endswith(".sql"):
        yield from _within(source, wanted, 0, len(source.text), breaks=True)
        return
    module = tree(source)
    for node in ast.walk(module) if module else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "executescript":
            yield from _in_script(source, wanted, module, node)
        elif isinstance(node, ast.Expr):
            yield from _beside(source, wanted, node)


def _within(source: Source, wanted: _Wanted, start: int, end: int, *, breaks: bool) -> Iterator[_Place]:
    """Yield the place after the statement that makes the table, between two offsets; `breaks`: lines may be added there."""
    for begins, ends in _statements(source.text, start, end):
        statement = source.text[begins:ends]
        if not wanted.made.match(statement):
            continue
        stop = _BREAK.search(source.text, ends, end)
        rest = source.text[ends : stop.start() if stop else end]
        if (stop or breaks) and (not rest.strip() or rest.lstrip().startswith("--")):
            line = source.bounds(begins)[0]
            before = source.text[max(line, start) : begins]
            indent = before if not before.strip() else ""
            yield _Place(source, statement, ends + len(rest), f"{source.newline}{indent}{wanted.statement};")
        else:
            yield _Place(source, statement, ends, f" {wanted.statement};")


def _statements(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where each statement begins and ends, its semicolon with it; comments before it are none of it."""
    at = text.find(";", start, end)
    while at >= 0:
        if sqlite3.complete_statement(text[start : at + 1]):
            lead = _LEAD.match(text, start, end)
            yield lead.end() if lead else start, at + 1
            start = at + 1
        at = text.find(";", at + 1, end)


def _in_script(source: Source, wanted: _Wanted, module: ast.Module | None, call: ast.Call) -> Iterator[_Place]:
    if module is None or len(call.args) != 1 or call.keywords:
        return
    given = call.args[0]
    literal = _named(module, given.id) if isinstance(given, ast.Name) else given
    if not (isinstance(literal, ast.Constant) and isinstance(literal.value, str)):
        return
    start, end = source.span(literal)
    found = _LITERAL.fullmatch(source.text[start:end])
    if found and _BREAK.sub("\n", found["body"]) == literal.value:
        yield from _within(source, wanted, start + found.start("body"), start + found.end("body"), breaks=len(found["quote"]) == 3)


def _named(module: ast.Module, name: str) -> ast.expr | None:
    """Return what a name of a module stands for, where it is given once, at the top, and only to `executescript`."""
    given = [one for one in ast.walk(module) if isinstance(one, ast.Name) and one.id == name]
    stored = [one for one in given if not isinstance(one.ctx, ast.Load)]
    scripts = [one for one in ast.walk(module) if isinstance(one, ast.Call) and name_of(one.func).endswith(".executescript")]
    used = [one for call in scripts for one in call.args if isinstance(one, ast.Name) and one.id == name]
    if len(stored) != 1 or len(given) != len(used) + 1:
        return None
    values = (one.value for one in module.body if isinstance(one, ast.Assign) and one.targets == stored)
    annotated = (one.value for one in module.body if isinstance(one, ast.AnnAssign) and one.target is stored[0])
    return next((value for value in (*values, *annotated) if value is not None), None)


def _beside(source: Source, wanted: _Wanted, line: ast.Expr) -> Iterator[_Place]:
    """Yield the place after `X.execute("CREATE TABLE ...")`, for another such line."""
    awaits = isinstance(line.value, ast.Await)
    call = line.value.value if isinstance(line.value, ast.Await) else line.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "execute"):
        return
    who = name_of(call.func.value)
    if not who or len(call.args) != 1 or call.keywords or not source.stands_alone(line):
        return
    given = call.args[0]
    if not (isinstance(given, ast.Constant) and isinstance(given.value, str)):
        return
    start, end = source.span(given)
    statement = given.value.strip().removesuffix(";")
    if "\\" in source.text[start:end] or not wanted.made.match(statement) or ";" in statement:
        return
    quote = "'" if source.text[start:end].lstrip("rRuU").startswith("'") else '"'
    begins, ends = source.span(line)
    text = f"{source.newline}{source.indent(begins)}{'await ' if awaits else ''}{who}.execute({quote}{wanted.statement}{quote})"
    yield _Place(source, statement, source.bounds(ends)[1], text)
