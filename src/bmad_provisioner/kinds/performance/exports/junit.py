"""JUnit: budgets as test cases, as continuous integration shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.kinds.performance.budgets import State
from bmad_provisioner.kinds.performance.stats import Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is kept, broken, or neither: whose, what, and why."""

    target: str
    name: str
    state: State
    told: str


def case(target: str, metric: str, verdict: Verdict, told: str) -> Case:
    """Return a comparison as a case: a regression breaks it, what proves nothing leaves it open."""
    states = {Verdict.REGRESSION: State.BROKEN, Verdict.INCONCLUSIVE: State.UNSURE}
    return Case(target, f"{metric} against the baseline", states.get(verdict, State.KEPT), told)


def junit(name: str, cases: Sequence[Case]) -> str:
    """Return cases as XML: what is broken fails, what is unsure is skipped with its reason."""
    broken, unsure = (sum(one.state is state for one in cases) for state in (State.BROKEN, State.UNSURE))
    counts = {"name": name, "tests": str(len(cases)), "failures": str(broken), "errors": "0", "skipped": str(unsure)}
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", counts)
    for one in cases:
        made = SubElement(suite, "testcase", {"classname": f"{name}.{one.target}", "name": scrubbed(one.name), "time": "0"})
        if one.state is State.BROKEN:
            SubElement(made, "failure", {"message": scrubbed(one.told), "type": "budget"}).text = scrubbed(one.told)
        elif one.state is State.UNSURE:
            SubElement(made, "skipped", {"message": scrubbed(one.told)})
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'
