"""The project's own source files that a command really imports, so that Snakemake reruns exactly their users."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = "workflow_scripts"
_ROOT = Path(__file__).resolve().parents[2]


def code_inputs(*modules: str) -> list[str]:
    """Return the source files of `modules` and of everything in the package that they import, sorted.

    Args:
        modules: names below the package: ``run_pass`` or ``studies.<study>.<analysis>``. Name a module that a command imports
            by a computed name, because it cannot be seen in the source.

    Returns:
        Paths relative to the repository root.
    """
    found: set[Path] = set()
    for module in modules:
        found |= _closure(f"{PACKAGE}.{module}")
    return sorted(path.relative_to(_ROOT).as_posix() for path in found)


def imported_names(*modules: str) -> set[str]:
    """Return the top-level names of all other packages that `modules` and what they import refer to."""
    names: set[str] = set()
    for path in code_inputs(*modules):
        names |= {name.split(".")[0] for name in _imports(_ROOT / path)}
    return names - {PACKAGE}


@cache
def _closure(module: str) -> frozenset[Path]:
    todo, found = list(_files(module)), set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _imported_files(path)
    return frozenset(found)


@cache
def _imported_files(path: Path) -> tuple[Path, ...]:
    """Return the package's files that importing `path` runs beside itself, but for what these import in turn."""
    modules = (name for name in _imports(path) if name.split(".")[0] == PACKAGE)
    return tuple(dict.fromkeys(file for module in modules for file in _files(module)))


@cache
def _files(module: str) -> list[Path]:
    """Return the files that importing `module` runs; for ``package.name`` of a ``from`` import also the package's."""
    parts = module.split(".")
    files = [_ROOT.joinpath(*parts[:i], "__init__.py") for i in range(1, len(parts) + 1)]
    return [path for path in (*files, _ROOT.joinpath(*parts).with_suffix(".py")) if path.is_file()]


@cache
def _imports(path: Path) -> frozenset[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)
