"""Skeletons: how each framework serves the pieces, as files by name and the command that starts them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from performance.planted.pieces import Piece
from performance.planted.stores import (
    ASYNC_FETCH,
    ASYNC_STORE,
    DJANGO_MODELS,
    DJANGO_SETTINGS,
    IMPORTS,
    SA_MODELS,
    SYNC_FETCH,
    SYNC_STORE,
    UPSTREAM,
)

Files = dict[str, str]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A way to serve: whether its functions are coroutines, the flavour of its database, and the files it is made of."""

    name: str
    files: Callable[[Sequence[Piece], str], Files]
    start: tuple[str, ...]
    asynchronous: bool = False
    orm: str = ""


def text(piece: Piece, asynchronous: bool, healthy: bool) -> str:
    """Return the function of a piece in one of the two styles."""
    style = (
        {"D": "async def", "W": "await ", "SLEEP": "asyncio.sleep", "WITH": "async with", "LOCK": "asyncio.Lock"}
        if asynchronous
        else {"D": "def", "W": "", "SLEEP": "time.sleep", "WITH": "with", "LOCK": "threading.Lock"}
    )
    return piece.source(healthy=healthy).format(**style)


def store(logic: str, asynchronous: bool) -> str:
    """Return what the functions need of database and upstream, and no more."""
    parts = [ASYNC_STORE if asynchronous else SYNC_STORE] if "rows(" in logic else []
    if "fetch(" in logic or "together(" in logic:
        parts += [UPSTREAM, ASYNC_FETCH if asynchronous else SYNC_FETCH]
    return "".join(parts)


def _whole(logic: str, asynchronous: bool) -> str:
    return f"{IMPORTS}{store(logic, asynchronous)}\n\n{logic}"


def _in_path(piece: Piece) -> list[str]:
    return re.findall(r"\{(\w+)\}", piece.path)


def _call(piece: Piece, given: str, prefix: str = "") -> str:
    """Return the call of a piece with its numbers: those of the path by name, the others looked up in `given`."""
    inside = _in_path(piece)
    numbers = [f"int({name})" if name in inside else f'int({given}.get("{name}", {value}))' for name, value in piece.numbers]
    return f"{prefix}{piece.name}({', '.join(numbers)})"


def _flask(pieces: Sequence[Piece], logic: str) -> Files:
    made = "from flask import Flask, Response, request\nimport logic\n\napp = Flask(__name__)\n"
    for piece in pieces:
        path = piece.path.replace("{", "<int:").replace("}", ">")
        given = "request.get_json()" if piece.method == "POST" else "request.args"
        made += f'\n\n@app.route("{path}", methods=["{piece.method}"])\ndef {piece.name}({", ".join(_in_path(piece))}):\n'
        made += f"    body, headers = {_call(piece, given, 'logic.')}\n    return Response(body, headers=headers)\n"
    made += '\n\n@app.get("/")\ndef home():\n    body, headers = logic.home()\n    return Response(body, headers=headers)\n'
    made += '\n\n@app.get("/static/<name>")\ndef asset(name):\n    body, headers = logic.asset(name)\n    return Response(body, headers=headers)\n'
    made += '\n\nif __name__ == "__main__":\n    app.run(port=logic.PORT, threaded=True)\n'
    helpers = store(logic, False)
    return {"app.py": made, "data.py": IMPORTS + helpers, "logic.py": f"from data import *\n\n{logic}"}


def _fastapi(pieces: Sequence[Piece], logic: str) -> Files:
    made = _whole(logic, True) + "\n\nimport uvicorn\nfrom fastapi import Body, FastAPI, Response\n\napi = FastAPI()\n"
    for piece in pieces:
        inside = _in_path(piece)
        if piece.method == "POST":
            arguments = "given: dict = Body()"
            call = _call(piece, "given")
        else:
            arguments = ", ".join(f"{name}: int" + ("" if name in inside else f" = {value}") for name, value in piece.numbers)
            call = f"{piece.name}({', '.join(name for name, _ in piece.numbers)})"
        made += f'\n\n@api.{piece.method.lower()}("{piece.path}")\nasync def get_{piece.name}({arguments}):\n'
        made += f"    body, headers = await {call}\n    return Response(body, headers=headers)\n"
    made += '\n\n@api.get("/")\ndef get_home():\n    body, headers = home()\n    return Response(body, headers=headers)\n'
    made += '\n\n@api.get("/static/{name}")\ndef get_asset(name: str):\n    body, headers = asset(name)\n    return Response(body, headers=headers)\n'
    made += '\n\nif __name__ == "__main__":\n    uvicorn.run(api, port=PORT, log_level="warning")\n'
    return {"main.py": made}


def _django(pieces: Sequence[Piece], logic: str) -> Files:
    helpers = store(logic, False)
    views = f"{IMPORTS}{helpers}\nfrom django.http import HttpResponse\nfrom shop.models import Entry, Event, Order\n\n\n{logic}\n"
    urls = "from django.urls import path\nfrom shop import views\n\nurlpatterns = [\n"
    for piece in pieces:
        route = piece.path[1:].replace("{", "<int:").replace("}", ">")
        given = "json.loads(request.body)" if piece.method == "POST" else "request.GET"
        views += f"\n\ndef {piece.name}_view({', '.join(['request', *_in_path(piece)])}):\n"
        views += f"    body, headers = {_call(piece, given)}\n    return HttpResponse(body, headers=headers)\n"
        urls += f'    path("{route}", views.{piece.name}_view),\n'
    views += "\n\ndef home_view(request):\n    body, headers = home()\n    return HttpResponse(body, headers=headers)\n"
    views += "\n\ndef asset_view(request, name):\n    body, headers = asset(name)\n    return HttpResponse(body, headers=headers)\n"
    urls += '    path("", views.home_view),\n    path("static/<str:name>", views.asset_view),\n]\n'
    wsgi = (
        'import os\n\nos.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\n'
        "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"
    )
    return {
        "shop/__init__.py": "", "shop/models.py": DJANGO_MODELS, "shop/settings.py": DJANGO_SETTINGS,
        "shop/views.py": views, "shop/urls.py": urls, "shop/wsgi.py": wsgi,
    }  # fmt: skip


_TABLE = """

ROUTES = [
{routes}    ("GET", re.compile("/"), lambda given: home()),
    ("GET", re.compile("/static/(?P<name>[^/]+)"), lambda given: asset(given["name"])),
]


def answer(method, target, body):
    path, _, query = target.partition("?")
    for known, pattern, function in ROUTES:
        found = pattern.fullmatch(path)
        if found and known == method:
            return function({{**dict(urllib.parse.parse_qsl(query)), **(json.loads(body) if body else {{}}), **found.groupdict()}})
    return None
"""


def _table(pieces: Sequence[Piece]) -> str:
    routes = ""
    for piece in pieces:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", piece.path)
        numbers = ", ".join(f'int(given.get("{name}", {value}))' for name, value in piece.numbers)
        routes += f'    ("{piece.method}", re.compile("{pattern}"), lambda given: {piece.name}({numbers})),\n'
    return _TABLE.format(routes=routes)


_HTTP = """

from http.server import BaseHTTPRequestHandler, {server}
import urllib.parse


class Handler(BaseHTTPRequestHandler):
    protocol_version = "{version}"

    def _say(self, method):
        said = answer(method, self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
        body, headers = said or (b"", {{}})
        self.send_response(200 if said else 404)
        for name, value in {{**headers, "Content-Length": str(len(body))}}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self._say("GET")

    def do_POST(self):
        self._say("POST")

    def log_message(self, *args):
        pass


{server}(("127.0.0.1", PORT), Handler).serve_forever()
"""


def _static(pieces: Sequence[Piece], logic: str) -> Files:
    serve = _HTTP.format(server="ThreadingHTTPServer", version="HTTP/1.1")
    return {"api.py": _whole(logic, False) + _table(pieces), "server.py": f"import sys\nfrom api import *\n{serve}"}


def _plain(pieces: Sequence[Piece], logic: str) -> Files:
    serve = _HTTP.format(server="ThreadingHTTPServer", version="HTTP/1.0")
    return {"run.py": _whole(logic, False) + _table(pieces) + serve}


_WSGI = """

import urllib.parse
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    target = environ["PATH_INFO"] + "?" + environ.get("QUERY_STRING", "")
    said = answer(environ["REQUEST_METHOD"], target, environ["wsgi.input"].read(size) if size else b"")
    body, headers = said or (b"", {})
    start_response("200 OK" if said else "404 Not Found", list({**headers, "Content-Length": str(len(body))}.items()))
    return [body]


if __name__ == "__main__":
    make_server("127.0.0.1", PORT, application, Server, Quiet).serve_forever()
"""


def _wsgiref(pieces: Sequence[Piece], logic: str) -> Files:
    return {"site_main.py": _whole(logic, False) + _table(pieces) + _WSGI}


def _bottle(pieces: Sequence[Piece], logic: str) -> Files:
    made = _whole(logic, False) + "\n\nimport bottle\n"
    for piece in pieces:
        path = re.sub(r"\{(\w+)\}", r"<\1:int>", piece.path)
        given = "bottle.request.json" if piece.method == "POST" else "bottle.request.query"
        made += f'\n\n@bottle.route("{path}", method="{piece.method}")\ndef {piece.name}_page({", ".join(_in_path(piece))}):\n'
        made += f"    body, headers = {_call(piece, given)}\n    return bottle.HTTPResponse(body, **headers)\n"
    made += '\n\n@bottle.get("/")\ndef home_page():\n    body, headers = home()\n    return bottle.HTTPResponse(body, **headers)\n'
    made += '\n\n@bottle.get("/static/<name>")\ndef asset_page(name):\n    body, headers = asset(name)\n    return bottle.HTTPResponse(body, **headers)\n'
    made += "\n\napplication = bottle.default_app()\n"
    return {"pages.py": made}


def _falcon(pieces: Sequence[Piece], logic: str) -> Files:
    made = _whole(logic, False) + "\n\nimport falcon\n\napplication = falcon.App()\n"
    for piece in pieces:
        given = "request.get_media()" if piece.method == "POST" else "request.params"
        inside = ", ".join(["self", "request", "response", *_in_path(piece)])
        made += f"\n\nclass {piece.name.title()}:\n    def on_{piece.method.lower()}({inside}):\n"
        made += f"        response.data, headers = {_call(piece, given)}\n        response.set_headers(headers)\n"
        made += f'\n\napplication.add_route("{piece.path}", {piece.name.title()}())\n'
    made += "\n\nclass Home:\n    def on_get(self, request, response):\n        response.data, headers = home()\n        response.set_headers(headers)\n"
    made += '\n\napplication.add_route("/", Home())\n'
    made += "\n\nclass Asset:\n    def on_get(self, request, response, name):\n        response.data, headers = asset(name)\n        response.set_headers(headers)\n"
    made += '\n\napplication.add_route("/static/{name}", Asset())\n'
    return {"web/service.py": made.replace("resolve().parent", "resolve().parent.parent"), "web/__init__.py": ""}


def _starlette(pieces: Sequence[Piece], logic: str) -> Files:
    made = _whole(logic, True) + "\n\nfrom starlette.applications import Starlette\nfrom starlette.responses import Response\n"
    made += "from starlette.routing import Route\n"
    routes = ""
    for piece in pieces:
        given = "(await request.json())" if piece.method == "POST" else "request.query_params"
        made += f"\n\nasync def on_{piece.name}(request):\n"
        made += "".join(f'    {name} = request.path_params["{name}"]\n' for name in _in_path(piece))
        made += f"    body, headers = await {_call(piece, given)}\n    return Response(body, headers=headers)\n"
        routes += f'    Route("{piece.path}", on_{piece.name}, methods=["{piece.method}"]),\n'
    made += "\n\nasync def on_home(request):\n    body, headers = home()\n    return Response(body, headers=headers)\n"
    made += '\n\nasync def on_asset(request):\n    body, headers = asset(request.path_params["name"])\n    return Response(body, headers=headers)\n'
    made += f'\n\napp = Starlette(routes=[\n{routes}    Route("/", on_home),\n    Route("/static/{{name}}", on_asset),\n])\n'
    return {"src/site_app.py": made.replace("resolve().parent", "resolve().parent.parent")}


def _aiohttp(pieces: Sequence[Piece], logic: str) -> Files:
    made = _whole(logic, True) + "\n\nfrom aiohttp import web\n\nroutes = web.RouteTableDef()\n"
    for piece in pieces:
        given = "(await request.json())" if piece.method == "POST" else "request.query"
        made += f'\n\n@routes.{piece.method.lower()}("{piece.path}")\nasync def on_{piece.name}(request):\n'
        made += "".join(f'    {name} = request.match_info["{name}"]\n' for name in _in_path(piece))
        made += f"    body, headers = await {_call(piece, given)}\n    return web.Response(body=body, headers=headers)\n"
    made += '\n\n@routes.get("/")\nasync def on_home(request):\n    body, headers = home()\n    return web.Response(body=body, headers=headers)\n'
    made += (
        '\n\n@routes.get("/static/{name}")\nasync def on_asset(request):\n'
        '    body, headers = asset(request.match_info["name"])\n    return web.Response(body=body, headers=headers)\n'
    )
    made += "\n\nif __name__ == '__main__':\n    app = web.Application()\n    app.add_routes(routes)\n"
    made += "    web.run_app(app, host='127.0.0.1', port=PORT, print=None)\n"
    return {"app.py": made}


def _sqlalchemy(pieces: Sequence[Piece], logic: str) -> Files:
    made = (
        IMPORTS
        + store(logic, False)
        + SA_MODELS
        + f"\n\n{logic}\n\nfrom flask import Flask, Response, request\n\napp = Flask(__name__)\n"
    )
    for piece in pieces:
        path = piece.path.replace("{", "<int:").replace("}", ">")
        given = "request.get_json()" if piece.method == "POST" else "request.args"
        made += f'\n\n@app.route("{path}", methods=["{piece.method}"])\ndef show_{piece.name}({", ".join(_in_path(piece))}):\n'
        made += f"    body, headers = {_call(piece, given)}\n    return Response(body, headers=headers)\n"
    made += '\n\n@app.get("/")\ndef show_home():\n    body, headers = home()\n    return Response(body, headers=headers)\n'
    made += '\n\n@app.get("/static/<name>")\ndef show_asset(name):\n    body, headers = asset(name)\n    return Response(body, headers=headers)\n'
    return {"shopfront.py": made}


def _gunicorn(module: str, workers: int, *more: str) -> tuple[str, ...]:
    return (
        sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "-w", str(workers), "--threads", "16", "--no-control-socket", *more, module,
    )  # fmt: skip


SKELETONS: Mapping[str, Skeleton] = {
    one.name: one
    for one in (
        Skeleton("flask", _flask, (sys.executable, "app.py", "{port}")),
        Skeleton("fastapi", _fastapi, (sys.executable, "main.py", "{port}"), asynchronous=True),
        Skeleton("django", _django, _gunicorn("shop.wsgi", 1), orm="django"),
        Skeleton("static", _static, (sys.executable, "server.py", "{port}")),
        Skeleton("sqlalchemy", _sqlalchemy, _gunicorn("shopfront:app", 2), orm="sqlalchemy"),
        Skeleton("plain", _plain, (sys.executable, "run.py", "{port}")),
        Skeleton("wsgiref", _wsgiref, (sys.executable, "site_main.py", "{port}")),
        Skeleton("bottle", _bottle, _gunicorn("pages:application", 1)),
        Skeleton("falcon", _falcon, _gunicorn("web.service:application", 2)),
        Skeleton(
            "starlette",
            _starlette,
            (sys.executable, "-m", "uvicorn", "--app-dir", "src", "site_app:app", "--port", "{port}"),
            asynchronous=True,
        ),
        Skeleton("aiohttp", _aiohttp, (sys.executable, "app.py", "{port}"), asynchronous=True),
    )
}
TUNED = ("flask", "fastapi", "django", "static")
HELD_OUT = ("sqlalchemy", "plain", "wsgiref", "bottle", "falcon", "starlette", "aiohttp")
