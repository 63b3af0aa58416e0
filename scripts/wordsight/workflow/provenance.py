"""What a result depends on: the meaning of the code that made it, and the packages that it used.

Snakemake's own ``code`` trigger reruns a step when a comment changes, and misses changes in imported modules.
The digest here does neither: it covers the syntax trees (without comments, layout and docstrings) of a script
and of every module of this library that it imports, directly or not, and the locked versions of the packages
that these import.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

from wordsight.files.hashing import digest_of, sha256
from wordsight.files.project import LOCK, SCRIPTS, locked_versions
from wordsight.workflow import content

MEMORY = Path(".snakemake/wordsight-code.json")

# Modules and whole packages that digests leave out. A step imports only types from the configuration, whose
# values come through its params, and logs, errors and stamps don't reach a result.
WITHOUT_EFFECT = {"wordsight.config", "wordsight.errors", "wordsight.logs", "wordsight.steps"}

# Distributions of packages whose import name isn't their own name with underscores.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "imagecorruptions": "imagecorruptions-imaug",
    "open_clip": "open-clip-torch",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}


class Memory(content.Memory):
    """Digests of what scripts mean, kept between runs until a file of scripts, the lock or Python changes."""

    def __init__(self, path: Path = MEMORY) -> None:
        super().__init__(path)
        self.state = _state()
        self.known = {key: found for key, found in self.known.items() if key.startswith(self.state)}
        self.kept = len(self.known)

    def code_digest(self, script: str, *modules: str) -> str:
        """Digest of what a script means; see :func:`code_digest`."""
        key = " ".join((self.state, script, *modules))
        if key not in self.known:
            self.known[key] = code_digest(script, *modules)
        return self.known[key]

    def keep(self) -> None:
        """Keep new digests for later runs, unless a file was edited while they were made."""
        if self.grown and _state() == self.state:
            super().keep()


@cache
def memory() -> Memory:
    """Digests that a run of Snakemake reads once."""
    return Memory()


def _state() -> str:
    """Digest of all that digests of code are made from."""
    # An editor may leave links to nowhere.
    files = [path for path in SCRIPTS.rglob("*.py") if path.is_file()]
    contents = {path.relative_to(SCRIPTS).as_posix(): sha256(path) for path in files}
    return digest_of(contents, sha256(LOCK), sys.version)


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
    looked_up: set[str] = set()
    while queue:
        path = queue.pop()
        key = path.relative_to(SCRIPTS).as_posix()
        if key in trees:
            continue
        trees[key], imported = _parse(path, path.stat().st_mtime_ns)
        for name in imported - looked_up:
            top = name.split(".")[0]
            if top != "wordsight":
                packages.add(DISTRIBUTIONS.get(top, top.replace("_", "-")))
            elif not ignored(name):
                queue += _files(name)
        looked_up |= imported
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
