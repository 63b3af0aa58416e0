"""The files of a folder or an archive under one interface: their names, and how each is read.

An archive is read where it is: nothing is unpacked to disk, so that no name in it leads anywhere. Links and
devices are passed over, and what would unpack to far more than an archive of images is refused.
"""

import gzip
import os
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from wordsight.errors import DataError
from wordsight.files.signatures import describe_start

GZIP, ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
ENCRYPTED = 1  # bit of a zip file's flags
READ_AHEAD = 1 << 20
LARGEST = 1 << 28  # bytes of a file that is read; those of a photograph are a thousandth
RATIO, FREE = 100, 1 << 26  # bytes to a compressed one, above so many in all: images hardly shrink

Files = dict[str, Callable[[], bytes]]


class Entry(NamedTuple):
    """A file in a tar file: ``size`` bytes from ``offset`` on."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Some bytes of a file."""

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Read them."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def list_files(path: Path) -> Files:
    """Files below a folder, or in a tar file (plain or compressed with gzip) or a zip file.

    Names are relative to the folder or archive, with ``/``; what is hidden is left out. A folder is in sorted
    order, an archive in its own: in this order, one that is compressed as a whole is read through once.

    Raises
    ------
    DataError
        When nothing is there, the archive is something else, cut short, damaged or locked with a password, or
        a name in it leads out of it. It names the path.
    """
    if path.is_dir():
        return {name: partial((path / name).read_bytes) for name in sorted(_walk(path))}
    start = _start(path)
    if start.startswith(GZIP):
        return _list_compressed(path)
    if start.startswith(ZIP):
        return _list_zip(path)
    if problem := describe_start(start):
        raise DataError(f"{path}: expected a folder, a tar file or a zip file, found {problem}")
    with path.open("rb") as file:
        entries = list(tar_entries(file, path, path.stat().st_size))
    return _visible(
        {entry.name: Extent(path, entry.offset, entry.size).read for entry in _small(entries, path)}, path
    )


def list_nested(path: Path) -> Files:
    """Files of a tar file of tar files, each under the name of its own without the extension."""
    files: Files = {}
    problem = describe_start(_start(path))
    if problem:
        raise DataError(f"{path}: expected a tar file of tar files, found {problem}")
    with path.open("rb") as file:
        for outer in list(tar_entries(file, path, path.stat().st_size)):
            folder, where = PurePosixPath(outer.name).with_suffix(""), path / outer.name
            file.seek(outer.offset)
            for entry in _small(tar_entries(file, where, outer.offset + outer.size), where):
                files[str(folder / entry.name)] = Extent(path, entry.offset, entry.size).read
    return _visible(files, path)


def tar_entries(file: BinaryIO, path: Path, end: int | None) -> Iterator[Entry]:
    """Plain files of the tar file that starts where ``file`` stands; all else in it is passed over.

    Parameters
    ----------
    file : open for reading, possibly decompressing
    path : how errors name it
    end : place at which its bytes end; None where only reading on tells

    Raises
    ------
    DataError
        When it is no whole tar file.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="strict") as archive:
            while (entry := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # It keeps a kilobyte a member.
                if entry.size < 0 or (end is not None and entry.offset_data + entry.size > end):
                    raise DataError(f"{path}: {entry.name}: is cut short; it should have {entry.size} bytes")
                if entry.isreg() and not entry.issparse():
                    yield Entry(entry.name, entry.offset_data, entry.size)
            _check_end(file, archive.offset, path)
    except (tarfile.TarError, ValueError) as error:
        raise DataError(f"{path}: the tar file is damaged ({error})") from None


def _check_end(file: BinaryIO, offset: int, path: Path) -> None:
    """Refuse a tar file without the block of zeros that ends it; tarfile takes anything for the end."""
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise DataError(f"{path}: the tar file is cut short or damaged at byte {offset}")


class _Decompressed:
    """What a file compressed with gzip holds. Going back means to start anew, so that forwards is fast."""

    def __init__(self, path: Path) -> None:
        self.file = gzip.GzipFile(path)
        weakref.finalize(self, self.file.close)

    def read(self, offset: int, size: int) -> bytes:
        """Read some bytes."""
        self.file.seek(offset)
        return self.file.read(size)


def _list_compressed(path: Path) -> Files:
    source = _Decompressed(path)
    try:
        entries = []
        for entry in _small(tar_entries(cast(BinaryIO, source.file), path, None), path):
            entries.append(entry)
            _refuse_bomb(path, entry.offset + entry.size)
        while source.file.read(READ_AHEAD):  # the checksum is at the end
            _refuse_bomb(path, source.file.tell())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error})") from None
    return _visible({entry.name: partial(source.read, *entry[1:]) for entry in entries}, path)


def _list_zip(path: Path) -> Files:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path}: the zip file is damaged ({error})") from None
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise DataError(f"{path}: the zip file has a password; unpack it and set `path` to the folder")
    sized = [Entry(entry.filename, entry.header_offset, entry.file_size) for entry in entries]
    _refuse_bomb(path, sum(entry.size for entry in _small(sized, path)))
    return _visible({entry.filename: partial(_read_zip, archive, entry, path) for entry in entries}, path)


def _small(entries: Iterable[Entry], path: Path) -> Iterator[Entry]:
    """The same entries, of which none is larger than what is ever read into memory."""
    for entry in entries:
        if entry.size > LARGEST:
            raise DataError(
                f"{path}: {entry.name}: {entry.size} bytes are too many for one image; the limit is {LARGEST}"
            )
        yield entry


def _refuse_bomb(path: Path, size: int) -> None:
    """Refuse an archive that unpacks to far more bytes than it has."""
    if size > max(FREE, RATIO * path.stat().st_size):
        raise DataError(
            f"{path}: too large for an archive of images: it would unpack to {size} bytes or more"
        )


def _read_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> bytes:
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise DataError(f"{path}: {entry.filename}: is damaged ({error})") from None


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def _walk(folder: Path) -> Iterator[str]:
    """Names of all visible files, at any depth."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(parent).relative_to(folder)
        yield from ((below / name).as_posix() for name in names if not name.startswith("."))


def _visible(files: Files, path: Path) -> Files:
    """The same files without hidden ones, such as those that macOS adds, and without ``./`` before a name."""
    found: Files = {}
    for name, read in files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/"):
            raise DataError(f"{path}: {name}: this name leads out of the archive")
        if not any(part.startswith(".") or part == "__MACOSX" for part in parts):
            found["/".join(parts)] = read
    return found
