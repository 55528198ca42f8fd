"""Gaps: which of the four golden signals nobody measures of a target yet, and the smallest step that would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.discover.facts import METRICS, TRACING, At, Found, Thing
from bmad_provisioner.kinds.performance.discover.routes import OWN
from bmad_provisioner.kinds.performance.discover.serving import framework
from bmad_provisioner.kinds.performance.order import DATABASE, SERVICE, Target

LATENCY, TRAFFIC, ERRORS, SATURATION = "latency", "traffic", "errors", "saturation"
SIGNALS = (LATENCY, TRAFFIC, ERRORS, SATURATION)
"""What a service is watched by (Site Reliability Engineering, chapter 6)."""
_ASKED = (LATENCY, TRAFFIC, ERRORS)
_GIVES: Mapping[str, tuple[str, ...]] = {
    "prometheus-fastapi-instrumentator": SIGNALS, "prometheus-flask-exporter": SIGNALS, "django-prometheus": SIGNALS,
    "starlette-exporter": SIGNALS, "express-prom-bundle": _ASKED, "fastify-metrics": SIGNALS, "ddtrace": _ASKED,
    "newrelic": _ASKED, "elastic-apm": _ASKED, "dd-trace": _ASKED, "elastic-apm-node": _ASKED,
    "micrometer-registry-prometheus": SIGNALS, "prometheus-client": (SATURATION,),
    "@opentelemetry/auto-instrumentations-node": _ASKED, "postgres_exporter": SIGNALS,
}  # fmt: skip
"""What an instrument gives once it is switched on; Python's exporters bring the processor and the memory of the process along."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to add: a library, and the line of code or configuration that switches it on."""

    library: str
    line: str


_STEPS: Mapping[str, Step] = {
    "FastAPI": Step("prometheus-fastapi-instrumentator", "Instrumentator().instrument({app}).expose({app})"),
    "Starlette": Step(
        "starlette-exporter", '{app}.add_middleware(PrometheusMiddleware); {app}.add_route("/metrics", handle_metrics)'
    ),
    "Flask": Step("prometheus-flask-exporter", "PrometheusMetrics({app})"),
    "Django": Step(
        "django-prometheus",
        '"django_prometheus" in INSTALLED_APPS, its two middlewares around all others, path("", include("django_prometheus.urls"))',
    ),
    "aiohttp": Step("opentelemetry-instrumentation-aiohttp-server", "AioHttpServerInstrumentor().instrument()"),
    "Falcon": Step("opentelemetry-instrumentation-falcon", "FalconInstrumentor().instrument()"),
    "Bottle": Step("opentelemetry-instrumentation-wsgi", "{app} = OpenTelemetryMiddleware({app})"),
    "Tornado": Step("opentelemetry-instrumentation-tornado", "TornadoInstrumentor().instrument()"),
    "Express": Step("express-prom-bundle", "app.use(promBundle({{ includeMethod: true, includePath: true }}))"),
    "Fastify": Step("fastify-metrics", "await fastify.register(metrics)"),
    "Spring Boot": Step(
        "spring-boot-starter-actuator` and `micrometer-registry-prometheus",
        "management.endpoints.web.exposure.include=health,prometheus",
    ),
    "Rails": Step("prometheus_exporter", "Rails.application.middleware.unshift PrometheusExporter::Middleware"),
    OWN: Step("prometheus-client", "start_http_server(9100), and around the handler: with Histogram(...).time()"),
}
_PROCESS: Mapping[str, Step] = {
    **dict.fromkeys(
        ("aiohttp", "Falcon", "Bottle", "Tornado", OWN),
        Step("prometheus-client", "start_http_server(9100): it brings the processor and the memory of the process"),
    ),
    "Express": Step("prom-client", "promBundle({{ promClient: {{ collectDefaultMetrics: {{}} }} }})"),
}
_RUN = (
    "let each run tell when it began, how long it took, how it ended and the most memory it held, as a `Gauge` of "
    "`prometheus-client`: by `write_to_textfile` where a node_exporter is, else by `push_to_gateway`"
)


@dataclass(frozen=True, slots=True)
class Signal:
    """A golden signal of a target: what measures it already, else the smallest step; `maybe` is what may do so already."""

    target: str
    name: str
    by: Thing | None = None
    step: str = ""
    at: At | None = None
    maybe: Thing | None = None


def signals(found: Found, targets: tuple[Target, ...]) -> tuple[Signal, ...]:
    """Return the four signals of every target."""
    return tuple(signal for target in targets for signal in _signals(found, target))


def gaps(found: Found, targets: tuple[Target, ...]) -> tuple[Signal, ...]:
    """Return the signals that nothing measures."""
    return tuple(one for one in signals(found, targets) if one.by is None)


def _signals(found: Found, target: Target) -> Iterator[Signal]:
    if target.sort == DATABASE:
        by = found.has(METRICS, "postgres_exporter")
        step = "add the extension `pg_stat_statements`, and `postgres_exporter` beside the database"
        yield from (Signal(target.name, name, by, "" if by else step) for name in SIGNALS)
    elif target.sort != SERVICE:
        yield from (Signal(target.name, name, None, _RUN) for name in SIGNALS)
    else:
        kind, at = framework(found, target)
        for name in SIGNALS:
            by = _by(found, name, kind)
            yield Signal(target.name, name, by, "" if by else _step(name, kind, found), at, None if by else _maybe(found, name))


def _by(found: Found, signal: str, kind: str) -> Thing | None:
    """Return the instrument that gives a signal of a service of some framework."""
    fitting = {f"opentelemetry-instrumentation-{one}" for one in (kind.lower(), f"{kind.lower()}-server", "asgi", "wsgi")}
    given = ((thing, _ASKED if thing.name in fitting else _GIVES.get(thing.name, ())) for thing in found.of(METRICS, TRACING))
    return next((thing for thing, gives in given if signal in gives), None)


def _maybe(found: Found, signal: str) -> Thing | None:
    kinds = {LATENCY: ("Histogram", "Summary"), TRAFFIC: ("Counter", "Histogram"), ERRORS: ("Counter",), SATURATION: ("Gauge",)}
    return found.has(METRICS, *(f"{kind} of prometheus-client" for kind in kinds[signal]))


def _step(signal: str, kind: str, found: Found) -> str:
    steps = {**_STEPS, **_PROCESS} if signal == SATURATION else _STEPS
    step = steps.get(kind)
    if step is None:
        return "say which framework serves it: nothing that is known was found; then one library of that framework gives it"
    name = next((one.name for one in found.apps if one.framework == kind and not one.factory), "app")
    return f"add `{step.library}`: `{step.line.format(app=name)}`"
