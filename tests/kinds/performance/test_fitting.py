"""Fitting: the document starts what is there, where it listens, and invents nothing."""

from __future__ import annotations

import shlex
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.fitting import fitted
from bmad_provisioner.kinds.performance.model import Performance
from bmad_provisioner.kinds.performance.order import Target, order
from bmad_provisioner.kinds.performance.service import running
from bmad_provisioner.kinds.performance.start import samples

Project = Mapping[str, str]


def fit(project: Project, name: str = "shop") -> dict[str, Any]:
    """Return the document for a project, after it has proved to be one."""
    data: dict[str, Any] = fitted(list(project), lambda path: project[path].encode(), name)
    if data:
        Performance.model_validate(data)
        assert order(data).name == data["name"]
    return data


FLASK = "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef front(): return 'hello'\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/items')\ndef items(): return []\n@app.get('/healthz')\ndef health(): return {}\n"
MAIN = "if __name__ == '__main__':\n    print(sum(range(1000)))\n"
CASES: dict[str, tuple[Project, str, str]] = {
    "flask": ({"shop/app.py": FLASK}, "python3 -m flask --app shop.app:app run --port 5000", "http://127.0.0.1:5000/"),
    "flask with a port": ({"app.py": f"{FLASK}app.run(port=5050)\n"}, "python3 -m flask --app app:app run --port 5050", "http://127.0.0.1:5050/"),
    "flask in src": ({"src/shop/__init__.py": "from flask import Flask\ndef create_app():\n    app = Flask('a')\n    return app\n"}, "env PYTHONPATH=src python3 -m flask --app shop:create_app run --port 5000", "http://127.0.0.1:5000/"),
    "fastapi": ({"api/main.py": FASTAPI}, "python3 -m uvicorn api.main:app --host 127.0.0.1 --port 8000", "http://127.0.0.1:8000/"),
    "fastapi with a port": ({"main.py": FASTAPI, "run.py": "import uvicorn\nuvicorn.run('main:app', port=9001)\n"}, "python3 -m uvicorn main:app --host 127.0.0.1 --port 9001", "http://127.0.0.1:9001/"),
    "fastapi from a function": ({"src/a/b.py": "from fastapi import FastAPI\ndef make():\n    app = FastAPI()\n    return app\n"}, "python3 -m uvicorn a.b:make --factory --app-dir src --host 127.0.0.1 --port 8000", "http://127.0.0.1:8000/"),
    "django": ({"manage.py": MAIN, "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"}, "python3 manage.py runserver --noreload 127.0.0.1:8000", "http://127.0.0.1:8000/"),
    "falcon": ({"web.py": "import falcon\napp = falcon.App()\n"}, "python3 -m gunicorn --bind 127.0.0.1:8000 web:app", "http://127.0.0.1:8000/"),
    "aiohttp": ({"web/__main__.py": "from aiohttp import web\napp = web.Application()\nweb.run_app(app)\n"}, "python3 -m web", "http://127.0.0.1:8080/"),
    "bottle": ({"app.py": "from bottle import route, run\n@route('/')\ndef x(): ...\nrun(port=8081)\n"}, "python3 app.py", "http://127.0.0.1:8081/"),
    "a port as argument": ({"serve.py": "import sys\nfrom http.server import HTTPServer, SimpleHTTPRequestHandler\nHTTPServer(('', int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()\n"}, "python3 serve.py 8000", "http://127.0.0.1:8000/"),
    "a server in a package": ({"shop/__main__.py": "from shop.web import main\nmain()\n", "shop/web.py": "from http.server import HTTPServer\ndef main():\n    HTTPServer(('', 8123), None).serve_forever()\n"}, "python3 -m shop", "http://127.0.0.1:8123/"),
    "procfile": ({"Procfile": "web: gunicorn shop:app --bind 127.0.0.1:$PORT\nworker: celery\n", "shop.py": FLASK}, "gunicorn shop:app --bind 127.0.0.1:5000", "http://127.0.0.1:5000/"),
    "procfile with a shell": ({"Procfile": "web: cd x && ./run\n", "app.py": FLASK}, "python3 -m flask --app app:app run --port 5000", "http://127.0.0.1:5000/"),
    "express": ({"package.json": '{"scripts": {"start": "node app.js"}, "dependencies": {"express": "4"}}', "app.js": "const express = require('express');\nconst app = express();\napp.get('/', x);\napp.listen(3111);\n"}, "npm start", "http://127.0.0.1:3111/"),
    "static pages": ({"public/index.html": "<h1>", "public/about.html": ""}, "python3 -m http.server 8000 --bind 127.0.0.1 --directory public", "http://127.0.0.1:8000/"),
}  # fmt: skip


@pytest.mark.parametrize(("project", "start", "url"), CASES.values(), ids=CASES)
def test_a_service_is_started_the_way_its_project_is_made(project: Project, start: str, url: str) -> None:
    web = fit(project)["targets"]["web"]
    assert (web["start"], web["url"]) == (start, url)


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ({}, {}),
        ({"README.md": "# nothing"}, {}),
        ({"shop/__init__.py": "", "shop/util.py": "def f(): ...\n"}, {}),
        ({"job/__main__.py": "print(1)\n"}, {"job": {"command": "python3 -m job"}}),
        ({"batch.py": MAIN, "src/rank/__main__.py": "print(1)\n"}, {"rank": {"command": "env PYTHONPATH=src python3 -m rank"}, "batch": {"command": "python3 batch.py"}}),
        ({"batch.py": MAIN, "requirements-dev.txt": "pytest-benchmark\n"}, {}),
        ({"deploy.py": MAIN, "scripts/drop_tables.py": MAIN, "setup.py": MAIN, "tests/test_x.py": MAIN}, {}),
        ({"ask.py": f"input()\n{MAIN}"}, {}),
        ({"words.py": f"import sys\nsys.argv[1]\n{MAIN}"}, {}),
        ({"cli.py": f"import argparse\np = argparse.ArgumentParser()\np.add_argument('file')\n{MAIN}"}, {}),
        ({"cli.py": f"import argparse\np = argparse.ArgumentParser()\np.add_argument('file', nargs='?')\np.add_argument('--x')\n{MAIN}"}, {"cli": {"command": "python3 cli.py"}}),
    ],
)  # fmt: skip
def test_programs_become_commands_only_where_they_run_by_themselves(project: Project, expected: object) -> None:
    assert fit(project).get("targets", {}) == expected


def test_an_empty_project_gives_nothing() -> None:
    assert fit({}) == {}


def test_pages_get_the_thresholds_of_web_vitals_and_services_none() -> None:
    pages = fit({"app.py": f"{FLASK}@app.get('/cart')\ndef cart(): return render_template('cart.html')\n"})
    assert pages["targets"]["web"]["pages"] == ["/cart"]
    assert pages["goals"] == {"lcp": "2.5s", "inp": "200ms", "cls": 0.1}
    assert "goals" not in fit({"main.py": FASTAPI})
    assert "pages" not in fit({"main.py": FASTAPI})["targets"]["web"]


def test_limits_of_the_project_become_goals_and_its_log_the_load() -> None:
    k6 = "import http from 'k6/http';\nconst o = {thresholds: {http_req_duration: ['p(95)<450'], http_req_failed: ['rate<0.01'], http_reqs: ['rate>40'], browser_web_vital_lcp: ['p(75)<2000']}};\n"
    line = '1.1.1.1 - - [21/Nov/2026:22:17:21 +0000] "GET /items HTTP/1.1" 200 5\n'
    data = fit({"main.py": FASTAPI, "load.js": k6, "access.log": line * 170})
    assert data["goals"] == {"p95": "450ms", "error_rate": "1%", "throughput": "40/s"}
    assert data["load"] == {"baseline": "3/s for 20s"}
    assert order(data).goals == {"p95": 0.45, "error_rate": 0.01, "throughput": 40.0}


@pytest.mark.parametrize(
    ("routes", "ready"),
    [(["/items", "/healthz"], "/healthz"), (["/items", "/api/health"], "/api/health"), (["/items"], "/items"), (["/", "/items"], None), (["/items/{n}"], None)],
)  # fmt: skip
def test_it_is_ready_when_a_known_path_answers(routes: list[str], ready: str | None) -> None:
    code = "from fastapi import FastAPI\napp = FastAPI()\n" + "".join(f"@app.get('{path}')\ndef f(): ...\n" for path in routes)
    assert fit({"main.py": code})["targets"]["web"].get("ready") == ready


def test_names_of_settings_are_passed_on_and_never_values() -> None:
    data = fit(
        {
            "main.py": f"import os\nos.environ['SECRET_KEY']\nos.getenv('DATABASE_URL', 'hunter2')\n{FASTAPI}",
            ".env": "DATABASE_URL=hunter2\nREDIS_URL=hunter2\n",
        }
    )
    assert data["targets"]["web"]["env"] == ["DATABASE_URL", "SECRET_KEY"]
    assert "hunter2" not in str(data)


def test_what_a_target_may_read_is_left_to_the_usual_sources() -> None:
    assert "sources" not in fit({"shop/app.py": FLASK, "shop/templates/a.html": "", "shop/schema.sql": ""})


@pytest.mark.parametrize(("name", "expected"), [("my shop!", "my-shop"), ("...", "project"), ("a" * 100, "a" * 63)])
def test_any_name_of_a_folder_becomes_one_of_a_document(name: str, expected: str) -> None:
    assert fit({"main.py": FASTAPI}, name)["name"] == expected


def test_the_sample_that_ships_is_fitted() -> None:
    web = fit({path: text for path, text in samples("shop").items() if not path.endswith(".yaml")})["targets"]["web"]
    assert (shlex.split(web["start"])[:3], web["ready"]) == (["python3", "-m", "shop"], "/health")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("shop/app.py", FLASK),
        ("main.py", FASTAPI),
        ("public/index.html", "<h1>hello</h1>"),
        ("serve.py", CASES["a port as argument"][0]["serve.py"]),
    ],
)
def test_what_is_fitted_starts_and_answers(path: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(code, "utf-8")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    with running(_moved(order(fit({path: code})).targets[0]), tmp_path, Turn()) as one:
        assert one.alive()


def _moved(target: Target) -> Target:
    """Return a target at a port that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        free = str(one.getsockname()[1])
    said = target.url.rpartition(":")[2].strip("/")
    return replace(target, url=target.url.replace(said, free), start=tuple(word.replace(said, free) for word in target.start))
