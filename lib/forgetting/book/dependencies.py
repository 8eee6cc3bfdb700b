"""Which parts of the library a page is made with: what its notebook imports, and what that imports.

Imports are read from the source, those within functions included, and nothing is run. So a change
of the audit makes no page out of date that does not use it.
"""

import ast
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import forgetting
from forgetting import paths
from forgetting.book.page import Page
from forgetting.files import sha256

PACKAGE = Path(forgetting.__file__).parent


def library_digest(page: Page, package: Path = PACKAGE) -> str:
    """Return a digest of all that page is made with besides its own text, parameters and data.

    That is: the modules of this library that its notebook imports, directly or by way of others,
    the room that makes pages, but of what single pages compute (`book.content`) only what it
    imports, the claims where the page uses their room, and the versions of
    other packages.

    Args:
        page: The page.
        package: The folder of the library.
    """
    files = module_files(package)
    used = used_modules(_notebook_imports(page), files) | {
        module
        for module in files
        if f"{module}.".startswith(f"{package.name}.book.")
        and not module.startswith(f"{package.name}.book.content.")
    }
    sources = [files[module] for module in sorted(used)]
    folders = {file.parent for file in sources if file.name == "__init__.py"}
    sources += [file for folder in folders for file in folder.glob("*.*") if file.suffix != ".py"]
    if f"{package.name}.claims" in used:
        sources += [file for file in paths.claims.rglob("*") if file.is_file()]
    lock = package.parent / "requirements.lock"
    lines = [
        f"{file.relative_to(package) if file.is_relative_to(package) else file.name} "
        f"{_digest(file, _version(file))}\n"
        for file in [*sources, *[lock] * lock.exists()]
    ]
    return sha256("".join(sorted(lines)).encode())


@lru_cache(maxsize=1024)
def _digest(file: Path, version: tuple[int, int]) -> str:
    return sha256(file.read_bytes())


def module_files(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the file of every module of the package, by the module's dotted name."""
    files = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return files


def used_modules(names: Iterable[str], files: dict[str, Path]) -> set[str]:
    """Return all modules that are run when `names` are imported, by name.

    Args:
        names: Dotted names; those that are not of the package, or name something within a module,
            are allowed.
        files: The modules of the package and their files.
    """
    used: set[str] = set()
    waiting = list(names)
    while waiting:
        parts = waiting.pop().split(".")
        # Importing a module runs the packages that it lies in.
        for module in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
            if module in files and module not in used:
                used.add(module)
                file = files[module]
                package = module if file.name == "__init__.py" else module.rpartition(".")[0]
                waiting += _file_imports(file, _version(file), package)
    return used


def _version(file: Path) -> tuple[int, int]:
    """Return size and time of change: while they stay, a file is not read again."""
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=1024)
def _file_imports(file: Path, version: tuple[int, int], package: str) -> frozenset[str]:
    return _imports(file.read_text(encoding="utf-8"), package)


def _notebook_imports(page: Page) -> set[str]:
    """Return what the cells import, and every text in them that may name a module.

    The latter because of `[sys.executable, "-m", "forgetting.cli"]`.
    """
    names: set[str] = set()
    for cell in page.notebook.cells:
        if cell.cell_type == "code" and PACKAGE.name in cell.source:
            names |= _imports(cell.source, "")
            names |= {
                node.value
                for node in ast.walk(ast.parse(cell.source))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return names


def _imports(source: str, package: str) -> frozenset[str]:
    """Return every dotted name that `source` imports.

    `from a import b` gives both a and a.b, as b may be a module.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above * bool(node.level), *filter(None, [node.module])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return frozenset(names)
