"""Foretold: what the roadmap of the sample shop says that remedies save, beside what they save in its repaired twin.

    python bench/performance/foretold.py [--pairs 12]

The shop is looked into as the product does; then it and its twin (tests/kinds/performance/shop_fixed) are measured in interleaved
pairs, and last the shop against itself. Remedies are all in the twin at once: what one saves shows at its own request.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from bmad_provisioner import strict_yaml
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance import causes, start, trying
from bmad_provisioner.kinds.performance.looking import look
from bmad_provisioner.kinds.performance.order import order
from bmad_provisioner.kinds.performance.outside import USUAL
from bmad_provisioner.kinds.performance.roadmap import roadmap
from bmad_provisioner.kinds.performance.stats import Rule

FIXED = Path(__file__).resolve().parents[2] / "tests/kinds/performance/shop_fixed"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--pairs", type=int, default=12)
    given = asked.parse_args()
    with TemporaryDirectory() as scratch:
        shop, twin, same = (Path(scratch, name) for name in ("shop", "twin", "same"))
        for folder in (shop, twin, same):
            lay(folder)
        shutil.copytree(FIXED, twin, dirs_exist_ok=True)
        data = strict_yaml.parse((shop / "bmad-provisioner.yaml").read_bytes(), "shop").parts[0].data
        target = order(data).targets[0]
        asks = tuple(one for one in target.requests if one.method == "GET")
        items = roadmap(causes.found(look(target, shop, Turn(), asks, USUAL), target.name), 0.03)
        slow = frozenset(item.cause.request for item in items if item.cause.lane == "capacity")
        fixed, again = (tried(target, asks, slow, shop, other, given.pairs) for other in (twin, same))
    for item in items:
        tell(item, fixed)
    verdicts = [one.comparison.verdict.value for one in again.values()]
    print(json.dumps({"the shop against itself": {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}}))


def lay(folder: Path) -> None:
    for path, text in start.samples("shop").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def tried(target, asks, slow, before, after, count):
    pairs, aims = trying.Pairs(), trying.Aims(crowds=slow)
    trying.paired(lambda folder: trying.process(target, folder, Turn(), asks, aims), (before, after), count, 0, pairs)
    return {(one.target, one.metric): one for one in trying.effects(pairs, Rule(count), frozenset(pairs.values))}


def tell(item, fixed) -> None:
    metric = {"time": "p50", "capacity": "throughput", "bytes": "size"}[item.cause.lane]
    one = fixed.get((f"web {item.cause.request}", metric))
    if one is None:
        return
    said, cause = one.comparison, item.cause
    foretold = f"{cause.saving.value:.0%} ({cause.saving.low:.0%} to {cause.share.high:.0%})"
    came = f"{1 - said.ratio:.0%} ({1 - said.high:.0%} to {1 - said.low:.0%})"
    told = {"kind": cause.kind, "request": cause.request, "by": metric, "foretold": foretold, "came": came}
    print(json.dumps({**told, "verdict": said.verdict.value}))


if __name__ == "__main__":
    main()
