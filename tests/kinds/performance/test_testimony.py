"""Testimony: a witness in a process tells what it asks, waits for and holds, with the lines of the project behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from bmad_provisioner.kinds.performance import testimony
from bmad_provisioner.kinds.performance.testimony import Line, Seen, shape, waits
from bmad_provisioner.kinds.performance.testimony import Testimony as Told

_ASYNC = """
import asyncio, aiosqlite

async def names(count):
    async with aiosqlite.connect("shop.db") as connection:
        for number in range(count):
            await connection.execute_fetchall("SELECT ?", (number,))

asyncio.run(names(12))
"""
_ORM = """
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase): pass

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    customer: Mapped[Customer] = relationship()

engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Order(customer=Customer()) for _ in range(12)])
    session.commit()
    for order in session.scalars(select(Order)).all():
        order.customer.id
        name = order.customer
    session.expire_all()
"""
_DRIVER = """
import psycopg

def ask(cursor):
    for _ in range(12):
        try:
            psycopg.Cursor.execute(cursor, "SELECT name FROM customers WHERE id = %s", (1,))
        except Exception:
            pass

ask(object.__new__(psycopg.Cursor))
"""
_FORKED = """
import os, time
child = os.fork()
time.sleep(0.15)
if child:
    os.waitpid(child, 0)
"""
_WAITING = """
import threading, time

def inner():
    for _ in range(3):
        time.sleep(0.06)

thread = threading.Thread(target=inner)
thread.start()
thread.join()
"""
_WRAPPED = """
import asyncio

class View:
    def __await__(self):
        return self.get().__await__()

    async def get(self):
        async for _ in self.each():
            pass

    async def each(self):
        await asyncio.sleep(0.15)
        yield 1

async def serve():
    await View()

asyncio.run(serve())
"""


def _told(folder: Path, text: str) -> tuple[Told, Path]:
    home, told = folder / "lib" / "python-shop", folder / "told"
    home.mkdir(parents=True)
    told.mkdir()
    (home / "shop.py").write_text(textwrap.dedent(text), "utf-8")
    more = testimony.environment(told, home)
    subprocess.run([sys.executable, "shop.py"], cwd=home, env={**os.environ, **more}, check=True, timeout=60)
    return testimony.read(told), told


@pytest.mark.parametrize(
    ("text", "statement", "line", "function"),
    [
        (_ASYNC, "SELECT ?", 7, "names"),
        (_DRIVER, "SELECT name FROM customers WHERE id = ?", 7, "ask"),
    ],
    ids=["another thread does it for a task", "a driver of another database"],
)
def test_a_statement_is_told_with_the_line_of_the_project_behind_it(
    tmp_path: Path, text: str, statement: str, line: int, function: str
) -> None:
    told, _ = _told(tmp_path, text)
    behind = Counter(one.line for one in told.heard if one.what == "sql" and shape(one.about) == statement)
    assert behind == {Line("shop.py", line, function): 12}


def test_an_orm_asks_for_the_line_that_touches_the_attribute(tmp_path: Path) -> None:
    told, _ = _told(tmp_path, _ORM)
    lazy = [one.line for one in told.heard if one.what == "sql" and one.about.startswith("SELECT customers")]
    assert {line and line.number for line in lazy} == {23}
    assert len(lazy) == 12


def test_each_process_writes_its_own_part(tmp_path: Path) -> None:
    told, folder = _told(tmp_path, _FORKED)
    assert len(testimony.witnesses(folder)) == 2
    assert len([one for one in told.heard if one.what == "sleep"]) == 2


def test_waits_of_one_line_are_told_apart(tmp_path: Path) -> None:
    told, _ = _told(tmp_path, _WAITING)
    inner = [one for one in waits(told.seen) if one.lines[-1].function == "inner"]
    assert {one.lines[-1].number for one in inner} == {6}
    assert len({one.turn for one in inner}) == 3


def test_what_only_passes_an_await_on_hides_nothing(tmp_path: Path) -> None:
    told, _ = _told(tmp_path, _WRAPPED)
    assert ("serve", "View.get", "View.each") in {tuple(line.function for line in one.lines) for one in told.seen}


def _seen(time: float, who: int, ran: float | None, *numbers: int) -> Seen:
    return Seen(time, who, ran, tuple(Line("a.py", number, "f") for number in numbers), ("a.py", 1, "f"))


def test_what_is_there_when_nobody_asks_is_left_out() -> None:
    idle = Told((_seen(0.0, 1, 0.0, 5),))
    told = Told((_seen(1.0, 1, 0.0, 5), _seen(1.1, 1, 0.0, 5, 9)))
    assert [one.lines for one in told.without(idle).seen] == [(Line("a.py", 9, "f"),)]


def test_a_task_that_is_there_when_nobody_asks_stays() -> None:
    told = Told((_seen(1.0, 1, None, 6), _seen(1.0, 2, None, 7), _seen(1.0, 3, 0.0, 8)))
    idle = Told((_seen(0.0, 1, None, 5), _seen(0.0, 3, 0.0, 5))).joined(Told((_seen(2.0, 4, None, 5),)))
    assert [one.stays for one in told.without(idle).seen] == [True, False, False]


def test_who_hardly_ran_waited() -> None:
    seen = (_seen(1.000, 1, 0.0001, 5), _seen(1.005, 2, 0.004, 6), _seen(1.005, 3, None, 7))
    assert [one.who for one in waits(seen)] == [1, 3]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT * FROM t WHERE id = 12", "SELECT * FROM t WHERE id = ?"),
        ("SELECT  *\n FROM t WHERE a = 'it''s' AND b IN (1, 2, 3)", "SELECT * FROM t WHERE a = ? AND b IN (?)"),
        ("SELECT 1 FROM t WHERE a = %(name)s AND b = $2", "SELECT ? FROM t WHERE a = ? AND b = ?"),
    ],
)
def test_statements_that_differ_in_values_have_one_shape(statement: str, told: str) -> None:
    assert shape(statement) == told
