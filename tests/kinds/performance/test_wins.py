"""Wins: what is beyond doubt is changed in place and does what was promised; everything else is left alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from bmad_provisioner.kinds.performance import start
from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.clues import BYTES, CAPACITY, TIME
from bmad_provisioner.kinds.performance.estimate import exactly
from bmad_provisioner.kinds.performance.roadmap import QUICK, Item
from bmad_provisioner.kinds.performance.wins import Win, wins

_INDEX = "CREATE INDEX IF NOT EXISTS reviews_product ON reviews (product)"


def _item(kind: str, remedy: str = "", name: str = "PERF-001", path: str = "", line: int | None = None) -> Item:
    lane = {"missing-index": TIME, "no-compression": BYTES}.get(kind, CAPACITY)
    cause = Cause(kind, "web", "GET /", lane, exactly(0.9), "seen", remedy, path, line)
    return Item(name, cause, 1.0, 0.9, 0.75, 0.25, QUICK)


def _wins(files: Mapping[str, str | bytes], *items: Item) -> tuple[Win, ...]:
    data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return wins(items, data.keys(), data.__getitem__)


def _index(files: Mapping[str, str | bytes], remedy: str = _INDEX) -> tuple[Win, ...]:
    return _wins(files, _item("missing-index", remedy))


def _packed(files: Mapping[str, str | bytes]) -> tuple[Win, ...]:
    return _wins(files, _item("no-compression"))


INDEXES = {
    "a file": ("a.sql", "CREATE TABLE reviews (product INT);\n", f"CREATE TABLE reviews (product INT);\n{_INDEX};\n", 2),
    "no line end": ("a.sql", "CREATE TABLE reviews (product INT);", f"CREATE TABLE reviews (product INT);\n{_INDEX};", 2),
    "among others": (
        "a.sql",
        "CREATE TABLE a (b);\n\n-- said; of goods\nCREATE TABLE IF NOT EXISTS \"reviews\" (\n  product INT, -- a; b\n  said TEXT DEFAULT ';'\n); -- end\nSELECT 1;\n",
        f"CREATE TABLE a (b);\n\n-- said; of goods\nCREATE TABLE IF NOT EXISTS \"reviews\" (\n  product INT, -- a; b\n  said TEXT DEFAULT ';'\n); -- end\n{_INDEX};\nSELECT 1;\n",
        8,
    ),
    "one line": ("a.sql", "create table reviews (product); SELECT 1;\n", f"create table reviews (product); {_INDEX}; SELECT 1;\n", 1),
    "a script": (
        "a.py",
        'def make(db):\n    db.executescript("""\n        CREATE TABLE reviews (product INT);\n        CREATE TABLE b (c);\n    """)\n',
        f'def make(db):\n    db.executescript("""\n        CREATE TABLE reviews (product INT);\n        {_INDEX};\n        CREATE TABLE b (c);\n    """)\n',
        4,
    ),
    "a script at its end": ("a.py", 'db.executescript("""CREATE TABLE reviews (product INT);""")\n', f'db.executescript("""CREATE TABLE reviews (product INT);\n{_INDEX};""")\n', 2),
    "a short script": ("a.py", "db.executescript('CREATE TABLE reviews (product);')\n", f"db.executescript('CREATE TABLE reviews (product); {_INDEX};')\n", 1),
    "a named script": (
        "a.py",
        "SCHEMA = '''\nCREATE TABLE reviews (product);\n'''\ndef make(db):\n    db.executescript(SCHEMA)\n",
        f"SCHEMA = '''\nCREATE TABLE reviews (product);\n{_INDEX};\n'''\ndef make(db):\n    db.executescript(SCHEMA)\n",
        3,
    ),
    "a statement": (
        "a.py",
        "def make(self):\n    self.db.execute('CREATE TABLE reviews (product INT)')  # new\n    self.db.commit()\n",
        f"def make(self):\n    self.db.execute('CREATE TABLE reviews (product INT)')  # new\n    self.db.execute('{_INDEX}')\n    self.db.commit()\n",
        3,
    ),
    "an awaited statement": (
        "a.py",
        'async def make(db):\n    await db.execute("""\n        CREATE TABLE reviews (\n            product INT\n        );\n    """)\n',
        f'async def make(db):\n    await db.execute("""\n        CREATE TABLE reviews (\n            product INT\n        );\n    """)\n    await db.execute("{_INDEX}")\n',
        7,
    ),
    "parts of a string": (
        "a.py",
        'db.execute(\n    "CREATE TABLE reviews "\n    "(product INT)"\n)\n',
        f'db.execute(\n    "CREATE TABLE reviews "\n    "(product INT)"\n)\ndb.execute("{_INDEX}")\n',
        5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", INDEXES)
def test_an_index_is_made_where_its_table_is(case: str) -> None:
    path, before, after, line = INDEXES[case]
    for newline, bom in (("\n", b""), ("\r\n", b""), ("\n", b"\xef\xbb\xbf")):
        if "\n" not in before and newline != "\n":
            continue
        [win] = _index({path: bom + before.replace("\n", newline).encode()})
        assert win.data.removeprefix(bom).decode() == after.replace("\n", newline)
        assert (win.item, win.kind, win.path, win.line) == ("PERF-001", "missing-index", path, line)
        assert win.data.startswith(bom)
        assert _index({path: win.data}) == ()


def test_a_file_keeps_its_encoding() -> None:
    before = "# coding: latin-1\nname = 'é'; other = 'ü'\ndb.execute('CREATE TABLE reviews (product)')\n".encode("latin-1")
    [win] = _index({"a.py": before})
    assert win.data == before + f"db.execute('{_INDEX}')\n".encode()


TABLE = "CREATE TABLE reviews (product INT);\n"
NO_INDEX: dict[str, dict[str, str]] = {
    "no table": {"a.sql": "CREATE TABLE other (product INT);\n"},
    "two files": {"a.sql": TABLE, "b.sql": TABLE},
    "a file and a string": {"a.sql": TABLE, "a.py": 'db.execute("CREATE TABLE reviews (product INT)")\n'},
    "no such column": {"a.sql": "CREATE TABLE reviews (goods INT);\n"},
    "a Django migration": {"shop/migrations/0001_initial.sql": TABLE},
    "a migration elsewhere": {"a.sql": TABLE, "migrations/0002_reviews.py": "RENAME = 'ALTER TABLE reviews ADD x'\n"},
    "an Alembic revision": {"alembic/versions/ab.py": 'db.execute("CREATE TABLE reviews (product INT)")\n'},
    "a numbered file": {"sql/V1__first.sql": TABLE},
    "a marked migration": {"a.sql": f"-- migrate:up\n{TABLE}"},
    "an index of another name": {"a.sql": f"{TABLE}CREATE UNIQUE INDEX x ON reviews (product, stars);\n"},
    "an index elsewhere": {"a.sql": TABLE, "b.sql": 'create index x on "reviews" ("product");\n'},
    "no end": {"a.sql": "CREATE TABLE reviews (product INT)\n"},
    "made of a query": {"a.sql": "CREATE TABLE reviews AS SELECT 1 AS product;\n"},
    "not for long": {"a.sql": "CREATE TEMP TABLE reviews (product INT);\n"},
    "an escape": {"a.py": 'db.execute("CREATE TABLE reviews\\n(product INT)")\n'},
    "an escape in a script": {"a.py": 'db.executescript("CREATE TABLE reviews\\n(product INT);")\n'},
    "an f-string": {"a.py": 'db.execute(f"CREATE TABLE reviews (product INT, {more})")\n'},
    "parts of a script": {"a.py": 'db.executescript("CREATE TABLE reviews " "(product INT);")\n'},
    "a used result": {"a.py": 'rows = db.execute("CREATE TABLE reviews (product INT)")\n'},
    "on one line": {"a.py": 'if db: db.execute("CREATE TABLE reviews (product INT)")\n'},
    "of a call": {"a.py": 'connect().execute("CREATE TABLE reviews (product INT)")\n'},
    "parts of two strings": {"a.sql": TABLE, "a.py": 'db.execute("CREATE TABLE " "reviews (product INT)")\n'},
    "a list": {"a.py": 'for one in ["CREATE TABLE reviews (product INT)"]:\n    db.execute(one)\n'},
    "a name told twice": {"a.py": 'S = "CREATE TABLE reviews (product);"\ndb.executescript(S)\nprint(S)\n'},
    "a name given twice": {"a.py": 'S = "CREATE TABLE reviews (product);"\nS = S\ndb.executescript(S)\n'},
    "a test's": {"tests/test_a.py": 'db.execute("CREATE TABLE reviews (product INT)")\n'},
    "a stranger's": {"node_modules/x/a.sql": TABLE},
    "no Python": {"a.py": 'db.execute("CREATE TABLE reviews (product INT)")\nprint "x"\n'},
}


@pytest.mark.parametrize("case", NO_INDEX)
def test_an_index_in_doubt_is_not_made(case: str) -> None:
    assert _index(NO_INDEX[case]) == ()


@pytest.mark.parametrize("remedy", ["", "ask once", "CREATE INDEX x ON reviews (product)", f"{_INDEX}; DROP TABLE reviews"])
def test_only_a_statement_that_makes_an_index_is_one(remedy: str) -> None:
    assert _index({"a.sql": TABLE}, remedy) == ()


def test_wins_in_one_file_follow_each_other() -> None:
    other = "CREATE INDEX IF NOT EXISTS orders_customer_placed ON orders (customer, placed)"
    text = "CREATE TABLE orders (customer INT, placed TEXT);\nCREATE TABLE reviews (product INT);\n"
    items = [_item("missing-index", _INDEX), _item("missing-index", _INDEX, "PERF-002"), _item("missing-index", other, "PERF-003")]
    first, second = _wins({"a.sql": text}, *items)
    assert (first.item, second.item) == ("PERF-001", "PERF-003")
    assert first.data.decode() == f"{text}{_INDEX};\n"
    assert second.data.decode() == first.data.decode().replace("placed TEXT);\n", f"placed TEXT);\n{other};\n")


@pytest.mark.parametrize(("made", "told"), [("IF NOT EXISTS ", "at the next start"), ("", "once by hand")])
def test_it_is_told_what_becomes_of_a_database_that_is_there(made: str, told: str) -> None:
    [win] = _index({"a.sql": f"CREATE TABLE {made}reviews (product INT);"})
    assert told in win.told


def test_the_index_of_the_sample_is_used_afterwards() -> None:
    files = start.samples("shop")
    remedy = "CREATE INDEX IF NOT EXISTS reviews_product_written ON reviews (product, written)"
    [win] = _index(files, remedy)
    assert win.path == "shop/schema.sql"
    for schema, way in ((files[win.path], "SCAN reviews"), (win.data.decode(), "USING INDEX reviews_product_written")):
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript(schema)
            asked = "EXPLAIN QUERY PLAN SELECT words FROM reviews WHERE product = 3 ORDER BY written DESC, id DESC LIMIT 20"
            assert way in str(database.execute(asked).fetchall())


IMPORT = "from fastapi.middleware.gzip import GZipMiddleware"
ADDED = "app.add_middleware(GZipMiddleware, minimum_size=1000)"
SECURITY, GZIP, SESSION = (
    f"django.{one}" for one in ("middleware.security.SecurityMiddleware", "middleware.gzip.GZipMiddleware", "x.Session")
)
ON = "gzip on;\n    gzip_min_length 1000;\n    gzip_types application/json application/javascript text/javascript text/css text/plain image/svg+xml;\n    gzip_vary on;"
COMPRESSIONS = {
    "FastAPI": (
        "main.py",
        'from fastapi import FastAPI\nimport os\n\napp = FastAPI()\n\n@app.get("/")\ndef root(): ...\n',
        f'from fastapi import FastAPI\n{IMPORT}\nimport os\n\napp = FastAPI()\n{ADDED}\n\n@app.get("/")\ndef root(): ...\n',
        6,
    ),
    "FastAPI over lines": (
        "main.py",
        "import fastapi\n\napi: fastapi.FastAPI = fastapi.FastAPI(\n    title='x',\n)  # ours\n",
        f"import fastapi\n{IMPORT}\n\napi: fastapi.FastAPI = fastapi.FastAPI(\n    title='x',\n)  # ours\n{ADDED.replace('app', 'api')}\n",
        7,
    ),
    "beside harmless middleware": (
        "main.py",
        "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\nfrom fastapi.staticfiles import StaticFiles\napp = FastAPI()\napp.add_middleware(CORSMiddleware)\n",
        f"from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n{IMPORT}\nfrom fastapi.staticfiles import StaticFiles\napp = FastAPI()\n{ADDED}\napp.add_middleware(CORSMiddleware)\n",
        6,
    ),
    "Starlette": (
        "main.py",
        "from starlette.applications import Starlette as S\napp = S()\n",
        f"from starlette.applications import Starlette as S\n{IMPORT.replace('fastapi', 'starlette')}\napp = S()\n{ADDED}\n",
        4,
    ),
    "Django": (
        "settings.py",
        f"MIDDLEWARE = [\n    '{SECURITY}',  # first\n    '{SESSION}',\n]\n",
        f"MIDDLEWARE = [\n    '{SECURITY}',  # first\n    '{GZIP}',\n    '{SESSION}',\n]\n",
        3,
    ),
    "Django on one line": ("settings.py", f'MIDDLEWARE = ["{SECURITY}", "{SESSION}"]\n', f'MIDDLEWARE = ["{SECURITY}", "{GZIP}", "{SESSION}"]\n', 1),
    "Django without a comma": ("settings.py", f'MIDDLEWARE = [\n  "{SECURITY}"\n]\n', f'MIDDLEWARE = [\n  "{SECURITY}",\n  "{GZIP}"\n]\n', 3),
    "Django behind WhiteNoise": (
        "settings.py",
        f'MIDDLEWARE = [\n    "{SECURITY}",\n    "whitenoise.middleware.WhiteNoiseMiddleware",\n]\n',
        f'MIDDLEWARE = [\n    "{SECURITY}",\n    "whitenoise.middleware.WhiteNoiseMiddleware",\n    "{GZIP}",\n]\n',
        4,
    ),
    "nginx": (
        "nginx.conf",
        'events {}\nhttp {  # all\n    #gzip on;\n    log_format a "x; {";\n    server { listen 80; }\n}\n',
        f'events {{}}\nhttp {{\n    {ON}  # all\n    #gzip on;\n    log_format a "x; {{";\n    server {{ listen 80; }}\n}}\n',
        3,
    ),
    "nginx that is off": (
        "nginx/default.conf",
        "server {\n    gzip off;\n    gzip_min_length 20;\n    listen 80;\n}\n",
        "server {\n    " + ON.replace("gzip_min_length 1000;\n    ", "") + "\n    gzip_min_length 20;\n    listen 80;\n}\n",
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPRESSIONS)
def test_compression_is_switched_on_where_it_belongs(case: str) -> None:
    path, before, after, line = COMPRESSIONS[case]
    for newline in ("\n", "\r\n"):
        [win] = _packed({path: before.replace("\n", newline)})
        assert win.data.decode() == after.replace("\n", newline)
        assert (win.kind, win.path, win.line) == ("no-compression", path, line)
        assert "BREACH" in win.told
        assert _packed({path: win.data}) == ()


APP = "from fastapi import FastAPI\napp = FastAPI()\n"
NO_COMPRESSION: dict[str, dict[str, str]] = {
    "nothing that serves": {"a.py": "print(1)\n"},
    "Flask": {"a.py": "from flask import Flask\napp = Flask(__name__)\n"},
    "packed elsewhere": {"main.py": APP, "b.py": "from brotli_asgi import BrotliMiddleware\n"},
    "packed in front": {"main.py": APP, "nginx.conf": "http { gzip on; }\n"},
    "two places": {"main.py": APP, "nginx.conf": "http { server { listen 80; } }\n"},
    "two applications": {"main.py": APP, "other.py": APP},
    "an application in a function": {"main.py": "from fastapi import FastAPI\ndef make():\n    app = FastAPI()\n    return app\n"},
    "an application given away": {"main.py": "from fastapi import FastAPI\napp = wrapped(FastAPI())\n"},
    "a name given twice": {"main.py": f"{APP}app = wrapped(app)\n"},
    "middleware that reads bodies": {"main.py": f'{APP}@app.middleware("http")\nasync def seen(request, call): ...\n'},
    "unknown middleware": {"main.py": f"{APP}app.add_middleware(Seen)\n"},
    "middleware from the start": {"main.py": "from fastapi import FastAPI\napp = FastAPI(middleware=[])\n"},
    "events": {"main.py": f'{APP}KIND = "text/event-stream"\n'},
    "a stranger's FastAPI": {"main.py": "from mine import FastAPI\napp = FastAPI()\n"},
    "an import in doubt": {"main.py": "try:\n    from fastapi import FastAPI\nexcept ImportError:\n    raise\napp = FastAPI()\n"},
    "Django without security": {"settings.py": f'MIDDLEWARE = ["{SESSION}"]\n'},
    "Django by name": {"settings.py": f'S = "{SECURITY}"\nMIDDLEWARE = [S]\n'},
    "Django made up": {"settings.py": f'MIDDLEWARE = ["{SECURITY}"] + MORE\n'},
    "Django twice": {"a.py": f'MIDDLEWARE = ["{SECURITY}"]\n', "b.py": f'MIDDLEWARE = ["{SECURITY}"]\n'},
    "two servers": {"nginx/a.conf": "server { listen 80; }\n", "nginx/b.conf": "server { listen 81; }\n"},
    "off for a reason": {"nginx.conf": "http { server { location /live { gzip off; } } }\n"},
    "a template": {"nginx.conf": "http { server { listen ${PORT}; } }\n"},
}


@pytest.mark.parametrize("case", NO_COMPRESSION)
def test_compression_in_doubt_is_not_switched_on(case: str) -> None:
    assert _packed(NO_COMPRESSION[case]) == ()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not here")
def test_nginx_takes_what_it_is_given(tmp_path: Path) -> None:
    [win] = _packed(
        {
            "nginx.conf": f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n  access_log off;\n  server {{ listen unix:{tmp_path}/s; }}\n}}\n"
        }
    )
    (tmp_path / "nginx.conf").write_bytes(win.data)
    run = subprocess.run(
        ["nginx", "-t", "-q", "-e", "stderr", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


_ASKED = {
    "FastAPI": (
        "main.py",
        "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\ndef root() -> list[int]:\n    return list(range(2000))\n",
        "from fastapi.testclient import TestClient\nimport main\nanswer = TestClient(main.app).get('/')\nprint(answer.headers.get('content-encoding'), len(answer.json()))",
    ),
    "Django": (
        "settings.py",
        "from django.http import JsonResponse\nfrom django.urls import path\n\nSECRET_KEY = 'x'\nROOT_URLCONF = 'settings'\nALLOWED_HOSTS = ['*']\n"
        f"MIDDLEWARE = [\n    '{SECURITY}',\n]\nurlpatterns = [path('', lambda request: JsonResponse({{'all': list(range(2000))}}))]\n",
        "import os, gzip, json\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\nimport django\ndjango.setup()\nfrom django.test import Client\n"
        "answer = Client().get('/', HTTP_ACCEPT_ENCODING='gzip')\nencoding = answer.headers.get('Content-Encoding')\n"
        "body = gzip.decompress(answer.content) if encoding else answer.content\nprint(encoding, len(json.loads(body)['all']))",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _ASKED)
def test_answers_are_packed_afterwards(case: str, tmp_path: Path) -> None:
    pytest.importorskip(case.lower())
    path, text, ask = _ASKED[case]
    [win] = _packed({path: text})
    for data, said in ((text.encode(), "None 2000"), (win.data, "gzip 2000")):
        (tmp_path / path).write_bytes(data)
        run = subprocess.run(
            [sys.executable, "-B", "-W", "ignore", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == said


def test_an_index_in_a_script_is_used_by_the_program_afterwards(tmp_path: Path) -> None:
    text = 'import sqlite3, json\nSCHEMA = """\nCREATE TABLE reviews (product INT);\n"""\ndb = sqlite3.connect(":memory:")\ndb.executescript(SCHEMA)\nprint(json.dumps(db.execute("EXPLAIN QUERY PLAN SELECT 1 FROM reviews WHERE product = 1").fetchall()))\n'
    [win] = _index({"a.py": text})
    (tmp_path / "a.py").write_bytes(win.data)
    run = subprocess.run([sys.executable, "a.py"], cwd=tmp_path, capture_output=True, check=True)
    assert "USING COVERING INDEX reviews_product" in json.loads(run.stdout)[0][3]


ENGINE = "from sqlalchemy import create_engine\n\nengine = create_engine(URL, pool_size=1, max_overflow=0)\n"
WAITS = "from db import engine\n\ndef read():\n    with engine.connect() as one:\n        return one\n"
POOLS = {
    "waiting for the pool": ({"db.py": ENGINE, "app.py": WAITS}, ("app.py", 4), ENGINE.replace("pool_size=1", "pool_size=5")),
    "waiting elsewhere": ({"db.py": ENGINE, "app.py": WAITS}, ("app.py", 5), None),
    "a database in a file": ({"db.py": ENGINE.replace("URL", "'sqlite:///x.db'"), "app.py": WAITS}, ("app.py", 4), None),
    "a pool of more": ({"db.py": ENGINE.replace("=1", "=2"), "app.py": WAITS}, ("app.py", 4), None),
    "two engines": ({"db.py": ENGINE + ENGINE, "app.py": WAITS}, ("app.py", 4), None),
    "no line": ({"db.py": ENGINE, "app.py": WAITS}, ("", None), None),
}


@pytest.mark.parametrize("case", POOLS)
def test_a_pool_of_one_grows_only_where_requests_wait_for_it(case: str) -> None:
    files, (path, line), after = POOLS[case]
    found = _wins(files, _item("lock", path=path, line=line))
    assert [(win.path, win.data.decode()) for win in found] == ([] if after is None else [("db.py", after)])


@pytest.mark.parametrize("kind", ["n-plus-one", "superlinear", "no-caching", "unknown"])
def test_what_takes_thought_is_left_to_people(kind: str) -> None:
    assert _wins({"a.sql": TABLE, "main.py": APP}, _item(kind, _INDEX)) == ()


def test_what_is_no_text_is_left_alone() -> None:
    assert _index({"a.sql": b"\xff\xfe" + TABLE.encode("utf-16-le"), "b.py": b"\0"}) == ()
