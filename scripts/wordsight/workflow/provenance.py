"""What a result depends on: the meaning of the code that made it, the packages it used, the bytes it read.

Snakemake's own ``code`` trigger reruns on a comment and misses an edit in an imported module. The digest
here does neither: it covers the syntax trees (comments, layout and docstrings dropped) of a script and of
every module of this library that it imports, directly or not, and the locked versions of the packages that
those import.

Only the standard library is imported, since the Snakefile reads this module wherever Snakemake is.
"""

import ast
import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from wordsight.errors import ConfigError
from wordsight.files.hashing import sha256
from wordsight.files.project import LOCK, SCRIPTS, locked_versions

# Modules, and packages with all that is in them. Of the configuration a step takes types alone, whose values
# reach it through its params, and neither messages nor errors reach a result.
WITHOUT_EFFECT = {"wordsight.config", "wordsight.errors", "wordsight.logs"}

# Import names that differ from the name of the distribution by more than the dash.
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
    modules : names of modules of the library that the script imports by a name from the configuration

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
    """Syntax trees of a script and of the library it imports, by path; and the distributions these import."""
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
    """Whether digests leave a module of the library out, or one whose package they leave out."""
    return ".".join(module.split(".")[:2]) in WITHOUT_EFFECT


def executed(tree: ast.Module) -> ast.Module:
    """Syntax tree without what is there for type checkers alone."""
    return _Executed().visit(tree)


class _Executed(ast.NodeTransformer):
    """Drops what is there for type checkers alone."""

    def visit_If(self, node: ast.If) -> Any:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)


@cache
def _parse(path: Path, modified: int) -> tuple[str, frozenset[str]]:
    """Normalised syntax tree of a file, and the modules it imports. ``modified`` keys the cache."""
    tree = executed(ast.parse(path.read_text(encoding="utf-8")))
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
    """File of a module of the library, and of the packages it lies in; none for a name that is no module."""
    parts = module.split(".")
    packages = [SCRIPTS.joinpath(*parts[:depth], "__init__.py") for depth in range(2, len(parts) + 1)]
    return [path for path in [*packages, SCRIPTS.joinpath(*parts).with_suffix(".py")] if path.is_file()]


def content_digest(
    path: str, key: str, memory: Path = Path(".snakemake/wordsight-content.json"), by_hand: str | None = None
) -> str:
    """SHA-256 over names and bytes of a user's file or folder.

    Bytes are read once for each (path, size, modification time), so that a touched file is read again and
    found equal, and an unchanged one costs a ``stat``.

    Parameters
    ----------
    path : file or folder named in the configuration
    key : the configuration's key that names it, for the error
    memory : where digests are kept between runs
    by_hand : how to come by the file, for the error

    Raises
    ------
    ConfigError
        When nothing is there.
    """
    root = Path(path)
    if not root.exists():
        steps = f"; {by_hand}" if by_hand else ""
        raise ConfigError(f"config: {key}: {path} does not exist{steps}")
    known: dict[str, str] = _recall(memory)
    files = sorted(file for file in ([root] if root.is_file() else root.rglob("*")) if file.is_file())
    current = {}
    for file in files:
        stat = file.stat()
        entry = f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        current[entry] = known.get(entry) or sha256(file)
    if not current.keys() <= known.keys():
        _remember(memory, {**known, **current})
    names = [file.relative_to(root).as_posix() for file in files]
    return hashlib.sha256(
        "\n".join(f"{n} {d}" for n, d in zip(names, current.values(), strict=True)).encode()
    ).hexdigest()


def _recall(memory: Path) -> dict[str, str]:
    try:
        return json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _remember(memory: Path, digests: dict[str, str]) -> None:
    """Keep digests; without a place to keep them they are computed again, which is slow and right."""
    temporary = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(digests), encoding="utf-8")
        temporary.replace(memory)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
