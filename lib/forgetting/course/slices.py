"""The part of a page's code that its exercises need, so that their notebooks open within seconds.

Statements are followed backwards from the names that exercises use (a program slice). What only
displays is left out.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class _Statement:
    """One statement at the top level of a cell: what it is in the source, sets, and uses."""

    source: str
    sets: frozenset[str]
    replaces: frozenset[str]  # of those, names whose earlier value is lost
    uses: frozenset[str]


def slice_code(cells: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the statements of some cells on which names depend.

    Args:
        cells: Python sources, in their order.
        wanted: Names; those that no cell sets are left to Python.

    Returns:
        Of each cell what is needed of it; cells of which nothing is needed are left out.
    """
    statements = [_statements(cell) for cell in cells]
    needed = set(wanted)
    kept: list[list[str]] = [[] for _ in statements]
    for place in reversed(range(len(statements))):
        for statement in reversed(statements[place]):
            if statement.sets & needed:
                kept[place].insert(0, statement.source)
                needed = (needed - statement.replaces) | statement.uses
    return ["\n".join(lines) for lines in kept if lines]


def used_names(source: str) -> set[str]:
    """Return the names that some Python uses."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _statements(cell: str) -> list[_Statement]:
    lines = cell.splitlines()
    return [
        _read(node, "\n".join(lines[_first_line(node) - 1 : node.end_lineno]))
        for node in ast.parse(cell).body
    ]


def _first_line(node: ast.stmt) -> int:
    """Return the line that a statement begins in, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min(part.lineno for part in (node, *decorators))


def _read(node: ast.stmt, source: str) -> _Statement:
    sets, uses = set(), set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            (uses if isinstance(part.ctx, ast.Load) else sets).add(part.id)
        elif isinstance(part, ast.alias):
            sets.add((part.asname or part.name).partition(".")[0])
        elif isinstance(part, ast.FunctionDef | ast.ClassDef):
            sets.add(part.name)
        elif isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store):
            sets |= _root(part)  # table["a"] = ... changes a table
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        sets |= _root(node.value.func) - {"book"}  # table.insert(...) does, book.show(...) displays
    whole = isinstance(node, ast.Assign | ast.AnnAssign) and not sets & uses
    return _Statement(source, frozenset(sets), frozenset(sets if whole else ()), frozenset(uses))


def _root(node: ast.AST) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
