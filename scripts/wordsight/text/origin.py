"""Find published files: download them, or take them from where the user put them."""

from pathlib import Path

from wordsight.config.text import PublishedFile
from wordsight.downloads import fetching
from wordsight.errors import DataError
from wordsight.files import hashing, signatures


def locate(section: PublishedFile, expected: str) -> Path:
    """Path of a section's file, which is downloaded if the section has an address.

    Parameters
    ----------
    expected : what the file is, for the errors: "word vectors", "a dump of Wikipedia"

    Raises
    ------
    DataError
        When a local file is missing, or has another SHA-256.
    DownloadError
        When no address gives the file.
    """
    if section.addresses:
        return fetching.fetch(section.addresses, sha256=section.sha256, path=section.path, expected=expected)
    path = Path(str(section.path))
    if not path.is_file():
        hint = f"; get it from {section.by_hand}" if section.by_hand else ""
        raise DataError(f"{path}: expected {expected}, but there is no such file{hint}")
    if section.sha256 and not (found := hashing.sha256(path)).startswith(section.sha256):
        raise DataError(f"{path}: expected SHA-256 {section.sha256}, found {found}")
    return path


def start_of(path: Path, expected: str) -> bytes:
    """First bytes of a file; raises :class:`DataError` if they show that it is something else."""
    start = signatures.start_of(path)
    if start.startswith((b"BZh", b"\x1f\x8b")):
        return start
    if what := signatures.describe_start(start):
        raise DataError(f"{path}: expected {expected}, but this is {what}")
    return start
