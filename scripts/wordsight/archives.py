"""Archives that others made: unpacked below one folder, in full or not at all, and never past a bound.

Of a member only its name and its bytes are taken: no owner, no mode, no link.
"""

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from wordsight.errors import DataError

RATIO = 100  # bytes unpacked to a byte of the archive; images hardly shrink, and text tenfold
FREE = 2**26  # bytes unpacked that are no bomb, whatever the ratio


@dataclass(frozen=True)
class Member:
    """A file in an archive, named with forward slashes; ``open`` holds until the next one is asked for."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]


def members(path: Path | str) -> Iterator[Member]:
    """Files of a tar or zip archive, in the order in which they lie there.

    Raises
    ------
    DataError
        When it is neither, is damaged or holds more than it may, or a member is a link or a device or would
        lie outside; it names the member.
    """
    path = Path(path)
    bound, total = max(FREE, RATIO * path.stat().st_size), 0
    with _damage_named(path):
        for name, kind, member in _of_zip(path) if zipfile.is_zipfile(path) else _of_tar(path):
            if kind:
                raise DataError(f"{path}: refused: {name} is {kind}")
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
                raise DataError(f"{path}: refused: {name} would lie outside its folder")
            total += member.size
            if total > bound:
                raise DataError(f"{path}: refused: it would unpack to more than {bound} bytes")
            yield member


def unpack(path: Path | str, folder: Path | str) -> Path:
    """Unpack an archive to a folder that is not there yet, and return the folder.

    Raises
    ------
    DataError
        As :func:`members` does, or when the folder exists or cannot be written; nothing is left of it then.
    """
    path, folder = Path(path), Path(folder)
    if folder.exists():
        raise DataError(f"{folder}: expected no such folder yet, to unpack {path} to")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with _damage_named(path):
            for member in members(path):
                place = temporary / member.name
                place.parent.mkdir(parents=True, exist_ok=True)
                source = member.open()
                assert source is not None  # only files are members
                with source, place.open("xb") as target:
                    shutil.copyfileobj(source, target, 2**20)
        temporary.chmod(0o755)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _of_tar(path: Path) -> Iterator[tuple[str, str, Member]]:
    """Name of each entry that is no folder, what it is if it is no file, and the file."""
    with tarfile.open(path) as archive:
        for entry in archive:
            if not entry.isdir():
                links = entry.issym() or entry.islnk()
                kind = "" if entry.isreg() else "a link" if links else "a device"
                yield entry.name, kind, Member(entry.name, entry.size, partial(archive.extractfile, entry))


def _of_zip(path: Path) -> Iterator[tuple[str, str, Member]]:
    """As :func:`_of_tar`; a zip archive keeps the kind of a file in its attributes of Unix, if at all."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                mode = stat.S_IFMT(entry.external_attr >> 16)
                kind = "" if mode in (0, stat.S_IFREG) else "a link" if mode == stat.S_IFLNK else "a device"
                yield (
                    entry.filename,
                    kind,
                    Member(entry.filename, entry.file_size, partial(archive.open, entry)),
                )


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{path}: expected a whole tar or zip archive ({error})") from None
