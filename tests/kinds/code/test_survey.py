"""From the survey of every file to the repair of one: what the project says arrives, and a healthy project hears nothing."""

from __future__ import annotations

import json

import pytest

from bmad_provisioner.digest import Entry, digest
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.kinds.code import survey, tidy
from bmad_provisioner.kinds.code.packing import heard
from bmad_provisioner.kinds.code.repair.facts import facts
from bmad_provisioner.kinds.code.repair.knows import Project

PROJECT = {
    "shop/__init__.py": "from .till import Till, ring\n\n__all__ = ['Till', 'ring']\n",
    "shop/till.py": """\
import json

class Till:
    def __init__(self, path):
        self.path = path
        self.contents = {}

    def load_all(self):
        with open(self.path) as file:
            self.contents = json.load(file)
        return len(self.contents)

    async def settle(self):
        return 3


async def ring(bell):
    return bell


def count():
    return 3
""",
    "shop/parts/__init__.py": "",
    "shop/parts/drawer.py": """\
from ..till import Till, count


class Drawer(Till):
    def size(self):
        if not self.contents:
            self.load_all()
        return len(self.contents) + count()

    async def close(self):
        await self.settle()
        return self.contents
""",
    "shop/desk.py": """\
from shop import Till
from shop.parts.drawer import Drawer
from .till import ring


async def work(bell):
    till = Till("a")
    till.load_all()
    await ring(bell)
    return Drawer("b").size()
""",
    "shop/door.py": "import numpy as np\n\nfrom .till import Till\n\nprint(np, Till)\n",
    "shop/wall.py": "import numpy as np\n\nprint(np)\n",
    "shop/gate.py": "import numpy as np\n\nfrom .till import Till\n\nprint(np, Till)\n",
}


def said(files: dict[str, str]) -> dict[str, dict]:
    """Return what the index says of each file: plain data, as it is stored."""
    entries = {path: Entry(digest(text.encode())) for path, text in files.items()}
    surveys = {}
    for path, text in files.items():
        inputs = Inputs({"path": path}, {path: entries[path]}, {}, lambda _, data=text: data.encode(), None, None)
        surveys[f"survey of {path}"] = survey.survey(inputs)
    told = survey.index(Inputs({"passes": []}, {}, surveys, None, None, None)).facts
    return json.loads(json.dumps(told))


def tidied(files: dict[str, str], path: str) -> tuple[str, list[str]]:
    """Return a file after all of it, and what was said."""
    kept: dict[str, bytes] = {}

    def keep(data: bytes, executable: bool = False) -> Entry:
        kept[digest(data)] = data
        return Entry(digest(data), executable)

    data = files[path].encode()
    told = said(files).get(path)
    needs = {"what the project knows": Output(facts={path: told})} if told else {}
    args = {
        "path": path,
        "python": "3.11",
        "repair": ["imports", "awaits", "signatures", "syntax"],
        "sure": 0.8,
        "verified": False,
        "passes": [],
    }
    output = tidy.tidy(Inputs(args, {path: Entry(digest(data))}, needs, lambda _: data, keep, None))
    after = kept[output.files[path].digest] if output.files else data
    return after.decode(), [finding.message for finding in output.findings]


FAULTS = {
    "a lost import": ("shop/parts/drawer.py", "from ..till import Till, count\n", ""),
    "a lost name of an import": ("shop/parts/drawer.py", "import Till, count", "import Till"),
    "a dot too many": ("shop/parts/drawer.py", "from ..till", "from ...till"),
    "a dot too few": ("shop/parts/drawer.py", "from ..till", "from .till"),
    "another module": ("shop/parts/drawer.py", "from ..till", "from ..desk"),
    "a misspelt module": ("shop/desk.py", "from shop.parts.drawer", "from shop.parts.drwaer"),
    "a misspelt module of others": ("shop/door.py", "import numpy as np", "import nunpy as np"),
    "a misspelt name of an import": ("shop/parts/drawer.py", "import Till, count", "import Till, cuont"),
    "a misspelt member of a class above": ("shop/parts/drawer.py", "self.load_all()", "self.laod_all()"),
    "a lost self": ("shop/parts/drawer.py", "len(self.contents)", "len(contents)"),
    "a lost self parameter": ("shop/parts/drawer.py", "def size(self)", "def size()"),
    "a misspelt name": ("shop/desk.py", "ring(bell)", "rign(bell)"),
    "a misspelt name of the library": ("shop/till.py", "json.load(file)", "json.laod(file)"),
    "a lost async": ("shop/desk.py", "async def work", "def work"),
    "a lost await of what is imported": ("shop/desk.py", "await ring(bell)", "ring(bell)"),
    "a lost await of what is inherited": ("shop/parts/drawer.py", "await self.settle()", "self.settle()"),
    "a needless await": ("shop/parts/drawer.py", "return self.contents\n", "return await len(self.contents)\n"),
    "a name that a package hands on": ("shop/__init__.py", "import Till, ring", "import Till"),
}


@pytest.mark.parametrize(("path", "right", "wrong"), FAULTS.values(), ids=list(FAULTS))
def test_what_the_project_says_reaches_the_file_that_needs_it(path, right, wrong):
    assert right in PROJECT[path]
    broken = {**PROJECT, path: PROJECT[path].replace(right, wrong, 1)}
    after, messages = tidied(broken, path)
    healthy = (
        PROJECT[path].replace(right, "return len(self.contents)\n", 1) if "len" in wrong and "await" in wrong else PROJECT[path]
    )
    lines = {line for line in healthy.splitlines() if line}
    assert {line for line in after.splitlines() if line} == lines, messages


@pytest.mark.parametrize(("path", "right", "wrong"), FAULTS.values(), ids=list(FAULTS))
def test_the_other_files_are_left_alone(path, right, wrong):
    broken = {**PROJECT, path: PROJECT[path].replace(right, wrong, 1)}
    for other in PROJECT.keys() - {path}:
        assert tidied(broken, other)[0] == PROJECT[other]


def test_a_healthy_project_hears_nothing():
    assert {path for path, one in said(PROJECT).items() if "trouble" in one} == set()


def test_what_is_packed_says_as_much_of_a_file_as_the_whole_project():
    broken = {**PROJECT, "shop/desk.py": PROJECT["shop/desk.py"].replace("from .till import ring\n", "")}
    surveys = [facts(path, text) for path, text in broken.items()]
    whole, part = Project(surveys).around("shop.desk"), heard(said(broken)["shop/desk.py"]["knows"])
    assert part.imports["ring"] == whole.imports["ring"]
    assert part.defines["ring"] == whole.defines["ring"]
    assert part.exports["shop.till"] == whole.exports["shop.till"]
    assert part.classes["shop.parts.drawer.Drawer"] == whole.classes["shop.parts.drawer.Drawer"]


def test_a_generator_that_waits_is_no_coroutine() -> None:
    told = facts("shop/rows.py", "async def rows():\n    yield await read()\n\n\nasync def read():\n    return 1\n")
    assert told["coroutines"] == ["read"]


def test_a_file_keeps_the_imports_that_others_take_from_it() -> None:
    told = said(
        {
            "shop/__init__.py": "",
            "shop/face.py": "from json import dumps, loads, load\n",
            "shop/named.py": "from shop.face import dumps\n\ndumps(1)\n",
            "shop/read.py": "from shop import face\n\nface.loads('1')\n",
            "shop/all.py": "import os\n",
            "shop/star.py": "from shop.all import *\n",
        }
    )
    assert told["shop/face.py"]["wanted"] == ["dumps", "loads"]
    assert told["shop/all.py"]["wanted"] == ["os"]
