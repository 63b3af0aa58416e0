"""What a result depends on: the meaning of the code that made it, the packages it used, the bytes it read.

Snakemake's own ``code`` trigger reruns a step when a comment changes, and misses changes in imported modules.
The digest here does neither: it covers the syntax trees (without comments, layout and docstrings) of a script
and of every module of this library that it imports, directly or not, and the locked versions of the packages
that these import.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import ast
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from wordsight.files.hashing import sha256
from wordsight.files.project import LOCK, SCRIPTS, locked_versions

# Modules and whole packages that digests leave out. A step imports only types from the configuration, whose
# values come through its params, and logs and errors don't reach a result.
WITHOUT_EFFECT = {"wordsight.config", "wordsight.errors", "wordsight.logs"}

# Distributions of packages whose import name isn't their own name with underscores.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "open_clip": "open-clip-torch",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}


def code_digest(script: str, *modules: str) -> str:
    """Digest of what a script means.

    Parameters
    ----------
    script : file under ``scripts/``
    modules : modules of the library that the script imports by a name in the configuration

    Returns
    -------
    str
        16 hexadecimal digits of a SHA-256.
    """
    trees, packages = closure(script, *modules)
    parts = [f"{path} {tree}" for path, tree in sorted(trees.items())]
    versions = locked_versions(LOCK)
    parts += [f"{name} {versions[name]}" for name in sorted(packages) if name in versions]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def closure(script: str, *modules: str) -> tuple[dict[str, str], set[str]]:
    """Syntax trees of a script and of the library it imports, by path; and the distributions they use."""
    queue = [SCRIPTS / script, *(path for module in modules for path in _files(module))]
    trees: dict[str, str] = {}
    packages: set[str] = set()
    while queue:
        path = queue.pop()
        key = path.relative_to(SCRIPTS).as_posix()
        if key in trees:
            continue
        trees[key], imported = _parse(path, path.stat().st_mtime_ns)
        for name in imported:
            top = name.split(".")[0]
            if top != "wordsight":
                packages.add(DISTRIBUTIONS.get(top, top.replace("_", "-")))
            elif not ignored(name):
                queue += _files(name)
    return trees, packages


def ignored(module: str) -> bool:
    """Whether digests leave out a module of the library or its package."""
    return ".".join(module.split(".")[:2]) in WITHOUT_EFFECT


def executed(tree: ast.Module) -> ast.Module:
    """Syntax tree without the code that only type checkers read."""
    return _Executed().visit(tree)


class _Executed(ast.NodeTransformer):
    """Drops the code that only type checkers read."""

    def visit_If(self, node: ast.If) -> Any:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)


@cache
def _parse(path: Path, modified: int) -> tuple[str, frozenset[str]]:
    """Normalised syntax tree of a file, and the modules it imports. ``modified`` keys the cache."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if "TYPE_CHECKING" in text:
        tree = executed(tree)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return ast.dump(tree), frozenset(imported)


def _files(module: str) -> list[Path]:
    """Files of a library module and of the packages that contain it; empty if there is no such module."""
    return [path for path in _places(SCRIPTS, module) if path.is_file()]


@cache
def _places(root: Path, module: str) -> list[Path]:
    """Where the files of a module and of the packages that contain it would be."""
    parts = module.split(".")
    packages = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(2, len(parts) + 1)]
    return [*packages, root.joinpath(*parts).with_suffix(".py")]


def content_digest(
    files: Mapping[str, Path], memory: Path = Path(".snakemake/wordsight-content.json")
) -> str:
    """SHA-256 over the names and bytes of files, in their order.

    A file is read again when its size or one of its times changed: a touched one gives the same digest, and
    an unchanged one costs only a ``stat``.

    Parameters
    ----------
    files : by name
    memory : file that keeps digests between runs
    """
    known = dict(_recall(memory))
    states = {name: _state(path) for name, path in files.items()}
    new = {state: sha256(files[name]) for name, state in states.items() if state not in known}
    if new:
        known |= new
        _remember(memory, known)
    contents = [[name, known[state]] for name, state in states.items()]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def _state(path: Path) -> str:
    """What changes whenever a file's bytes do: no program can set the time of its last change (ctime)."""
    found = path.stat()
    return f"{path.resolve()} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def _recall(memory: Path) -> Mapping[str, str]:
    try:
        return _read_memory(memory, memory.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=1)
def _read_memory(memory: Path, modified: int) -> Mapping[str, str]:
    """Content of the memory, read once for many sections; ``modified`` keys the cache."""
    return json.loads(memory.read_text(encoding="utf-8"))


def _remember(memory: Path, digests: dict[str, str]) -> None:
    """Keep digests for later runs; if that fails, they are computed again, which only takes longer."""
    temporary = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(digests), encoding="utf-8")
        temporary.replace(memory)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
