"""Imports of a user's own Python file from its folder: they are found there, and their bytes are recorded.

Modules are read from their files and never from compiled copies, which may be of an earlier version. Those of
one file are forgotten before the next one runs, which may have other modules of the same names.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_loaded: set[str] = set()  # names of the modules of the last file


class Imports:
    """Finds modules in a folder, before any other place, and records them when they are loaded.

    Attributes
    ----------
    digests : SHA-256 of each file that was loaded, by its name in the folder
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Spec of a module in the folder, or in one of its packages; None if there is none."""
        for place in [str(self.folder)] if path is None else path:
            if Path(place).is_relative_to(self.folder):
                loaders: Any = (
                    (partial(_Source, self), SOURCE_SUFFIXES),
                    (partial(_Extension, self), EXTENSION_SUFFIXES),
                )
                if spec := FileFinder(place, *loaders).find_spec(name, target):
                    _loaded.add(name)
                    return spec
        return None

    def record(self, path: str, content: bytes) -> None:
        """Record a file that is about to be loaded."""
        self.digests[Path(path).relative_to(self.folder).as_posix()] = hashlib.sha256(content).hexdigest()


class _Source(SourceFileLoader):
    def __init__(self, imports: Imports, name: str, path: str) -> None:
        super().__init__(name, path)
        self.imports = imports

    def get_code(self, fullname: str) -> CodeType | None:
        content = self.get_data(self.path)
        self.imports.record(self.path, content)
        return self.source_to_code(content, self.path)


class _Extension(ExtensionFileLoader):
    def __init__(self, imports: Imports, name: str, path: str) -> None:
        super().__init__(name, path)
        self.imports = imports

    def create_module(self, spec: ModuleSpec) -> Any:
        self.imports.record(self.path, self.get_data(self.path))
        return super().create_module(spec)


@contextmanager
def imported_from(folder: Path) -> Iterator[Imports]:
    """Find modules in a folder first while the block runs, as Python does for a script in it."""
    for name in _loaded:
        sys.modules.pop(name, None)
    _loaded.clear()
    imports = Imports(folder)
    sys.meta_path.insert(0, imports)
    try:
        yield imports
    finally:
        sys.meta_path.remove(imports)
