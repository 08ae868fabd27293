"""The house: each folder is a floor, and a floor imports only from itself and floors below."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
FLOORS = ["devices", "scheduler", "runtime", "workloads", "plots", "tilesim"]
MODULES = {
    path.relative_to(HOUSE).as_posix(): path
    for folder in (*FLOORS, "benchmarks")
    for path in sorted((HOUSE / folder).rglob("*.py"))
}
MOST_LINES = 400


def imports(path):
    """Module and name of every import, those in functions and for type checking included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            own = ".".join(path.relative_to(HOUSE).parts[: -node.level]) if node.level else ""
            module = ".".join(part for part in (own, node.module) if part)
            for alias in node.names:
                yield node.lineno, module, alias.name


def is_private(name):
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def test_every_floor_has_modules():
    assert {name.split("/")[0] for name in MODULES} == {*FLOORS, "benchmarks"}


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_nothing_from_above(floor):
    above = {*FLOORS[FLOORS.index(floor) + 1 :], "tests", "benchmarks"}
    offenders = [
        f"{name}:{line}: {module}"
        for name, path in MODULES.items()
        if name.startswith(f"{floor}/")
        for line, module, _ in imports(path)
        if module.split(".")[0] in above
    ]
    assert offenders == []


def test_nobody_imports_tests():
    helpers = {path.stem for path in (HOUSE / "tests").rglob("*.py")} | {"tests"}
    offenders = [
        f"{name}:{line}: {module}"
        for name, path in MODULES.items()
        for line, module, _ in imports(path)
        if module.split(".")[0] in helpers
    ]
    assert offenders == []


def test_nobody_imports_a_private_name():
    offenders = [
        f"{name}:{line}: {module} {imported}"
        for name, path in MODULES.items()
        for line, module, imported in imports(path)
        if is_private(module) or is_private(imported)
    ]
    assert offenders == []


def test_a_module_is_short_unless_it_holds_one_program():
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in MODULES.items()
        if not name.startswith("workloads/programs/")
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
