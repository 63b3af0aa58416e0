"""Digests of files that are read again only when they changed.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from wordsight.files import stamps
from wordsight.files.hashing import sha256

MEMORY = Path(".snakemake/wordsight-content.json")


class Memory:
    """SHA-256 of files by their path, size, times and identity, kept between runs.

    A file that was touched is read again and gives the same digest; an unchanged one costs only a ``stat``.
    """

    def __init__(self, path: Path = MEMORY) -> None:
        self.path = path
        self.known: dict[str, str] = _read(path)
        self.kept = len(self.known)

    def sha256(self, path: Path) -> str:
        """SHA-256 of a file."""
        state = f"{path.resolve()} {' '.join(map(str, stamps.state_of(path)))}"
        if state not in self.known:
            self.known[state] = sha256(path)
        return self.known[state]

    @property
    def grown(self) -> bool:
        """Whether there are new digests."""
        return len(self.known) > self.kept

    def keep(self) -> None:
        """Keep new digests for later runs. If that fails, they are computed again, which takes longer."""
        if not self.grown:
            return
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self.known), encoding="utf-8")
            temporary.replace(self.path)
            self.kept = len(self.known)
        except OSError:
            with suppress(OSError):
                temporary.unlink()


def digest(files: Mapping[str, Path], memory: Memory) -> str:
    """SHA-256 over the names and bytes of files, in their order."""
    contents = [[name, memory.sha256(path)] for name, path in files.items()]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {state: str(digest) for state, digest in known.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
