"""Unfinished downloads, which a later run continues.

They lie in a cache that others may write to, so none of them is trusted: each is a private file under a name
that nobody can know before. Only a regular file of the user's own is continued, and a link is never followed.
"""

import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from wordsight.files.unfinished import ENDING


@contextmanager
def download_to(place: Path) -> Iterator[Path]:
    """Unfinished download of this user to a place, or a new one. What has no content is not left behind."""
    partial = _find(place)
    try:
        yield partial
    finally:
        if not partial.exists() or not partial.stat().st_size:
            forget(partial)


def forget(partial: Path) -> None:
    """Remove an unfinished download."""
    partial.unlink(missing_ok=True)
    notes(partial).unlink(missing_ok=True)


def notes(partial: Path) -> Path:
    """File that says from which address a download is, and which version of the file it begins."""
    return partial.with_name(f"{partial.name}.json")


def _find(place: Path) -> Path:
    for path in sorted(place.parent.glob(f".{glob.escape(place.name)}.*{ENDING}")):
        if _is_ours(path.lstat()):
            return path
    file, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=ENDING, dir=place.parent)
    os.close(file)
    return Path(name)


def opened(path: Path, *, resume: bool) -> BinaryIO:
    """Open an unfinished download to write at its end, or from its start.

    Raises
    ------
    OSError
        When something else is there by now.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_APPEND if resume else 0)
    file = os.open(path, flags, 0o600)
    if not _is_ours(os.fstat(file)):
        os.close(file)
        raise PermissionError(f"{path} was put there by somebody else; remove it")
    if not resume:
        os.ftruncate(file, 0)
    return os.fdopen(file, "ab" if resume else "wb")


def finish(path: Path, place: Path) -> None:
    """Move a whole download to its place, readable for those who may read the user's new files."""
    mask = os.umask(0o077)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
    path.replace(place)


def _is_ours(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1
