"""Stores: what services need of the standard library, of a database and of an upstream, in the styles of threads and asyncio."""

IMPORTS = """import asyncio, gzip, hashlib, itertools, json, re, sqlite3, subprocess, sys, threading, time, urllib.request
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORT = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 0


def reply(value):
    return json.dumps(value).encode(), {"Content-Type": "application/json"}


def asset(name):
    types = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
    packed = gzip.compress((HERE / "public" / name).read_bytes(), 6)
    return packed, {"Content-Type": types[name.rpartition(".")[2]], "Content-Encoding": "gzip"}


def home():
    return asset("index.html")
"""
UPSTREAM = """
_upstream = subprocess.Popen([sys.executable, "{upstream}"], stdout=subprocess.PIPE, text=True)
UP = int(_upstream.stdout.readline())
"""
SYNC_STORE = """
def rows(statement, *values):
    with closing(sqlite3.connect(HERE / "shop.db")) as connection:
        return connection.execute(statement, values).fetchall()
"""
SYNC_FETCH = """
_workers = ThreadPoolExecutor(80)


def fetch(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{UP}{path}") as answer:
        return json.load(answer)


def together(paths):
    return list(_workers.map(fetch, paths))
"""
ASYNC_STORE = """
import aiosqlite


async def rows(statement, *values):
    async with aiosqlite.connect(HERE / "shop.db") as connection:
        return await connection.execute_fetchall(statement, values)
"""
ASYNC_FETCH = """
async def fetch(path):
    reader, writer = await asyncio.open_connection("127.0.0.1", UP)
    writer.write(f"GET {path} HTTP/1.0\\r\\n\\r\\n".encode())
    said = await reader.read()
    writer.close()
    return json.loads(said.partition(b"\\r\\n\\r\\n")[2])


async def together(paths):
    return list(await asyncio.gather(*[fetch(path) for path in paths]))
"""
DJANGO_MODELS = """from django.db import models


class Customer(models.Model):
    name = models.TextField()
    city = models.TextField()

    class Meta:
        app_label, db_table, managed = "shop", "customers", False


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    total = models.FloatField()

    class Meta:
        app_label, db_table, managed = "shop", "orders", False


class Event(models.Model):
    customer_id = models.IntegerField()
    kind = models.TextField()
    amount = models.FloatField()

    class Meta:
        app_label, db_table, managed = "shop", "events", False


class Entry(models.Model):
    customer_id = models.IntegerField()
    kind = models.TextField()
    amount = models.FloatField()

    class Meta:
        app_label, db_table, managed = "shop", "entries", False
"""
DJANGO_SETTINGS = """from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET_KEY = "not one"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "shop.db"}}
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
"""
SA_MODELS = """
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, sessionmaker


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    city: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    total: Mapped[float]
    customer: Mapped[Customer] = relationship()


Session = sessionmaker(create_engine(f"sqlite:///{HERE / 'shop.db'}"))
"""
