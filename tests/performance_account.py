"""An account of a shop with planted faults, made by hand: what the pages about performance are tried on."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from random import Random

from bmad_provisioner.kinds.performance.arrivals import Stretch
from bmad_provisioner.kinds.performance.budgets import budgets
from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.estimate import exactly, share
from bmad_provisioner.kinds.performance.measured import (
    Effect,
    Found,
    Impact,
    Machine,
    Missing,
    Noise,
    Paged,
    Route,
    Second,
    Served,
    Shape,
    Worked,
)  # fmt: skip
from bmad_provisioner.kinds.performance.order import COMMAND, SERVICE, Ask, Load, Order, Target
from bmad_provisioner.kinds.performance.readings import readings
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.roadmap import Past, records, roadmap
from bmad_provisioner.kinds.performance.stats import Rule, compare, holm
from bmad_provisioner.kinds.performance.trials import trials

MACHINE = Machine(2, "Example CPU at 2.4 GHz", 8 * 10**9, "Linux 6.1", "CPython 3.11.7", "0123456789abcdef")


def noise(runs: int = 30, seed: int = 7) -> Noise:
    rng = Random(seed)
    wall = tuple(0.0123 * exp(rng.gauss(0, 0.02)) for _ in range(runs))
    cpu = tuple(0.0119 * exp(rng.gauss(0, 0.006)) for _ in range(runs))
    ratios = {
        name: tuple(log(b / a) for a, b in zip(values[::2], values[1::2], strict=False))
        for name, values in (("wall", wall), ("cpu", cpu))
    }
    return Noise(runs, wall, cpu, ratios, {"wall": 0.044, "cpu": 0.051}, {"wall": 0.031, "cpu": 0.009}, 1.7)


def shape(name: str, rate: float, seconds: float, p50: float, slow: float = 1.0, seed: int = 1) -> Shape:
    """Return a load whose answers take `p50` in the median and grow by `slow` towards its end."""
    rng = Random(seed)
    count = int(rate * seconds)
    at = {"p50": 1.0, "p75": 1.5, "p90": 2.6, "p95": 4.1, "p99": 8.9, "max": 13.1}
    response = {key: p50 * slow * times for key, times in at.items()}
    service = {key: p50 * times for key, times in at.items()}
    parts = {
        key: tuple(p50 * slow * at[key] * exp(rng.gauss(0, spread)) for _ in range(10))
        for key, spread in (("p50", 0.03), ("p95", 0.06), ("p99", 0.1))
    }
    long = int(seconds)
    timeline = tuple(
        Second(float(n), int(rate), 0, p50 * slow * exp(rng.gauss(0, 0.1)), p50 * slow * 8 * exp(rng.gauss(0, 0.25)))
        for n in range(long)
    )
    memory = tuple((n / 2, int(62e6 + 3e6 * (1 - exp(-n / 8)) + rng.randrange(200_000))) for n in range(2 * long))
    histogram = tuple((p50 * 2.0**n / 4, int(count * part)) for n, part in enumerate((0.01, 0.2, 0.35, 0.2, 0.14, 0.07, 0.03)))
    return Shape(
        name,
        rate,
        rate * 0.998,
        seconds,
        count,
        0,
        0,
        0.0021,
        "",
        response,
        service,
        histogram,
        parts,
        timeline,
        0.0183,
        0.37,
        memory,
    )


def raised(one: Shape) -> Shape:
    """Return a load that is raised in four steps of five seconds, the last of which is too much."""
    times = {0: (20, 0, 1.0), 1: (33, 0, 1.5), 2: (47, 0, 2.9), 3: (60, 6, 7.0)}
    rows = [(at, *times[at // 5]) for at in range(20)]
    timeline = tuple(Second(float(at), due, failed, 0.04 * slow, 0.33 * slow) for at, due, failed, slow in rows)
    return replace(one, timeline=timeline, failed=30, problems=(("status 503", 30),))


def served(target: str = "web") -> Served:
    usual = shape("baseline", 20, 20, 0.037, 1.14)
    stress = raised(shape("stress", 40, 20, 0.06, 2, seed=2))
    late = replace(
        shape("spike", 100, 5, 0.3, 9, seed=9),
        void="the generator was late by 310 ms at its 99th percentile",
        timeline=tuple(
            Second(
                float(n),
                100 if 2 <= n < 7 else 20,
                12 if 3 <= n < 7 else 0,
                0.05 * (9 if 2 <= n < 9 else 1),
                0.4 * (8 if 2 <= n < 9 else 1),
            )
            for n in range(12)
        ),
    )
    soak = shape("soak", 20, 60, 0.043, seed=5)
    soak = replace(soak, memory=tuple((at, size + int(at * 210_000)) for at, size in soak.memory))
    routes = (
        Route("GET /report", 0.25, 100, 0.180, 0.420, 0, 184_000.0),
        Route("GET /orders", 0.5, 200, 0.031, 0.062, 0, 24_000.0),
        Route("GET /", 0.25, 100, 0.004, 0.009, 0, 3_100.0),
    )
    crowds = ((1, 23.5), (2, 41.0), (4, 60.0), (8, 71.0), (16, 66.0), (32, 52.0))
    return Served(target, 0.8, {one.name: one for one in (usual, stress, late, soak)}, routes, 54_000_000, crowds)


def pages(target: str = "web") -> tuple[Paged, ...]:
    home = {
        "lcp": (1.31, 1.28, 1.35, 1.29, 1.33), "fcp": (0.61, 0.6, 0.64, 0.6, 0.62), "inp": (0.264, 0.248, 0.256, 0.25, 0.272),
        "cls": (0.222, 0.222, 0.0, 0.222, 0.138), "ttfb": (0.131, 0.14, 0.128, 0.133, 0.136), "bundle": (412_000.0,) * 5,
    }  # fmt: skip
    cart = {name: tuple(value * 0.6 for value in values) for name, values in home.items()}
    behind = {
        "lcp": "`img.hero`, 0.9 s of it loading",
        "cls": "a banner that comes late: `div#banner`",
        "inp": "`button#buy`: 160 ms in `app.js`",
    }
    return Paged(target, "/", "chromium", 5, home, behind), Paged(target, "/cart", "chromium", 5, cart)


def worked(target: str = "job") -> Worked:
    rng = Random(3)
    values = {
        "duration": tuple(2.31 * exp(rng.gauss(0, 0.02)) for _ in range(12)),
        "cpu": tuple(2.02 * exp(rng.gauss(0, 0.006)) for _ in range(12)),
        "peak_memory": tuple(187e6 * exp(rng.gauss(0, 0.002)) for _ in range(12)),
    }
    return Worked(target, "command", 13, values, 1, "it ended with 1: `no such day`")


def causes() -> tuple[Cause, ...]:
    return (
        Cause("n-plus-one", "web", "GET /report", "time", share(186, 300), "121 statements of one shape in one request: `SELECT name FROM product WHERE id = ?`",
              "ask once for all of them: a join, or `IN (...)`", "shop/report.py", 41, 300, 0.25, 2.9, 0.37),
        Cause("missing-index", "web", "GET /orders", "time", share(31, 220), "reads all 40,000 rows of `orders`: `SELECT * FROM orders WHERE customer = ?`",
              "`CREATE INDEX orders_customer ON orders (customer)`", "shop/orders.py", 17, 220, 0.5, 0.6, 0.37),
        Cause("leak", "web", "GET /report", "capacity", exactly(1.0), "each request leaves 10.4 kB behind, also after the first hundreds",
              "let go of what no later request needs", "shop/cache.py", 9, 0, 0.25, 1.0),
        Cause("no-compression", "web", "GET /report", "bytes", exactly(0.93), "184 kB of application/json travel as they are; packed they are 12.7 kB",
              "compress answers (gzip) where the client takes it", "", None, 0, 0.25, 2.4),
        Cause("layout-shift", "web", "/", "time", share(4, 5), "a banner that comes late moves the page by 0.222: `div#banner`", "keep its place free", "static/app.js", 12, 5, 0.2, 1.0),
    )  # fmt: skip


def effect(metric: str, ratio: float, spread: float, seed: int, **more: object) -> Effect:
    rng = Random(seed)
    start = {"p50": 0.042, "p95": 0.172, "cpu": 0.0183, "error_rate": 0.001, "peak_memory": 65e6, "bundle": 412e3}[metric]
    before = tuple(start * exp(rng.gauss(0, spread)) for _ in range(10))
    after = tuple(value * ratio * exp(rng.gauss(0, spread)) for value in before)
    found = compare(list(zip(before, after, strict=True)), Rule(10))
    return Effect("web", metric, before, after, found, found.p, **more)  # type: ignore[arg-type]


def impact() -> Impact:
    made = [
        effect("p50", 0.43, 0.05, 1, predicted=(0.37, 0.66), item="PERF-001"),
        effect("cpu", 0.61, 0.01, 2, predicted=(0.3, 0.6), item="PERF-001"),
        effect("p95", 0.97, 0.12, 3, predicted=(0.05, 0.2), item="PERF-003"),
        effect("error_rate", 1.0, 0.0, 4, guardrail=True),
        effect("peak_memory", 1.004, 0.002, 5, guardrail=True),
    ]
    adjusted = holm({one.metric: one.comparison.p for one in made})
    rule = "10 interleaved pairs; Wilcoxon's test on log ratios, p < 0.05 (Holm), and a median change of at least 3%; seed 0"
    remedies = (
        ("PERF-001", "asked once instead of 121 times in `shop/report.py`", True),
        ("PERF-003", "`CREATE INDEX orders_customer ON orders (customer)`", False),
    )
    return Impact(
        "the baseline of 3f2a91c", "the working tree", rule, "9f2d41aa07c3e6b1", 10,
        tuple(replace(one, adjusted=adjusted[one.metric]) for one in made), remedies,
    )  # fmt: skip


def account() -> Account:
    goals = {
        "lcp": 2.5,
        "inp": 0.2,
        "cls": 0.1,
        "ttfb": 0.8,
        "p95": 0.15,
        "throughput": 50.0,
        "error_rate": 0.01,
        "peak_memory": 512e6,
        "bundle": 200e3,
    }
    order = Order(
        "shop",
        (
            Target(
                "web",
                SERVICE,
                "http://127.0.0.1:8000",
                ("python", "-m", "shop"),
                pages=("/", "/cart"),
                requests=(Ask("/report"), Ask("/orders", weight=2), Ask("/")),
            ),
            Target("job", COMMAND, command=("python", "batch.py")),
        ),
        goals=goals,
        load=Load(Stretch(20, 20), soak=60),
    )
    quiet = noise()
    read = readings([served()], pages(), [worked()], quiet)
    items = roadmap(causes(), order.effect)
    past = (Past("n-plus-one", 0.6, 0.57), Past("missing-index", 0.13, 0.03), Past("superlinear", 0.39, 0.72))
    found = Found(
        "web", causes(),
        ("the statements of 40 requests, one at a time", "stacks every 5 ms", "`page` doubled: nothing grew"),
        (Missing("py-spy", "`pip install 'bmad-provisioner[performance]'`", "no native stacks are in the profile"),),
        (("shop/report.py:41 names", 0.44, 0.62, 132), ("shop/orders.py:17 of", 0.13, 0.14, 39), ("shop/web.py:88 render", 0.09, 0.91, 27)),
    )  # fmt: skip
    return Account(
        order, MACHINE, quiet, (served(),), pages(), (worked(),), read, budgets(read, goals), (found,), items,
        trials(items, {"p50": quiet.ratios["wall"], "cpu": quiet.ratios["cpu"]}), impact(), records(past),
        ("a Flask application with 3 routes", "no traces and no metrics are exported: the service is measured from outside only"),
        {"profile.speedscope.json": "the profile, for speedscope.app", "baseline.json": "all that was measured", "roadmap.md": "the roadmap"},
    )  # fmt: skip
