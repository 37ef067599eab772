"""The imports of the package: one way, no circle, light where analysis alone is wanted."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

import mlipsse

ROOT = Path(mlipsse.__file__).parent
HEAVY = ("torch", "mace", "lammps", "numba", "parsl", "pymatgen")


def modules() -> dict[str, Path]:
    """Dotted names of all files, packages' `__init__` left out: those are faces."""
    return {
        ".".join(("mlipsse", *path.relative_to(ROOT).with_suffix("").parts)): path
        for path in ROOT.rglob("*.py")
        if path.name != "__init__.py"
    }


def imports() -> dict[str, set[str]]:
    """What every file imports of the package, at its top or in a function."""
    files = modules()
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                named = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                named = {alias.name for alias in node.names}
            else:
                continue
            found[name] |= named & files.keys()
    return found


def circles(arrows: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Sets of nodes that reach each other (Tarjan's strongly connected components)."""
    index: dict[Hashable, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in arrows.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component: list[str] = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in arrows:
        if node not in index:
            visit(node)
    return found


def by_folder(depth: int | None = None) -> dict[str, set[str]]:
    """Arrows between folders, all or those at some depth below the package."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for name, others in imports().items():
        for other in others:
            one, two = (folder.rsplit(".", 1)[0].split(".")[1:][:depth] for folder in (name, other))
            if one != two:
                arrows[".".join(one)].add(".".join(two))
    return arrows


def test_circles_are_found():
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"]}) == [["b", "c"]]


def test_no_file_imports_itself_through_others():
    assert circles(imports()) == []


def test_no_folder_imports_itself_through_others():
    assert circles(by_folder()) == []


def test_no_wing_imports_itself_through_others():
    assert circles(by_folder(depth=1)) == []
    assert circles(by_folder(depth=2)) == []


def test_no_folder_holds_more_than_a_dozen_files():
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for folder in {path.parent for path in modules().values()}
        if (count := len([path for path in folder.glob("*.py") if path.name != "__init__.py"])) > 12
    }
    assert crowded == {}


def test_analysis_imports_nothing_heavy():
    script = f"import sys, mlipsse.transport; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr
