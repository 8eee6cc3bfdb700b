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


def free_names(cells: Iterable[str]) -> set[str]:
    """Return the names that some cells use and do not set themselves beforehand.

    Args:
        cells: Python sources, in their order.
    """
    free: set[str] = set()
    known: set[str] = set()
    for cell in cells:
        tree = ast.parse(cell)
        of_cell = {name for node in tree.body for name in _names_set(node)}
        free |= _names_used(tree) - of_cell - known
        known |= of_cell
    return free


def _names_set(node: ast.stmt) -> set[str]:
    """Return what a statement sets for the cells after it: nothing within functions."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    inner: tuple[type[ast.AST], ...] = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    waiting: list[ast.AST] = [node]
    found = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        elif isinstance(part, ast.alias):
            found.add((part.asname or part.name).partition(".")[0])
        if not isinstance(part, inner):
            waiting += ast.iter_child_nodes(part)
    return found


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
    sets, uses = _names_set(node), _names_used(node)
    whole = isinstance(node, ast.Assign | ast.AnnAssign) and not sets & uses
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store):
            sets |= _root(part)  # table["a"] = ... changes a table
            whole = False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        sets |= _root(node.value.func) - {"book"}  # table.insert(...) does, book.show(...) displays
    return _Statement(source, frozenset(sets), frozenset(sets if whole else ()), frozenset(uses))


def _names_used(node: ast.AST) -> set[str]:
    """Return the names that come from outside: not arguments, nor variables of comprehensions."""
    used: set[str] = set()
    local: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            (used if isinstance(part.ctx, ast.Load) else local).add(part.id)
        elif isinstance(part, ast.arg):
            local.add(part.arg)
    if isinstance(node, ast.stmt):  # an assignment may well use what it sets
        local -= _names_set(node)
    return used - local


def _root(node: ast.AST) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
