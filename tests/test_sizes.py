"""A module has one idea and a function one step: neither is longer than can be read at once."""

import ast

from forgetting import paths

LIB = paths.ROOT / "lib"
MODULE_LINES, FUNCTION_LINES = 300, 60


def lines_without_docstring(function):
    """How many lines a function has, its docstring left out."""
    total = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is None:
        return total
    docstring = function.body[0]
    return total - (docstring.end_lineno - docstring.lineno + 1)


def long_modules(folder):
    """Modules with too many lines, by path."""
    lengths = {path: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}
    return {
        path.relative_to(folder).as_posix(): length
        for path, length in lengths.items()
        if length > MODULE_LINES
    }


def long_functions(folder):
    """Functions with too many lines, by path and name."""
    lengths = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{path.relative_to(folder).as_posix()} {node.name}"
                lengths[name] = lines_without_docstring(node)
    return {name: length for name, length in lengths.items() if length > FUNCTION_LINES}


def test_no_module_is_longer_than_can_be_read_at_once():
    assert long_modules(LIB) == {}


def test_no_function_is_longer_than_can_be_read_at_once():
    assert long_functions(LIB) == {}


def test_what_is_too_long_is_noticed_and_a_docstring_does_not_count(tmp_path):
    body = "    x = 0\n" * 59
    text = '    """Says much.\n' + "\n" * 200 + '    """\n'
    (tmp_path / "fits.py").write_text(f"def f():\n{text}{body}")
    assert long_functions(tmp_path) == {} and long_modules(tmp_path) == {}
    (tmp_path / "long.py").write_text(f"def f():\n{body}    x = 1\n" + "\n" * 300)
    assert long_functions(tmp_path) == {"long.py f": 61}
    assert list(long_modules(tmp_path)) == ["long.py"]
