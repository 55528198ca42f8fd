"""Discover: what files say is found with its place, nothing is made up, and no file can break the looking."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.performance.arrivals import Stretch
from bmad_provisioner.kinds.performance.discover import (
    access_log,
    architecture,
    requirements,
    sentences,
    survey,
    telemetry,
    workload,
)
from bmad_provisioner.kinds.performance.discover.facts import (
    CACHE,
    CI,
    CONTAINER,
    DATABASE,
    FRAMEWORK,
    LOAD_TEST,
    METRICS,
    TRACING,
    At,
    Found,
)
from bmad_provisioner.kinds.performance.discover.files import LARGEST
from bmad_provisioner.kinds.performance.order import COMMAND, SERVICE, Ask, Load, Order, Target
from bmad_provisioner.kinds.performance.order import DATABASE as A_DATABASE
from bmad_provisioner.kinds.performance.packing import packed, unpacked

Project = Mapping[str, str | bytes]
_WEB = Target("web", SERVICE, "http://127.0.0.1:8000/")


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def look(project: Project, order: Order | None = None) -> Found:
    return survey.found(order or Order("shop", (_WEB,)), list(project), lambda path: _bytes(project[path]))


def routes(project: Project) -> list[str]:
    return [f"{one.method} {one.path} {one.at}" for one in look(project).routes]


FLASK = {
    "shop/__init__.py": (
        "from flask import Flask\n\n"
        "def create_app():\n"
        "    app = Flask(__name__)\n"
        "    from shop import api\n"
        "    from .views import pages\n"
        "    app.register_blueprint(pages, url_prefix='/shop')\n"
        "    app.register_blueprint(api.bp)\n"
        "    app.add_url_rule('/ping', 'ping', lambda: 'pong')\n"
        "    return app\n"
    ),
    "shop/views.py": (
        "from flask import Blueprint, render_template\n"
        "pages = Blueprint('pages', __name__, url_prefix='/ignored')\n\n"
        "@pages.route('/')\n"
        "def front():\n"
        "    return render_template('front.html')\n\n"
        "@pages.route('/item/<int:item_id>', methods=['GET', 'POST'])\n"
        "def item(item_id):\n"
        "    return str(item_id)\n"
    ),
    "shop/api.py": (
        "from flask import Blueprint\n"
        "bp = Blueprint('api', __name__, url_prefix='/api')\n\n"
        "@bp.get('/items')\n"
        "def items():\n"
        "    return []\n"
    ),
}
FASTAPI = {
    "api/main.py": (
        "from fastapi import FastAPI\n"
        "from .routers import users\n"
        "app = FastAPI()\n"
        "app.include_router(users.router, prefix='/v1')\n\n"
        "@app.get('/')\n"
        "async def home():\n"
        "    return {}\n"
    ),
    "api/routers/__init__.py": "",
    "api/routers/users.py": (
        "from fastapi import APIRouter\n"
        "router = APIRouter(prefix='/users')\n\n"
        "@router.get('')\n"
        "async def everybody(): return []\n\n"
        "@router.get('/{user_id:int}')\n"
        "async def one(user_id: int): return {}\n\n"
        "@router.post('')\n"
        "async def add(): return {}\n"
    ),
}
DJANGO = {
    "site1/urls.py": (
        "from django.contrib import admin\n"
        "from django.urls import include, path\n"
        "urlpatterns = [path('admin/', admin.site.urls), path('blog/', include('blog.urls'))]\n"
    ),
    "blog/urls.py": (
        "from django.urls import path, re_path\n"
        "from . import views\n"
        "urlpatterns = [\n"
        "    path('', views.Index.as_view()),\n"
        "    re_path(r'^post/(?P<pk>\\d+)/$', views.post),\n"
        "]\n"
        "urlpatterns += [path('tag/<slug:tag>/', views.tag)]\n"
    ),
    "blog/views.py": (
        "from django.views.generic import ListView\n\n"
        "class Index(ListView):\n"
        "    template_name = 'index.html'\n\n"
        "def post(request, pk):\n"
        "    return render(request, 'post.html')\n\n"
        "def tag(request, tag):\n"
        "    return JsonResponse({})\n"
    ),
}
STARLETTE = {
    "app.py": (
        "from starlette.applications import Starlette\n"
        "from starlette.routing import Mount, Route\n"
        "async def home(request): ...\n"
        "app = Starlette(routes=[\n"
        "    Route('/', home),\n"
        "    Mount('/a', routes=[Route('/b', home), Mount('/c', routes=[Route('/d', home, methods=['POST'])])]),\n"
        "])\n"
    )
}
AIOHTTP = {
    "app.py": (
        "from aiohttp import web\n"
        "routes = web.RouteTableDef()\n"
        "async def plain(request): ...\n"
        "@routes.get('/x/{id:\\\\d{2,4}}')\n"
        "async def x(request): ...\n"
        "app = web.Application()\n"
        "app.add_routes(routes)\n"
        "app.add_routes([web.post('/z', plain)])\n"
        "app.router.add_get('/y', plain)\n"
        "web.run_app(app, port=8099)\n"
    )
}
BOTTLE = {"app.py": "from bottle import route, run\n@route('/b/<id:int>')\ndef b(id): return ''\nrun(port=8081)\n"}
FALCON = {
    "app.py": "import falcon\nclass Things:\n    def on_get(self, a, b): ...\napp = falcon.App()\napp.add_route('/f/{n}', Things())\n"
}
OWN = {
    "app.py": (
        "from http.server import BaseHTTPRequestHandler, HTTPServer\n"
        "API = {'/api/items': list}\n"
        "class Handler(BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        if self.path == '/health':\n"
        "            return\n"
        "HTTPServer(('', 8123), Handler).serve_forever()\n"
    )
}
EXPRESS = {
    "package.json": '{\n  "dependencies": {\n    "express": "^4"\n  }\n}\n',
    "app.js": (
        "const express = require('express');\n"
        "const things = require('./routes/things');\n"
        "const app = express();\n"
        "app.get('env');\n"
        "app.get('/', (req, res) => res.render('front'));\n"
        "app.use('/api', things);\n"
        "app.listen(process.env.PORT || 3111);\n"
    ),
    "routes/things.js": "const express = require('express');\nconst router = express.Router();\nrouter.get('/things/:id', show);\n",
}
NEXT = {
    "package.json": '{"dependencies": {"next": "15"}}',
    "app/page.tsx": "",
    "app/(shop)/items/[id]/page.tsx": "",
    "pages/_app.js": "",
    "pages/about.js": "",
    "pages/api/items.js": "",
}


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (FLASK, ["GET /api/items shop/api.py:5", "GET /ping shop/__init__.py:9", "GET /shop/ shop/views.py:5", "GET /shop/item/{item_id} shop/views.py:9", "POST /shop/item/{item_id} shop/views.py:9"]),
        (FASTAPI, ["GET / api/main.py:7", "GET /v1/users api/routers/users.py:5", "POST /v1/users api/routers/users.py:11", "GET /v1/users/{user_id} api/routers/users.py:8"]),
        (DJANGO, ["ANY /blog/ blog/views.py:3", "ANY /blog/post/{pk}/ blog/views.py:6", "ANY /blog/tag/{tag}/ blog/views.py:9"]),
        (STARLETTE, ["GET / app.py:3", "GET /a/b app.py:3", "POST /a/c/d app.py:3"]),
        (AIOHTTP, ["GET /x/{id} app.py:5", "GET /y app.py:3", "POST /z app.py:3"]),
        (BOTTLE, ["GET /b/{id} app.py:3"]),
        (FALCON, ["ANY /f/{n} app.py:2"]),
        (OWN, ["GET /api/items app.py:2", "GET /health app.py:4"]),
        (EXPRESS, ["GET / app.js:5", "GET /api/things/{id} routes/things.js:3"]),
        (NEXT, ["GET / app/page.tsx", "GET /items/{id} app/(shop)/items/[id]/page.tsx", "GET /about pages/about.js", "GET /api/items pages/api/items.js"]),
    ],
    ids=["flask", "fastapi", "django", "starlette", "aiohttp", "bottle", "falcon", "http.server", "express", "next"],
)  # fmt: skip
def test_routes_are_found_whole_with_the_place_of_their_handlers(project: Project, expected: list[str]) -> None:
    assert sorted(routes(project)) == sorted(expected)


def test_handlers_that_make_pages_are_told_apart() -> None:
    assert [one.path for one in look(FLASK).routes if one.page] == ["/shop/"]
    assert [one.path for one in look(DJANGO).routes if one.page] == ["/blog/", "/blog/post/{pk}/"]
    assert [one.path for one in look(EXPRESS).routes if one.page] == ["/"]


def test_applications_and_ports_are_found() -> None:
    assert [(one.framework, one.name, one.factory, str(one.at)) for one in look(FLASK).apps] == [
        ("Flask", "create_app", True, "shop/__init__.py:4")
    ]
    assert [(one.framework, one.name, one.factory) for one in look(FASTAPI).apps] == [("FastAPI", "app", False)]
    assert look(AIOHTTP).ports == ((8099, At("app.py", 10)),)
    assert look(EXPRESS).ports == ((3111, At("app.js", 7)),)
    assert look(OWN).ports == ((8123, At("app.py", 7)),)


def test_routers_that_a_package_passes_on_keep_their_prefix() -> None:
    project = {
        "app/main.py": "from fastapi import FastAPI\nfrom app.api import api_router\napp = FastAPI()\napp.include_router(api_router, prefix='/api')\n",
        "app/api/__init__.py": "from app.api.v1 import router as api_router\n",
        "app/api/v1.py": "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/items')\ndef items(): ...\n",
    }
    assert routes(project) == ["GET /api/items app/api/v1.py:4"]


def test_mounts_in_a_circle_end() -> None:
    project = {
        "a.py": "from fastapi import APIRouter\nfrom b import two\none = APIRouter()\none.include_router(two, prefix='/two')\n@one.get('/x')\ndef x(): ...\n",
        "b.py": "from fastapi import APIRouter\nfrom a import one\ntwo = APIRouter()\ntwo.include_router(one, prefix='/one')\n",
    }
    assert len(routes(project)) == 1


def test_tests_and_strangers_serve_nothing() -> None:
    app = "from flask import Flask\napp = Flask(__name__)\n@app.get('/x')\ndef x(): ...\n"
    assert (
        routes(
            {
                "tests/test_app.py": app,
                "node_modules/a/app.py": app,
                ".venv/lib/site-packages/b.py": app,
                "performance/shop/c.py": app,
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ("path", "text", "role", "name", "line"),
    [
        ("requirements.txt", "# a comment\nFlask==3.0\n", FRAMEWORK, "Flask", 2),
        ("requirements/base.txt", "", FRAMEWORK, "", 0),
        ("dev-requirements.txt", "psycopg[binary]>=3\n", DATABASE, "PostgreSQL", 1),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = [\n  "fastapi>=0.1",\n]\n', FRAMEWORK, "FastAPI", 4),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.11"\nredis = "*"\n', CACHE, "Redis", 3),
        ("pyproject.toml", '[dependency-groups]\ndev = ["locust"]\n', LOAD_TEST, "Locust", 2),
        ("setup.cfg", "[options]\ninstall_requires =\n    django>=4\n", FRAMEWORK, "Django", 3),
        ("setup.py", "from setuptools import setup\nsetup(description='flask', install_requires=[\n 'bottle'])\n", FRAMEWORK, "Bottle", 3),
        ("Pipfile", '[packages]\nfalcon = "*"\n', FRAMEWORK, "Falcon", 2),
        ("package.json", '{\n "devDependencies": {\n  "prom-client": "1"}}', METRICS, "prom-client", 3),
        ("go.mod", "module x\nrequire (\n\tgithub.com/labstack/echo/v4 v4.1.0\n)\n", FRAMEWORK, "Echo", 3),
        ("pom.xml", "<project>\n<artifactId>spring-boot-starter-web</artifactId></project>", FRAMEWORK, "Spring Boot", 2),
        ("build.gradle", "dependencies {\n implementation 'org.postgresql:postgresql:42'\n}", DATABASE, "PostgreSQL", 2),
        ("Gemfile", "source 'x'\ngem 'rails', '~> 7'\n", FRAMEWORK, "Rails", 2),
        ("Cargo.toml", '[dependencies]\naxum = "0.7"\n', FRAMEWORK, "axum", 2),
        ("composer.json", '{"require": {"laravel/framework": "11"}}', FRAMEWORK, "Laravel", 1),
        ("app.py", "import os\nfrom flask import Flask\n", FRAMEWORK, "Flask", 2),
        ("app.py", "import sqlite3\n", DATABASE, "SQLite", 1),
        ("settings.py", "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n", DATABASE, "PostgreSQL", 1),
        ("docker-compose.yml", "x: &a {}\nservices:\n  db:\n    <<: *a\n    image: docker.io/library/postgres:15-alpine\n", DATABASE, "PostgreSQL", 5),
        ("Dockerfile", "FROM --platform=x python:3.11 AS a\nFROM nginx:1\n", CONTAINER, "Docker", 1),
        (".github/workflows/test.yml", "on: push\n", CI, "GitHub Actions", 0),
        ("prometheus.yml", "scrape_configs:\n  - job_name: web\n", METRICS, "Prometheus", 1),
        ("deploy/otel-collector.yaml", "receivers:\n  otlp: {}\n", TRACING, "OpenTelemetry Collector", 0),
        ("requirements.txt", "opentelemetry-instrumentation-flask\n", TRACING, "opentelemetry-instrumentation-flask", 1),
        ("app.py", "from prometheus_client import Histogram\nT = Histogram('a', 'b')\n", METRICS, "Histogram of prometheus-client", 2),
        ("app.py", "from flask import Flask\napp = Flask(__name__)\n@app.get('/metrics')\ndef metrics(): ...\n", METRICS, "a page of metrics", 4),
        ("load/basic.js", "import http from 'k6/http';\n", LOAD_TEST, "k6", 0),
        ("locustfile.py", "from locust import HttpUser\n", LOAD_TEST, "Locust", 0),
    ],
)  # fmt: skip
def test_what_a_project_uses_is_found_with_its_place(path: str, text: str, role: str, name: str, line: int) -> None:
    found = [(one.role, one.name, one.at) for one in look({path: text}).things]
    assert (role, name, At(path, line)) in found if name else not any(one[0] == role for one in found)


def test_of_settings_only_names_are_told() -> None:
    project = {
        ".env": "DATABASE_URL=postgres://me:hunter2@db/shop\nCOLOUR=red\n",
        "docker-compose.yml": "services:\n  web:\n    environment:\n      - REDIS_URL=redis://:hunter2@cache\n",
        "app.py": "import os\nos.environ['SECRET_KEY']\nos.getenv('SHOP_DSN', 'hunter2')\nos.environ.get('LANG')\nos.environ['OUT'] = 'x'\n",
    }
    found = look(project)
    assert {(one.name, str(one.at), one.required) for one in found.settings} == {
        ("DATABASE_URL", ".env:1", False), ("REDIS_URL", "docker-compose.yml:3", False), ("SECRET_KEY", "app.py:2", True), ("SHOP_DSN", "app.py:3", False),
    }  # fmt: skip
    assert "hunter2" not in json.dumps(packed(found))
    assert all("hunter2" not in page(Order("shop", (_WEB,)), found) for page in _PAGES)


OPENAPI = """
openapi: 3.0.3
servers:
- url: https://shop.example/v2/
components:
  parameters:
    shop: {name: shop, in: path, required: true, schema: {type: string, enum: [north, south]}}
paths:
  /shops/{shop}/items/{id}:
    parameters:
    - $ref: '#/components/parameters/shop'
    get:
      parameters:
      - {name: id, in: path, required: true, schema: {type: integer, example: 5}}
      - {name: q, in: query, example: a b}
      - {name: unused, in: query, schema: {type: string}}
      responses:
        200: {description: ok}
    delete: {responses: {204: {description: gone}}}
  /search:
    get:
      parameters:
      - {name: q, in: query, required: true, schema: {type: string}}
  /plain: {get: {}}
"""


def test_operations_of_openapi_get_the_examples_that_stand_there() -> None:
    found = {(one.method, one.path): (one.example, str(one.at)) for one in look({"docs/openapi.yaml": OPENAPI}).operations}
    assert found == {
        ("GET", "/v2/shops/{shop}/items/{id}"): ("/v2/shops/north/items/5?q=a+b", "docs/openapi.yaml:12"),
        ("DELETE", "/v2/shops/{shop}/items/{id}"): ("", "docs/openapi.yaml:19"),
        ("GET", "/v2/search"): ("", "docs/openapi.yaml:21"),
        ("GET", "/v2/plain"): ("/v2/plain", "docs/openapi.yaml:24"),
    }


def test_swagger_in_json_is_read_too() -> None:
    text = json.dumps(
        {
            "swagger": "2.0",
            "basePath": "/api",
            "paths": {"/a/{n}": {"get": {"parameters": [{"name": "n", "in": "path", "required": True, "default": 3}]}}},
        }
    )
    assert [one.example for one in look({"swagger.json": text}).operations] == ["/api/a/3"]


def _line(path: str, status: int = 200, minute: str = "22:17", method: str = "GET", more: str = "") -> str:
    return f'10.0.0.1 - - [21/Nov/2026:{minute}:21 +0000] "{method} {path} HTTP/1.1" {status} 512 "-" "curl"{more}'


def test_a_log_gives_the_mix_its_peak_and_how_it_went() -> None:
    lines = [
        _line(f"/item/{n % 7}?page={n}", 500 if n % 10 == 0 else 200, f"22:{n // 90:02}", more=f" 0.{n % 10}00") for n in range(180)
    ]
    lines += [_line("/cart", method="POST", minute="22:00")] * 20 + [_line("/wp-login.php", 404, "22:01")] * 30 + ["Traceback:"]
    found = access_log.log(lines, "a.log")
    assert found is not None
    assert (found.count, found.other, found.peak) == (230, 1, 2.0)
    assert [(one.method, one.path, one.count, one.failed, one.refused) for one in found.traffic] == [
        ("GET", "/item/{n}?page", 180, 18, 0), ("GET", "/wp-login.php", 30, 0, 30), ("POST", "/cart", 20, 0, 0),
    ]  # fmt: skip
    assert (found.traffic[0].p50, found.traffic[0].p95, found.traffic[2].p95) == (0.4, 0.9, None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (_line("/x"), ("GET", "/x", 200, "21/Nov/2026:22:17", None)),
        (_line("/x", more=" 0.250"), ("GET", "/x", 200, "21/Nov/2026:22:17", 0.25)),
        (_line("/x", more=" 0.250125"), ("GET", "/x", 200, "21/Nov/2026:22:17", 0.250125)),
        (_line("/x", more=" rt=1.250"), ("GET", "/x", 200, "21/Nov/2026:22:17", 1.25)),
        (_line("/x", more=" 250123"), ("GET", "/x", 200, "21/Nov/2026:22:17", None)),
        ('127.0.0.1 - - [21/Nov/2026 22:17:21] "GET /x HTTP/1.1" 200 -', ("GET", "/x", 200, "21/Nov/2026 22:17", None)),
        ('INFO:     127.0.0.1:50 - "GET /x?a=1 HTTP/1.1" 200 OK', ("GET", "/x?a=1", 200, "", None)),
        ('{"method": "GET", "path": "/x", "status": 200, "time": "2026-11-21T22:17:21Z", "duration_ms": 12}', ("GET", "/x", 200, "2026-11-21T22:17", 0.012)),
        ('{"request": "GET /x HTTP/1.1", "status": "404", "request_time": "0.5"}', ("GET", "/x", 404, "", 0.5)),
        ('{"request": {"method": "GET", "uri": "/x"}, "status": 200, "ts": 120.5, "duration": 0.1}', ("GET", "/x", 200, "2", None)),
        ('{"httpRequest": {"requestMethod": "GET", "requestUrl": "https://a.b/x?c=1", "status": 200}, "latency": "12ms"}', ("GET", "/x?c=1", 200, "", 0.012)),
        ('{"level": "info", "msg": "hello"}', None),
        ("[1, 2]", None),
        ("Starting server", None),
        ("", None),
    ],
)  # fmt: skip
def test_lines_of_the_usual_formats_are_understood(line: str, expected: tuple[object, ...] | None) -> None:
    found = access_log.hit(line)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.method, found.path, found.status, found.minute) == expected[:4]
        assert found.seconds == pytest.approx(expected[4]) if expected[4] is not None else found.seconds is None


@given(st.text(max_size=200) | st.builds(_line, st.text(min_size=1, max_size=60), st.integers(0, 9999), more=st.text(max_size=40)) | st.dictionaries(st.sampled_from(["method", "path", "status", "time", "duration", "request"]), st.none() | st.integers() | st.text(max_size=20) | st.floats(), max_size=6).map(json.dumps))  # fmt: skip
def test_no_line_breaks_the_reading_of_a_log(line: str) -> None:
    found = access_log.hit(line)
    if found:
        assert access_log.log([line], "a.log") is not None
        access_log.shape(found.path)
        access_log.is_harmless(found.path)


@given(
    st.lists(st.sampled_from(["/", "/item/1", "/item/22", "/a?b=1", "/a?b=2", "/x/9f86d081884c7d659a2f"]), min_size=1, max_size=60)
)
def test_a_log_counts_every_request_once(paths: list[str]) -> None:
    found = access_log.log([_line(path) for path in paths], "a.log")
    assert found is not None
    assert sum(one.count for one in found.traffic) == found.count == len(paths)
    assert {one.path for one in found.traffic} == {access_log.shape(path) for path in paths}


@pytest.mark.parametrize(
    ("path", "shape", "harmless"),
    [
        ("/item/42", "/item/{n}", True),
        ("/item-42/reviews", "/item-{n}/reviews", True),
        ("/v1/items", "/v1/items", True),
        ("/day/2026-11-21", "/day/{date}", True),
        ("/u/3fa85f64-5717-4562-b3fc-2c963f66afa6", "/u/{uuid}", True),
        ("/search?q=red+chair&keyword=x", "/search?keyword&q", True),
        ("/reset/9f86d081884c7d659a2f", "/reset/{token}", False),
        ("/join/aB3dE5fG7hI9jK1l", "/join/{token}", False),
        ("/me?access_token=1", "/me?access_token", False),
        ("/find?q=me@example.org", "/find?q", False),
        ("/logout", "/logout", False),
        ("/items/3/delete", "/items/{n}/delete", False),
        ("/dropdown", "/dropdown", True),
        ("/2026/top-10-chairs-of-2026-and-2025", "/{n}/top-{n}-chairs-of-{n}-and-{n}", True),
        (f"/{'1' * 500}!", f"/{'1' * 500}!", True),
    ],
)
def test_numbers_become_shapes_and_secrets_are_no_examples(path: str, shape: str, harmless: bool) -> None:
    assert access_log.shape(path) == shape
    assert access_log.is_harmless(path) is harmless


K6 = """import http from 'k6/http';
export const options = { thresholds: {
  http_req_duration: ['p(95)<500', 'avg<100'],
  'http_req_duration{name:cart}': ['p(95)<900'],
  http_req_failed: [{ threshold: 'rate<0.01', abortOnFail: true }],
  http_reqs: ['rate>50'],
} };
"""


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("load.js", K6, [("p95", 0.5, 3), ("", 100.0, 3), ("", 900.0, 4), ("error_rate", 0.01, 5), ("throughput", 50.0, 6)]),
        ("lighthouserc.js", "module.exports = {ci: {assert: {assertions: {\n'largest-contentful-paint': ['error', {maxNumericValue: 2400}],\n'categories:performance': ['warn', {minScore: 0.9}]}}}};", [("lcp", 2.4, 2), ("", 0.9, 3)]),
        (".lighthouserc.json", '{"ci": {"assert": {"assertions": {"cumulative-layout-shift": ["error", {"maxNumericValue": 0.1}]}}}}', [("cls", 0.1, 1)]),
        ("lighthouserc.yml", "ci:\n  assert:\n    assertions:\n      server-response-time:\n        - error\n        - maxNumericValue: 600\n", [("ttfb", 0.6, 4)]),
        ("budget.json", '[{"timings": [{"metric": "interactive", "budget": 3000}],\n"resourceSizes": [{"resourceType": "script", "budget": 125}]}]', [("", 3000.0, 1), ("bundle", 128_000.0, 2)]),
        ("budget.json", '{"rent": 100}', []),
    ],
)  # fmt: skip
def test_limits_that_the_project_sets_itself_are_read(path: str, text: str, expected: list[tuple[str, float, int]]) -> None:
    assert [(one.metric, pytest.approx(one.value), one.at.line) for one in look({path: text}).limits] == expected


def test_the_mix_is_the_documents_else_what_was_asked_for_else_what_is_promised() -> None:
    project: dict[str, str | bytes] = {
        "site/app.py": FLASK["shop/api.py"],
        "access.log": "\n".join(
            [_line("/a"), _line("/a"), _line("/b/3"), _line("/c", 404), _line("/d", method="POST"), _line("/logout")]
        ),
    }
    given_ones = Target("web", SERVICE, requests=(Ask("/x", "DELETE"),), pages=("/p",))
    assert workload.mix(look(project), given_ones) == (Ask("/x", "DELETE"),)
    assert workload.mix(look(project), _WEB) == (Ask("/a", weight=2.0), Ask("/b/3", weight=1.0))
    del project["access.log"]
    assert workload.mix(look(project | {"openapi.yml": OPENAPI}), _WEB) == (Ask("/v2/shops/north/items/5?q=a+b"), Ask("/v2/plain"))
    assert workload.mix(look(project), _WEB) == (Ask("/api/items"),)
    assert workload.mix(look({}), Target("web", SERVICE, pages=("/", "/cart"))) == (Ask("/"), Ask("/cart"))
    assert workload.mix(look({}), _WEB) == (Ask("/"),)
    assert workload.mix(look(project), Target("job", COMMAND)) == ()


@pytest.mark.parametrize("project", [FLASK, FASTAPI, DJANGO, STARLETTE, AIOHTTP, EXPRESS, OWN])
def test_nothing_that_changes_anything_is_made_up(project: Project) -> None:
    log = "\n".join(_line("/items", method=method) for method in ("POST", "PUT", "PATCH", "DELETE"))
    for found in (look(project), look({**project, "access.log": log}), look({**project, "openapi.yaml": OPENAPI})):
        assert {ask.method for ask in workload.mix(found, _WEB)} == {"GET"}


_DEEP = 100_000
HOSTILE: dict[str, str | bytes] = {
    "pyproject.toml": "a = " + "[" * _DEEP,
    "package.json": '{"dependencies": ' + "[" * _DEEP,
    "openapi.json": '{"openapi": "3.0.0", "paths": ' + '{"a":' * _DEEP,
    "openapi.yaml": "openapi: 3\npaths: {/x: {get: {parameters: [{$ref: '#/a'}]}}}\na: {$ref: '#/a'}\n",
    "docker-compose.yml": "services: [1, 2, {image: 3}]\n",
    "prometheus.yml": "scrape_configs: {a: b}\n",
    "compose.yaml": "\tno: yaml: at all\n",
    "app.py": "import flask\n@app.route('/x')\ndef x(:\n",
    "deep.py": "from flask import Flask\napp = Flask(__name__)\nx = " + "(" * 5_000 + ")" * 5_000,
    "long.py": "from flask import Flask\nx = " + "+".join(["1"] * 20_000),
    "nul.py": b"import flask\napp = flask.Flask('a')\0\n",
    "latin.py": "# caf\xe9\nfrom flask import Flask\n".encode("latin-1"),
    "binary.log": bytes(range(256)) * 50,
    "access.log": b'\xff\xfe - - [x] "GET /\xff HTTP/1.1" 200 5\n' * 3 + b"{" * 10_000,
    "app.js": "require('express'); " + "a.get('/" * 20_000,
    "budget.json": '[{"timings": 3, "resourceSizes": [null, {"budget": "x"}]}, 5]',
    "lighthouserc.json": '{"a": ["error", {' + "{" * 10_000,
    "load.js": "'k6' http_req_duration: [" + "'p(95)<" * 10_000,
    "requirements.txt": "\0\xff==\n" * 10,
    "go.mod": "require " + "a." * 50_000,
    "pom.xml": "<artifactId>" * 20_000,
    "huge.json": b'"' + b"a" * (LARGEST + 10) + b'"',
}  # fmt: skip


def test_no_file_breaks_the_looking_and_what_is_broken_is_told_with_its_place() -> None:
    began = time.monotonic()
    found = look(HOSTILE)
    told = {one.at.path: one for one in found.unread}
    assert told["app.py"].at.line == 3
    assert told["latin.py"].at.line == 1
    assert {"pyproject.toml", "package.json", "openapi.json", "compose.yaml", "deep.py", "nul.py"} <= told.keys()
    assert any(one.name == "Flask" for one in found.things), "what a broken file imports is still said"
    assert time.monotonic() - began < 60
    for page in _PAGES:
        page(Order("shop", (_WEB,)), found)


def test_a_file_that_is_too_large_is_told_and_not_read() -> None:
    (one,) = look({"openapi.json": b" " * (LARGEST + 1)}).unread
    assert "more than are read" in one.why


def test_a_file_that_cannot_be_opened_is_told() -> None:
    def gone(path: str) -> bytes:
        if path == "setup.cfg":
            raise UsageError("`setup.cfg` is no longer what it was")
        raise FileNotFoundError(2, "No such file or directory", path)

    found = survey.found(Order("shop", ()), ["requirements.txt", "setup.cfg"], gone)
    assert [one.why for one in found.unread] == ["No such file or directory", "`setup.cfg` is no longer what it was"]


@pytest.mark.parametrize(
    "project", [{}, FLASK, FASTAPI, DJANGO, EXPRESS, {"access.log": _line("/a")}, {"openapi.yaml": OPENAPI}, {"load.js": K6}]
)
def test_what_was_found_survives_being_told_and_heard(project: Project) -> None:
    found = look(project)
    assert unpacked(Found, packed(found)) == found
    assert look(dict(reversed(project.items()))) == found


_PAGES = (requirements.requirements_md, telemetry.telemetry_md, architecture.architecture_md)
ORDER = Order(
    "shop",
    (
        Target("web", SERVICE, "http://127.0.0.1:8000/", ("uvicorn", "api.main:app"), pages=("/",)),
        Target("job", COMMAND, command=("python3", "job.py")),
        Target("base", A_DATABASE, dsn_env="SHOP_DSN"),
    ),
    goals={"p95": 0.4, "lcp": 2.5},
    load=Load(Stretch(20.0, 60.0)),
)


def test_requirements_tell_goals_gaps_limits_and_the_load() -> None:
    page = requirements.requirements_md(
        ORDER,
        look({**FASTAPI, "load.js": K6, "access.log": "\n".join([_line("/a")] * 60), "broken.toml": "", "pyproject.toml": "x\n"}),
    )
    for words in (
        "| Response time, 95th percentile | at most 400 ms | the document |",
        "| Requests that failed | `error_rate` | `http_req_failed rate<0.01` (k6, `load.js:5`) |",
        "the goal is stricter: 400 ms",
        "What **web** is asked for, as said by `access.log`:",
        "1 requests a second: what is asked is 20 times that.",
        "| framework | FastAPI | `api/main.py:1` (`import fastapi`) |",
        "- `pyproject.toml:1`: no TOML",
    ):
        assert words in page
    assert "Time of a run" in page


@pytest.mark.parametrize(
    ("extra", "watched", "step"),
    [
        (
            {},
            0,
            "`prometheus-fastapi-instrumentator`: `Instrumentator().instrument(app).expose(app)`; it is made in `api/main.py:3`",
        ),
        ({"requirements.txt": "prometheus-fastapi-instrumentator\n"}, 4, ""),
        (
            {"requirements.txt": "opentelemetry-instrumentation-fastapi\n"},
            3,
            "(saturation): add `prometheus-fastapi-instrumentator`",
        ),
        ({"requirements.txt": "opentelemetry-instrumentation-flask\n"}, 0, "`prometheus-fastapi-instrumentator`"),
        ({"requirements.txt": "prometheus-client\n"}, 1, "(latency, traffic, errors): add `prometheus-fastapi-instrumentator`"),
    ],
)
def test_telemetry_tells_what_is_watched_and_the_smallest_step(extra: Project, watched: int, step: str) -> None:
    page = telemetry.telemetry_md(Order("shop", ORDER.targets[:1]), look({**FASTAPI, **extra}))
    assert f"{watched} of 4 are watched" in page
    assert step in page
    assert ("## Steps" in page) is (watched < 4)


def test_telemetry_names_what_may_watch_already() -> None:
    project = {**FASTAPI, "api/timing.py": "from prometheus_client import Histogram\nT = Histogram('a', 'b')\n"}
    page = telemetry.telemetry_md(Order("shop", ORDER.targets[:1]), look(project))
    assert "| web | latency | nothing, unless Histogram of prometheus-client at `api/timing.py:2` does |" in page


def test_architecture_draws_only_what_was_found() -> None:
    page = architecture.architecture_md(ORDER, look({**FASTAPI, "requirements.txt": "fastapi\nasyncpg\n"}))
    for words in (
        '  t0["web<br/>FastAPI"]', "  clients --> t0", '  s0[("PostgreSQL")]', "  t0 -.-> s0",
        "| GET | `/v1/users/{user_id}` | `one` | `api/routers/users.py:8` | FastAPI |",
        "| database | PostgreSQL | `requirements.txt:2` | `asyncpg` |",
        "| web | service | `http://127.0.0.1:8000/`, started by `uvicorn api.main:app` | FastAPI (`api/main.py:3`) |",
    ):  # fmt: skip
        assert words in page
    empty = architecture.architecture_md(Order("shop", (_WEB,)), look({}))
    assert "No route was found." in empty
    assert "-.->" not in empty


def test_strangers_words_cannot_write_the_pages() -> None:
    evil = "</td>`|<script>\n# Heading"
    project = {
        "openapi.json": json.dumps({"openapi": "3", "paths": {f"/{evil}": {"get": {}}}}),
        "docker-compose.yml": json.dumps({"services": {"db": {"image": f"{evil}/postgres:15"}}}),
        "pages/index.js": "",
        "app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/a`|b\\n# Heading')\ndef x(): ...\n",
    }
    for page in _PAGES:
        text = page(ORDER, look(project))
        assert "\n# Heading" not in text
        cells = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| GET")]
        assert set(cells) <= {6, 4, 8}


def test_sentences_say_what_matters_most() -> None:
    said = sentences.sentences(look({**FASTAPI, "requirements.txt": "fastapi\nasyncpg\nredis\n"}))
    assert said == (
        "4 routes of FastAPI (`requirements.txt:1`) were found, 0 of them pages",
        "the project names PostgreSQL (`requirements.txt:2`) and Redis (`requirements.txt:3`)",
        "nothing that watches it in production was found",
    )
