"""Stamps: beside each file that a step makes, what it was made from. So results can be checked by themselves.

A stamp has the digests of the file, of each param of its step (the values of the configuration, the code, the
user's own files) and of each file that the step read. It also has the size and times of its file, so that an
unchanged file isn't read again.

Only the standard library is imported, because the Snakefile imports this module in Snakemake's environment.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wordsight.files import hashing, listing

State = list[int]
OF_SNAKEMAKE = ".snakemake_timestamp"  # which Snakemake puts into a folder once its step has ended


@dataclass(frozen=True)
class Stamp:
    """What a file was made from.

    Attributes
    ----------
    rule : that made it
    params : digest of each param by its name
    inputs : SHA-256 of each file that was read
    sha256 : of the file itself; of a folder, the digest of its files
    state : of the file when it was made, see :func:`state_of`
    """

    rule: str
    params: dict[str, str]
    inputs: dict[str, str]
    sha256: str
    state: State


def place(path: Path | str) -> Path:
    """Where the stamp of a file is: hidden beside it."""
    path = Path(path)
    return path.with_name(f".{path.name}.stamp")


def read(path: Path | str) -> Stamp | None:
    """Stamp of a file; None if it has none, or a damaged one."""
    try:
        stamp = Stamp(**json.loads(place(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return stamp if isinstance(stamp.params, dict) and isinstance(stamp.inputs, dict) else None


def write(outputs: Iterable[Path | str], rule: str, params: dict[str, str], inputs: dict[str, str]) -> None:
    """Stamp files that were just made; raises :class:`~wordsight.errors.DataError` if the disk is full."""
    from wordsight.files.disk import write_text  # needs more than the standard library

    for output in map(Path, outputs):
        stamp = Stamp(rule, params, inputs, content_of(output), state_of(output))
        write_text(place(output), json.dumps(asdict(stamp), sort_keys=True) + "\n")


def digests(values: Mapping[str, Any]) -> dict[str, str]:
    """Digest of each of several plain values, by name."""
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
        for name, value in values.items()
    }


def content_of(path: Path) -> str:
    """SHA-256 of a file, or a digest of the files below a folder."""
    if not path.is_dir():
        return hashing.sha256(path)
    files = listing.below(path, hidden=True, strict=False)
    return hashing.digest_of(
        {name: hashing.sha256(file) for name, file in files.items() if name != OF_SNAKEMAKE}
    )


def contents_of(paths: Iterable[str]) -> dict[str, str]:
    """Digest of each of several files and folders."""
    return {path: stamped_content_of(path) or content_of(Path(path)) for path in paths}


def stamped_content_of(path: Path | str) -> str | None:
    """SHA-256 of a file that hasn't changed since it was stamped; None if it has, or has no stamp."""
    stamp = read(path)
    return stamp.sha256 if stamp and not Path(path).is_dir() and stamp.state == state_of(path) else None


def state_of(path: Path | str) -> State:
    """Size, times and identity of a file, which change whenever its bytes do: no program sets its ctime."""
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
