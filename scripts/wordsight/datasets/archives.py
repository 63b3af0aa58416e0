"""The files of a folder or an archive, under one interface: their names, and a function that reads each.

Links in a folder are followed. Archives are read in place. Nothing is unpacked to disk, so that no name in
an archive can write elsewhere. Links and devices in an archive are skipped, and an archive that unpacks to
far more bytes than images would is refused.
"""

import gzip
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from wordsight.errors import DataError, first_line
from wordsight.files import listing
from wordsight.files.inflation import grows_too_far
from wordsight.files.signatures import describe_start

GZIP, ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
ENCRYPTED = 1  # bit of a zip file's flags
READ_AHEAD = 1 << 20
LARGEST = 1 << 28  # bytes of the largest file that is read, a thousand times those of a photograph

Files = dict[str, Callable[[], bytes]]


class Entry(NamedTuple):
    """A file in a tar file: its ``size`` bytes start at ``offset``."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Extent:
    """A range of bytes in a file."""

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

    Names are relative to the folder or archive, with ``/``; hidden files are left out. A folder is in the
    order of :func:`wordsight.files.listing.below`, an archive in its own order. Read the files in this order:
    a compressed tar file is only fast to read forwards.

    Raises
    ------
    DataError
        When the path doesn't exist or isn't a folder or archive, the archive is cut short, damaged or
        protected by a password, a name leads out of the archive, or the folder has something that can't be
        read. The error names the path.
    """
    if path.is_dir():
        return {name: partial(file.read_bytes) for name, file in listing.below(path).items()}
    start = _start(path)
    if start.startswith(GZIP):
        return _list_compressed(path)
    if start.startswith(ZIP):
        return _list_zip(path)
    if problem := describe_start(start):
        raise DataError(f"{path}: expected a folder, a tar file or a zip file, found {problem}")
    with path.open("rb") as file:
        entries = list(tar_entries(file, path, path.stat().st_size))
    sized = _check_sizes(entries, path)
    return _visible({entry.name: Extent(path, entry.offset, entry.size).read for entry in sized}, path)


def list_nested(path: Path) -> Files:
    """Files in a tar file of tar files, each below the name of its tar file without the extension."""
    files: Files = {}
    problem = describe_start(_start(path))
    if problem:
        raise DataError(f"{path}: expected a tar file of tar files, found {problem}")
    with path.open("rb") as file:
        for outer in list(tar_entries(file, path, path.stat().st_size)):
            folder, where = PurePosixPath(outer.name).with_suffix(""), path / outer.name
            file.seek(outer.offset)
            for entry in _check_sizes(tar_entries(file, where, outer.offset + outer.size), where):
                files[str(folder / entry.name)] = Extent(path, entry.offset, entry.size).read
    return _visible(files, path)


def tar_entries(file: BinaryIO, path: Path, end: int | None) -> Iterator[Entry]:
    """Regular files in the tar file that starts at the current position of ``file``; others are skipped.

    Parameters
    ----------
    file : open for reading, possibly decompressing
    path : path of the tar file, for errors
    end : position where the tar file ends; None if it can only be found by reading

    Raises
    ------
    DataError
        When it isn't a complete tar file.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="strict") as archive:
            while (entry := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps a kilobyte per member.
                if entry.size < 0 or (end is not None and entry.offset_data + entry.size > end):
                    raise DataError(f"{path}: {entry.name}: is cut short; it should have {entry.size} bytes")
                if entry.isreg() and not entry.issparse():
                    yield Entry(entry.name, entry.offset_data, entry.size)
            _check_end(file, archive.offset, path)
    except (tarfile.TarError, ValueError) as error:
        raise DataError(f"{path}: the tar file is damaged ({error})") from None


def _check_end(file: BinaryIO, offset: int, path: Path) -> None:
    """Refuse a tar file that doesn't end in a block of zeros; tarfile itself accepts any end."""
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise DataError(f"{path}: the tar file is cut short or damaged at byte {offset}")


class _Decompressed:
    """Contents of a gzip file. Reading forwards is fast; to read backwards, it starts again."""

    def __init__(self, path: Path) -> None:
        self.file = gzip.GzipFile(path)
        weakref.finalize(self, self.file.close)

    def read(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes that start at ``offset``."""
        self.file.seek(offset)
        return self.file.read(size)


def _list_compressed(path: Path) -> Files:
    source = _Decompressed(path)
    try:
        entries = []
        for entry in _check_sizes(tar_entries(cast(BinaryIO, source.file), path, None), path):
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
    except Exception as error:  # zipfile lets errors of many types through on damaged files
        raise DataError(f"{path}: the zip file is damaged ({first_line(error)})") from None
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise DataError(f"{path}: the zip file has a password; unpack it and set `path` to the folder")
    sized = [Entry(entry.filename, entry.header_offset, entry.file_size) for entry in entries]
    _refuse_bomb(path, sum(entry.size for entry in _check_sizes(sized, path)))
    return _visible({entry.filename: partial(_read_zip, archive, entry, path) for entry in entries}, path)


def _check_sizes(entries: Iterable[Entry], path: Path) -> Iterator[Entry]:
    """Pass entries on, and refuse one that is too large to read into memory."""
    for entry in entries:
        if entry.size > LARGEST:
            raise DataError(
                f"{path}: {entry.name}: has {entry.size} bytes, too many for an image; the limit is {LARGEST}"
            )
        yield entry


def _refuse_bomb(path: Path, size: int) -> None:
    """Refuse an archive that unpacks to far more bytes than it has."""
    if grows_too_far(size, path.stat().st_size):
        raise DataError(
            f"{path}: would unpack to {size} bytes or more, too many for an archive of images of its size"
        )


def _read_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> bytes:
    try:
        return archive.read(entry)
    except Exception as error:  # as above
        raise DataError(f"{path}: {entry.filename}: is damaged ({first_line(error)})") from None


def _start(path: Path) -> bytes:
    if problem := listing.problem(path):
        raise DataError(f"{path}: {problem}")
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def _visible(files: Files, path: Path) -> Files:
    """The same files without hidden ones, such as those that macOS adds, and without ``./`` before a name."""
    found: Files = {}
    for name, read in files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/"):
            raise DataError(f"{path}: {name}: the name leads out of the archive")
        if not any(part.startswith(".") or part == "__MACOSX" for part in parts):
            found["/".join(parts)] = read
    return found
