"""JavaScript: routes of Express and its likes, and of Next.js, found by how their lines look; nothing is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import dirname, normpath

from bmad_provisioner.kinds.performance.discover.facts import ANY, At, Route
from bmad_provisioner.kinds.performance.discover.files import Files, is_test, matches
from bmad_provisioner.kinds.performance.discover.routes import plain

_ENDS = (".js", ".mjs", ".cjs", ".ts")
_PAGES = (".js", ".jsx", ".ts", ".tsx", ".mdx")
_USES = re.compile(r"""["'](express|fastify|@koa/router|koa-router|hono)["']""")
_NAMES = {"express": "Express", "fastify": "Fastify", "@koa/router": "Koa", "koa-router": "Koa", "hono": "Hono"}
_ROUTE = re.compile(r"""\b(\w{1,60})\.(get|post|put|patch|delete|all)\(\s*["'`](/[^"'`\n]{0,200})["'`]\s*,([^\n]{0,200})""")
_USE = re.compile(r"""\b(\w{1,60})\.(?:use|register|route)\(\s*["'`](/[^"'`\n]{0,200})["'`]\s*,[^\n;]{0,200}?\b(\w{1,60})\s*\)""")
_USED_FILE = re.compile(r"""\b\w{1,60}\.use\(\s*["'`](/[^"'`\n]{0,200})["'`]\s*,\s*require\(\s*["'](\.[^"'\n]{1,200})["']""")
_IMPORTED = re.compile(
    r"""(?:\b(?:const|let|var)\s+(\w{1,60})\s*=\s*require\(\s*["'](\.[^"'\n]{1,200})["']"""
    r"""|\bimport\s+(\w{1,60})\s+from\s+["'](\.[^"'\n]{1,200})["'])"""
)
_LISTENS = re.compile(r"\.listen\(\s*(?:\{\s*port:\s*)?(?:process\.env\.PORT\s*(?:\|\||\?\?)\s*)?(\d{2,5})")
_PORT = re.compile(r"\b(?:PORT|port)\s*=\s*(?:Number\(|parseInt\()?\s*(?:process\.env\.PORT\s*(?:\|\||\?\?)\s*)?[\"']?(\d{2,5})")
_SENDS_A_PAGE = re.compile(r"\.render\(|\.html\b|sendFile")


def routes(files: Files) -> Iterator[Route]:
    """Yield the routes of files that use a known framework, under the prefixes that other files give them."""
    texts = {path: files.text(path) for path in files.named(*_ENDS) if not is_test(path)}
    using = {path: found for path, text in texts.items() if (found := _USES.search(text))}
    prefixes = _prefixes({path: texts[path] for path in using})
    for path, framework in using.items():
        for prefix in prefixes.get(path, ("",)):
            yield from _registered(path, texts[path], _NAMES[framework[1]], prefix)


def _registered(path: str, text: str, framework: str, prefix: str) -> Iterator[Route]:
    local = {found[3]: found[2] for found in _USE.finditer(text)}
    for found, line in matches(text, _ROUTE):
        whole = prefix + local.get(found[1], "") + found[3]
        method = ANY if found[2] == "all" else found[2].upper()
        shown = re.search(r"\b(\w+)\s*\)\s*;?\s*$", found[4])
        yield Route(
            method,
            plain(re.sub(r"/{2,}", "/", whole), framework),
            shown[1] if shown else "",
            At(path, line),
            framework,
            bool(_SENDS_A_PAGE.search(found[4])),
        )


def _prefixes(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the prefixes under which one file mounts the router of another (one step: `app.use("/api", require("./api"))`)."""
    prefixes: dict[str, list[str]] = {}
    for path, text in texts.items():
        imported = {found[1] or found[3]: found[2] or found[4] for found in _IMPORTED.finditer(text)}
        mounts = [(found[2], imported[found[3]]) for found in _USE.finditer(text) if found[3] in imported]
        mounts += [(found[1], found[2]) for found in _USED_FILE.finditer(text)]
        for prefix, target in mounts:
            base = normpath(f"{dirname(path)}/{target}").lstrip("/")
            names = (base, *(f"{base}{end}" for end in _ENDS), *(f"{base}/index{end}" for end in _ENDS))
            hit = next((name for name in names if name in texts), "")
            if hit and hit != path:
                prefixes.setdefault(hit, []).append(prefix)
    return prefixes


def pages(files: Files) -> Iterator[Route]:
    """Yield what the files of a Next.js project are asked for by: those in `pages/` and in `app/`."""
    for path in files.named(*_PAGES):
        inner = path.removeprefix("src/")
        stem = re.sub(r"\.\w+$", "", inner)
        if inner.startswith("pages/") and not stem.rpartition("/")[2].startswith("_"):
            yield _next(path, re.sub(r"(^|/)index$", "", stem.removeprefix("pages/")), page=not stem.startswith("pages/api/"))
        elif inner.startswith("app/") and stem.endswith(("/page", "/route")):
            whole = stem.removeprefix("app").rpartition("/")[0].strip("/")
            yield _next(path, re.sub(r"(^|/)\([^)/]{1,60}\)(?=/|$)", "", whole).lstrip("/"), page=stem.endswith("/page"))


def _next(path: str, route: str, *, page: bool) -> Route:
    return Route("GET", "/" + re.sub(r"\[+(?:\.\.\.)?(\w+)\]+", r"{\1}", route), "", At(path), "Next.js", page)


def ports(files: Files) -> Iterator[tuple[int, At]]:
    """Yield the ports that files of JavaScript listen at."""
    for path in files.named(*_ENDS):
        text = "" if is_test(path) else files.text(path)
        found = next(matches(text, _LISTENS), None) or (next(matches(text, _PORT), None) if ".listen(" in text else None)
        if found:
            yield int(found[0][1]), At(path, found[1])
