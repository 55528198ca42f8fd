"""Limits: what the project demands of its own speed already, in the files of Lighthouse and k6."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmad_provisioner.kinds.performance.discover.facts import BUDGET, LOAD_TEST, At, Limit, Thing
from bmad_provisioner.kinds.performance.discover.files import Files, mapping, matches, name, sequence

_LIGHTHOUSE = re.compile(r"\.?lighthouserc\.(?:js|cjs|json|ya?ml)$")
_BUDGET = re.compile(r"(?:[\w.-]*[-_.])?budgets?\.json$")
_AUDITS = {
    "largest-contentful-paint": ("lcp", 1e-3), "cumulative-layout-shift": ("cls", 1.0), "server-response-time": ("ttfb", 1e-3),
    "interaction-to-next-paint": ("inp", 1e-3), "resource-summary:script:size": ("bundle", 1.0),
    "time-to-first-byte": ("ttfb", 1e-3),
}  # fmt: skip
"""Audits of Lighthouse that are a goal of ours, and what their unit is of ours."""
_KIB = 1024
_ASSERTED = re.compile(r"""["']?([a-z][\w:-]{2,60})["']?\s*:\s*\[\s*["'](?:error|warn)["']\s*,\s*\{([^{}]{0,300})\}""")
_AT_MOST = re.compile(r"""["']?(maxNumericValue|minScore)["']?\s*:\s*([\d.]{1,20})""")
_METRICS = {
    "http_req_duration": {"med": ("p50", 1e-3), "p(50)": ("p50", 1e-3), "p(95)": ("p95", 1e-3), "p(99)": ("p99", 1e-3)},
    "http_req_failed": {"rate": ("error_rate", 1.0)},
    "http_reqs": {"rate": ("throughput", 1.0)},
    "http_req_waiting": {"p(95)": ("ttfb", 1e-3)},
    "browser_web_vital_lcp": {"p(75)": ("lcp", 1e-3)},
    "browser_web_vital_inp": {"p(75)": ("inp", 1e-3)},
    "browser_web_vital_cls": {"p(75)": ("cls", 1.0)},
    "browser_web_vital_ttfb": {"p(75)": ("ttfb", 1e-3)},
}
"""Metrics and statistics of k6 that are a goal of ours; it counts milliseconds."""
_THRESHOLDS = re.compile(
    r"""["']?\b(http_req\w{1,20}|browser_web_vital_\w{2,6})(\{[^}\n]{0,100}\})?["']?\s*:\s*\[([^\]]{0,600})\]"""
)
_THRESHOLD = re.compile(
    r"""["'`]\s*(med|avg|min|max|rate|count|p\(\d{1,2}(?:\.\d{1,3})?\))\s*(<=?|>=?)\s*(\d{1,9}(?:\.\d{1,9})?)\s*["'`]"""
)


def limits(files: Files) -> Iterator[Limit | Thing]:
    """Yield the limits, and the files of load tests and budgets that hold them."""
    for path in files.paths:
        if _LIGHTHOUSE.search(name(path)):
            yield Thing(BUDGET, "Lighthouse CI", At(path), name(path))
            yield from _asserted(files, path)
        elif _BUDGET.match(name(path)):
            yield from _budgets(files, path)
        elif path.endswith((".js", ".ts", ".mjs")) and re.search(r"""["']k6(?:/[\w/.-]{1,40})?["']""", files.text(path)):
            yield Thing(LOAD_TEST, "k6", At(path), name(path))
            yield from _thresholds(files, path)
        elif name(path) == "locustfile.py":
            yield Thing(LOAD_TEST, "Locust", At(path), name(path))


def _asserted(files: Files, path: str) -> Iterator[Limit]:
    """Yield assertions of Lighthouse CI: they look the same in JSON and in JavaScript; YAML is read as what it is."""
    if path.endswith((".yml", ".yaml")):
        data, lines = files.data(path)
        assertions = mapping(mapping(mapping(mapping(data).get("ci")).get("assert")).get("assertions"))
        for audit, rule in assertions.items():
            options = mapping(rule[1]) if isinstance(rule, list) and len(rule) > 1 else {}
            for key in ("maxNumericValue", "minScore"):
                value = _number(options.get(key))
                if value is not None:
                    yield _limit(audit, key, value, At(path, lines.get(("ci", "assert", "assertions", audit), 0)))
        return
    for found, line in matches(files.text(path), _ASSERTED):
        for key, value in _AT_MOST.findall(found[2]):
            if _number(value) is not None:
                yield _limit(found[1], key, float(value), At(path, line))


def _limit(audit: str, key: str, value: float, at: At) -> Limit:
    sign = "<=" if key == "maxNumericValue" else ">="
    metric, unit = _AUDITS.get(audit, ("", 1.0)) if key == "maxNumericValue" else ("", 1.0)
    return Limit(metric, value * unit, f"{audit} {sign} {value:g}", "Lighthouse CI", at)


def _budgets(files: Files, path: str) -> Iterator[Limit | Thing]:
    """Yield what a `budget.json` of Lighthouse holds; sizes in it are KiB."""
    data, lines = files.data(path)
    if not isinstance(data, list) or not any(mapping(page).keys() & {"timings", "resourceSizes"} for page in data):
        return
    yield Thing(BUDGET, "Lighthouse budget", At(path), name(path))
    for place, page in enumerate(data):
        for number, one in enumerate(sequence(mapping(page).get("timings"))):
            value, audit = _number(mapping(one).get("budget")), str(mapping(one).get("metric"))
            if value is not None:
                metric, unit = _AUDITS.get(audit, ("", 1.0))
                at = At(path, lines.get((place, "timings", number), 0))
                yield Limit(metric, value * unit, f"{audit} <= {value:g}", "Lighthouse budget", at)
        for number, one in enumerate(sequence(mapping(page).get("resourceSizes"))):
            value, sort = _number(mapping(one).get("budget")), str(mapping(one).get("resourceType"))
            if value is not None:
                at = At(path, lines.get((place, "resourceSizes", number), 0))
                yield Limit("bundle" if sort == "script" else "", value * _KIB, f"{sort} <= {value:g} KiB", "Lighthouse budget", at)


def _thresholds(files: Files, path: str) -> Iterator[Limit]:
    """Yield thresholds of k6; one with a tag is for some requests only, so it is no goal for all."""
    for found, line in matches(files.text(path), _THRESHOLDS):
        for statistic, sign, value in _THRESHOLD.findall(found[3]):
            metric, unit = _METRICS.get(found[1], {}).get(statistic, ("", 1.0))
            fits = not found[2] and (sign[0] == ">") == (metric == "throughput")
            said = f"{found[1]}{found[2] or ''} {statistic}{sign}{value}"
            yield Limit(metric if fits else "", float(value) * (unit if fits else 1.0), said, "k6", At(path, line))


def _number(value: object) -> float | None:
    return float(str(value)) if not isinstance(value, bool) and re.fullmatch(r"\d{1,12}(?:\.\d{0,9})?", str(value)) else None
