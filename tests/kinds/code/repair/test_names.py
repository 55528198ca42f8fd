"""Names, imports, members and awaits: what is repaired, and what stays a question."""

from __future__ import annotations

from itertools import product

import pytest

from bmad_provisioner.kinds.code.repair.knows import Knows, facts, knows
from bmad_provisioner.kinds.code.repair.lexing import distance_one, near_words
from bmad_provisioner.kinds.code.repair.repair import repair

PROJECT = {
    "shop/__init__.py": "",
    "shop/till.py": """\
from abc import ABC, abstractmethod

class Till(ABC):
    def __init__(self):
        self.contents = {}
        self.drawer = None

    @abstractmethod
    def ring(self, bell: str = "low") -> None: ...

def count():
    return 3
""",
    "shop/inner/__init__.py": "",
    "shop/inner/desk.py": "from ..till import Till, count\nfrom shop.till import Till as T\n\nprint(Till, count, T)\n",
    "shop/inner/door.py": "from ..till import count\n\nprint(count)\n",
}

REPAIRED = {
    "a name used in quotes": (
        "from ..till import count\n\ndef f(till: 'Till') -> None:\n    count()\n",
        "from ..till import count, Till",
    ),
    "a name used in a late annotation": (
        "from __future__ import annotations\n\nfrom ..till import count\n\ndef f(till: Till):\n    count()\n",
        "from ..till import count, Till",
    ),
    "two names of one line": ("def f():\n    return Till(count())\n", "from ..till import Till, count"),
    "a builtin in a late annotation": (
        "from __future__ import annotations\n\ndef f() -> flota:\n    return 1.0\n",
        "def f() -> float:",
    ),
    "a dot too few": ("from .till import count\n\nprint(count)\n", "from ..till import count"),
    "dots beyond the project": ("from ....till import count\n\nprint(count)\n", "from ..till import count"),
    "an import inside a function": (
        "def f():\n    from ...till import count\n\n    return count()\n",
        "    from ..till import count",
    ),
    "a member of a class of another file": (
        "from ..till import Till\n\nclass Box(Till):\n    def f(self):\n        return self.contnets\n",
        "        return self.contents",
    ),
    "self lost where another function has a variable of this name": (
        "from ..till import Till\n\ndef g(contents):\n    return contents\n\nclass Box(Till):\n    def f(self):\n        return contents\n",
        "        return self.contents",
    ),
    "a misspelt import of the library": ("import jsno\n\nprint(json.dumps(3))\n", "import json"),
    "a misspelt name of the library": ("from typing import Lits\n\nx: List[int] = []\n", "from typing import List"),
    "what JSON calls it": ("x = {'a': true, 'b': null}\nprint(x)\n", "x = {'a': True, 'b': None}"),
    "what Python 2 calls it": ("for i in xrange(3):\n    print(i)\n", "for i in range(3):"),
    "a coroutine that sleeps for nobody": (
        "import asyncio\n\nasync def f():\n    asyncio.sleep(3)\n",
        "    await asyncio.sleep(3)",
    ),
    "what another language calls self": (
        "class A:\n    def __init__(self):\n        self.bell = 1\n\n    def f(self):\n        return this.bell\n",
        "        return self.bell",
    ),
    "an await on what a plain function gives": (
        "def g():\n    return 3\n\ndef f():\n    x = await g()\n    return x\n",
        "    x = g()",
    ),
    "an await in a method that cannot wait": (
        "class A:\n    def __init__(self):\n        await self.f()\n\n    def f(self) -> dict[str, int]:\n        return {}\n",
        "        self.f()",
    ),
    "async lost from two functions, one of which awaits the other": (
        "import asyncio\n\ndef g():\n    await asyncio.sleep(1)\n\ndef f():\n    await g()\n\nasyncio.run(f())\n",
        "async def f():",
    ),
    "a coroutine that is read as a value": (
        "import json\n\nasync def g():\n    return '1'\n\nasync def f():\n    x = g()\n    return json.loads(x)\n",
        "    x = await g()",
    ),
    "a coroutine that is entered": (
        "async def g():\n    return open('x')\n\nasync def f():\n    async with g() as x:\n        print(x)\n",
        "    async with await g() as x:",
    ),
    "a name that was called otherwise": ("from ..till import _count\n\nprint(_count())\n", "print(count())"),
    "a name in another case": ("def f(bell_rope):\n    return bellRope\n", "    return bell_rope"),
}


def _known(own: str = "shop.inner.work") -> Knows:
    return knows(own, [facts(path, text) for path, text in PROJECT.items()])


@pytest.mark.parametrize(("broken", "line"), REPAIRED.values(), ids=list(REPAIRED))
def test_a_name_is_repaired(broken: str, line: str) -> None:
    done = repair(broken.encode(), _known())
    assert line in done.data.decode().splitlines(), done
    assert not done.left
    assert repair(done.data, _known()).data == done.data


QUESTIONS = {
    "a member that is like two": "class A:\n    def __init__(self):\n        self.form = self.fork = 1\n\n    def f(self):\n        return self.for_\n",
    "a parameter or its use": "def work(bell):\n    return bel\n",
    "a numbered twin": "class A:\n    def __init__(self):\n        self.x123 = 1\n\n    def f(self):\n        return self.x124\n",
    "a class that lacks a method": "from ..till import Till\n\nclass Box(Till):\n    pass\n\nprint(Box())\n",
    "a lone await of what nobody knows": "def go(bell):\n    return await bell()\n",
    "a class or a variable": "def f(image):\n    return Image\n",
}


@pytest.mark.parametrize("doubtful", QUESTIONS.values(), ids=list(QUESTIONS))
def test_what_is_in_doubt_is_a_question(doubtful: str) -> None:
    done = repair(doubtful.encode(), _known())
    assert done.data == doubtful.encode()
    assert done.proposals


HEALTHY = {
    "a name that may be missing": "try:\n    unicode\nexcept NameError:\n    unicode = str\nprint(unicode)\n",
    "a name of another Python": "import sys\nif sys.version_info[0] == 3:\n    text = str\n",
    "an import that may fail": "try:\n    import jsno as json\nexcept ImportError:\n    import json\nprint(json)\n",
    "a module made later": "from ._version import version\n\nprint(version)\n",
    "a class with open bases": "from elsewhere import Base\n\nclass A(Base):\n    def f(self):\n        return self.anything\n",
    "a member asked for": "class A:\n    def __init__(self):\n        self.thing = 1\n\n    def f(self):\n        return self.things if hasattr(self, 'things') else 2\n",
    "a task made of a coroutine": "import asyncio\n\nasync def g():\n    pass\n\nasync def f():\n    t = asyncio.create_task(g())\n    await t\n",
    "a word of a file object": "async def f(writer, tmp):\n    await writer.write(1)\n    await writer.write(2)\n    await writer.write(3)\n    tmp.write(4)\n",
    "types in a literal": "from typing import Literal\n\ndef f(mode: Literal['Till', 'count']) -> None:\n    print(mode)\n",
    "a base that nobody knows": "from elsewhere import Base\n\nclass A(Base):\n    def __init__(self):\n        self._field = 1\n\n    def f(self):\n        return self.field\n",
    "a module that makes its names": "import sys\n\n__all__ = ['count']\nsys.modules[__name__] = sys\n",
    "a numbered module": "import jsons2\nimport json\n\nprint(jsons2, json)\n",
    "a file, of which another is awaited": "async def f(self, run):\n    self.file.write(1)\n    await run(self.file.seek, 3)\n    self.file.seek(2)\n",
    "a coroutine that may be none": "async def g():\n    pass\n\nasync def f(run):\n    x = g()\n    if x is not None:\n        run(x)\n",
}


@pytest.mark.parametrize("text", HEALTHY.values(), ids=list(HEALTHY))
def test_healthy_code_is_left_alone_and_nothing_is_said(text: str) -> None:
    done = repair(text.encode(), _known())
    assert (done.data, done.fixes, done.proposals, done.left) == (text.encode(), (), (), ())


@pytest.mark.parametrize("folder", ["", "shop/", "work/shop/"])
def test_it_does_not_matter_which_folder_was_given(folder: str) -> None:
    told = [facts(path.replace("shop/", folder, 1), text) for path, text in PROJECT.items()]
    own = facts(f"{folder}inner/work.py", "")["module"]
    done = repair(b"from shop.tlil import count\n\nprint(count())\n", knows(own, [*told, facts(f"{folder}inner/work.py", "")]))
    assert done.data == b"from shop.till import count\n\nprint(count())\n"


def test_no_near_word_is_passed_over() -> None:
    words = ["".join(letters) for size in (3, 4, 5) for letters in product("ab", repeat=size)]
    words += [f"{word}cdefg" for word in words] + [f"xyz{word}" for word in words]
    near = near_words(words)
    for word in words:
        assert {other for other in near(word) if distance_one(word, other)} == {o for o in words if distance_one(word, o)}
