"""The Python files that a file imports from beside it, directly or not.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import ast
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


def beside(path: Path) -> dict[str, Path]:
    """Files of modules that a Python file imports from its folder, by their names there, in sorted order.

    The folder is that of the file itself, also where ``path`` is a link to it, as when Python runs a script.
    Imports count wherever they stand. A file that isn't valid Python imports nothing.
    """
    start = path.resolve()
    found: dict[str, Path] = {}
    pending = [(start, "")]
    while pending:
        file, package = pending.pop()
        for module in _imported(file, package):
            for name, other in _files(start.parent, module):
                if name not in found and other != start:
                    found[name] = other
                    pending.append((other, _package(name)))
    return dict(sorted(found.items()))


def _package(name: str) -> str:
    """Package of a module by the name of its file: ``nets`` of ``nets/blocks.py``, ``nets/__init__.py``."""
    return ".".join(Path(name).parent.parts)


def _imported(file: Path, package: str) -> set[str]:
    """Modules that a file may import, by their full names; what it imports from one may be a module too."""
    if file.suffix != ".py":
        return set()
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join(part for part in (*above, node.module) if part)
            found |= {module} | {f"{module}.{alias.name}" if module else alias.name for alias in node.names}
    return found


def _files(folder: Path, module: str) -> Iterator[tuple[str, Path]]:
    """Files of a module in the folder and of the packages that contain it."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        place = Path(*parts[:depth])
        names = [
            place / "__init__.py",
            *(Path(f"{place}{suffix}") for suffix in (".py", *EXTENSION_SUFFIXES)),
        ]
        for name in names:
            if (folder / name).is_file():
                yield name.as_posix(), folder / name
                break
