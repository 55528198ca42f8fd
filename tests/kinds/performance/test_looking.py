"""Looking: services of any kind are looked into from outside and, where a witness gets in, from inside; nothing breaks."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.causes import found
from bmad_provisioner.kinds.performance.looking import Effort, look
from bmad_provisioner.kinds.performance.order import SERVICE, Ask, Target

_EFFORT = Effort(5, 0.3, 40, 3.0)
_NODE = """
const http = require('http');
const text = JSON.stringify(Array.from({length: 4000}, (_, n) => ({name: 'article', price: n})));
http.createServer((asked, answer) => {
  if (asked.url === '/busy') { const end = process.cpuUsage().user + 120000; while (process.cpuUsage().user < end); answer.end('done'); }
  else if (asked.url === '/list') { answer.setHeader('Content-Type', 'application/json'); answer.end(text); }
  else if (asked.url === '/late') { setTimeout(() => answer.end('late'), 300); }
  else answer.end('ok');
}).listen(PORT, '127.0.0.1');
"""
_FORKS = """
import http.server, os, threading, time
KEPT = []
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/kept":
            KEPT.append([float(n) for n in range(300)])
        if self.path == "/gone":
            os._exit(3)
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", PORT), Answer)
if os.fork() == 0:
    server.serve_forever()
server.serve_forever()
"""


def _target(folder: Path, command: str, text: str, *asks: Ask) -> Target:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    (folder / "serve.txt").write_text(text.replace("PORT", str(port)), "utf-8")
    shutil.copy(folder / "serve.txt", folder / "serve.py")
    return Target(
        "web", SERVICE, f"http://127.0.0.1:{port}/", (command, "serve.txt" if command == "node" else "serve.py"), requests=asks
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.slow
def test_what_is_no_python_is_looked_at_from_outside(tmp_path: Path) -> None:
    target = _target(tmp_path, "node", _NODE, Ask("/busy"), Ask("/list"), Ask("/late"), Ask("/"))
    causes = found(look(target, tmp_path, Turn(), target.requests, _EFFORT), "web")
    assert {(one.kind, one.request) for one in causes} == {
        ("slow-handler", "GET /busy"), ("no-compression", "GET /list"), ("slow-wait", "GET /late"),
    }  # fmt: skip
    assert all("no witness" in one.evidence for one in causes if one.kind != "no-compression")


@pytest.mark.slow
def test_a_service_of_several_processes_is_seen_in_all_of_them(tmp_path: Path) -> None:
    target = _target(tmp_path, sys.executable, _FORKS, Ask("/kept"), Ask("/"))
    causes = found(look(target, tmp_path, Turn(), target.requests, _EFFORT), "web")
    assert [(one.kind, one.request, one.where) for one in causes] == [("leak", "GET /kept", "serve.py:7")]


@pytest.mark.slow
def test_a_request_that_ends_the_service_breaks_nothing(tmp_path: Path) -> None:
    target = _target(tmp_path, sys.executable, _FORKS, Ask("/"), Ask("/gone"))
    assert len(look(target, tmp_path, Turn(), target.requests, _EFFORT)) == 2
