"""The house keeps its own rules: size, direction, entry points, no mocks."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src/bmad_provisioner").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MODULE, FUNCTION = 400, 60


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_and_no_function_is_long(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > FUNCTION
    ]

    assert text.count("\n") <= MODULE
    assert long == []
    assert ast.get_docstring(tree), "the first line says what the file is for"


def test_no_two_modules_import_each_other():
    graph = grimp.build_graph("bmad_provisioner", cache_dir=None)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order, seen = [], set()

    def visit(module, path):
        assert module not in path, f"import circle: {' -> '.join([*path, module])}"
        if module not in seen:
            for other in sorted(edges[module]):
                visit(other, [*path, module])
            seen.add(module)
            order.append(module)

    for module in sorted(edges):
        visit(module, [])
    assert len(order) == len(edges)


def test_every_kind_is_registered_and_nothing_imports_a_kind():
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["bmad_provisioner.kinds"]
    folders = {
        path.name for path in (ROOT / "src/bmad_provisioner/kinds").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    graph = grimp.build_graph("bmad_provisioner", cache_dir=None)
    outsiders = {
        (importer, module)
        for module in graph.modules
        if module.startswith("bmad_provisioner.kinds.")
        for importer in graph.find_modules_that_directly_import(module)
        if not importer.startswith("bmad_provisioner.kinds")
    }

    assert {target.split(".")[2] for target in offered.values()} == folders
    assert outsiders == set()


def test_tests_use_no_mocks_and_skip_nothing_silently():
    words = ("unittest.mock", "MagicMock", "mocker", "@patch", "pytest.mark.skip(", "xfail", "assert True")
    found = [
        f"{path.name}:{number}"
        for path in TESTS
        if path.name != "test_house.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert found == []


def test_no_registry_is_named():
    named = [
        path.name
        for path in [
            *ROOT.glob("*.md"),
            *ROOT.glob("*.lock"),
            *(ROOT / "docs").rglob("*.md"),
            *SOURCES,
            *(ROOT / "tests/bmad").glob("*.json"),
        ]
        if any(host in path.read_text(encoding="utf-8") for host in ("pypi.org", "registry.npmjs", "pythonhosted"))
    ]

    assert named == []
