"""How far a compressed file may grow: one that grows further would fill the memory."""

import zipfile
from pathlib import Path

RATIO, FREE = 100, 1 << 26  # largest unpacked size as a multiple of the packed one; 64 MiB are always allowed


def grows_too_far(unpacked: int, packed: int) -> bool:
    """Whether so many bytes are too many for a file of so many bytes."""
    return unpacked > max(FREE, RATIO * packed)


def is_zip(path: Path) -> bool:
    """Whether a file is a zip file, damaged or not."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True


def unpacked_size(path: Path) -> int:
    """Bytes of all members of a zip file, as its directory states them; zipfile reads no more of each."""
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())
