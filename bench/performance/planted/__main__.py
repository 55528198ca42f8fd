"""Find the planted causes, app by app, and tell how many were found, at which rank, in which line.

PYTHONPATH=bench .venv/bin/python -m performance.planted [--skeletons tuned|held-out|NAME ...] [--plants KIND ...]
    [--pairs] [--clean] [--quick] [--write-docs]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from performance.planted.apps import PAGES, App, made
from performance.planted.pieces import DECOYS, PLANTS
from performance.planted.score import Judged, judged, table
from performance.planted.skeletons import HELD_OUT, SKELETONS, TUNED

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.causes import Cause, found
from bmad_provisioner.kinds.performance.looking import QUICK, Effort, look

PAIRS = (
    ("n-plus-one", "no-compression"), ("missing-index", "lock"), ("superlinear", "leak"), ("sequential-io", "cold-cache"),
    ("slow-handler", "n-plus-one"),
)  # fmt: skip
RARE = frozenset({"/audit"})


def causes(app: App, effort: Effort) -> tuple[Cause, ...]:
    return found(look(app.target, app.folder, Turn(seconds=600), app.target.requests, effort), app.target.name)


def cases(
    skeleton: str, plants: Sequence[str], together: int, *, pairs: bool, clean: bool
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Yield plants, decoys and healthy twins of each app: decoys take turns."""
    some = [name for name in plants if name not in PAGES and (name != "blocking" or SKELETONS[skeleton].asynchronous)]
    decoys = list(DECOYS)
    for start in range(0, len(some), together) if together > 1 else ():
        yield tuple(some[start : start + together]), (decoys[start % len(decoys)], decoys[(start + 1) % len(decoys)]), ()
    for place, plant in enumerate(some if together == 1 else ()):
        yield (
            (plant,),
            (decoys[place % len(decoys)], decoys[(place + 2) % len(decoys)]),
            (some[(place + 3) % len(some)],) if len(some) > 3 else (),
        )
    for first, second in PAIRS if pairs else ():
        yield (first, second), ("cheap-loop",), ()
    healthy = [name for name in decoys if name != "rare"]
    for place in range(3) if clean else ():
        yield (), tuple(healthy[place::3]), tuple(some[place::3])


def tried(
    skeleton: str, plants: Sequence[str], decoys: Sequence[str], twins: Sequence[str], effort: Effort
) -> tuple[Judged, tuple[Cause, ...]]:
    with TemporaryDirectory(prefix="bmadp-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        twins = [one for one in twins if one.partition("-posted")[0] not in {plant.partition("-posted")[0] for plant in plants}]
        app = made(skeleton, plants, Path(folder) / "one", decoys, twins)
        some = causes(app, effort)
        return judged(app, some, RARE), some


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skeletons", nargs="*", default=["tuned"])
    parser.add_argument("--plants", nargs="*", default=list(PLANTS))
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--together", type=int, default=1)
    asked = parser.parse_args()
    names = [name for one in asked.skeletons for name in {"tuned": TUNED, "held-out": HELD_OUT}.get(one, (one,))]
    everything: list[Judged] = []
    for skeleton in names:
        for plants, decoys, twins in cases(skeleton, asked.plants, asked.together, pairs=asked.pairs, clean=asked.clean):
            began = time.monotonic()
            one, some = tried(skeleton, plants, decoys, twins, QUICK if asked.quick else Effort())
            everything.append(one)
            ranks = " ".join(f"{each.kind}:{each.rank}{'' if each.located else '!'}" for each in one.results)
            print(f"{skeleton:10} {'+'.join(plants) or 'clean':30} {ranks:40} {time.monotonic() - began:5.0f} s", flush=True)
            for cause in some:
                wrong = "ACCUSED " if cause in one.accused else ""
                print(
                    f"    {wrong}{cause.kind} {cause.request} {cause.where} {cause.share.value:.2f} [{cause.evidence[:110]}]",
                    flush=True,
                )
    results = [each for one in everything for each in one.results]
    if results:
        print(table(results, "kind"), table(results, "skeleton"), sep="\n\n")
    clean = sum(not one.results for one in everything)
    print(f"\n{len(everything)} apps, {clean} of them healthy; false accusations: {sum(len(one.accused) for one in everything)}")


if __name__ == "__main__":
    main()
