"""Telling what a file is from its first bytes, whatever its name. Only the standard library is imported."""

import re
from pathlib import Path

HTML_PAGE, LFS_POINTER, ZIP_FILE = "an HTML page", "a Git LFS pointer", "a zip file"
START = 2**16  # bytes to look at; a page may begin with long comments

# What servers and git give instead of a file.
_BEFORE_MARKUP = rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*"
MISPLACED = {
    _BEFORE_MARKUP + rb"<(?i:!doctype html|html|head|body)\b": HTML_PAGE,
    _BEFORE_MARKUP + rb"<Error>": "an error message of a server",
    rb"version https://git-lfs": LFS_POINTER,
    rb"\Z": "an empty file",
}
ARCHIVES = {
    rb"\x1f\x8b\x08": "a file compressed with gzip",
    rb"BZh[1-9]1AY&SY": "a file compressed with bzip2",
    rb"\xfd7zXZ\0": "a file compressed with xz",
    rb"\x28\xb5\x2f\xfd": "a file compressed with zstd",
    rb"PK\x03\x04": ZIP_FILE,
}


def start_of(path: Path) -> bytes:
    """First bytes of a file, as many as the functions below look at."""
    with path.open("rb") as file:
        return file.read(START)


def misplaced(start: bytes) -> str:
    """Name what a server or git gave instead of a file, by its first bytes; empty if they look like none."""
    return _find(MISPLACED, start)


def describe_start(start: bytes) -> str:
    """Name what a file is by its first bytes, also an archive; empty if they look like nothing known."""
    found = misplaced(start) or _find(ARCHIVES, start)
    return f"{found} (run `git lfs pull` to get the file)" if found == LFS_POINTER else found


def _find(signatures: dict[bytes, str], start: bytes) -> str:
    found = (words for signature, words in signatures.items() if re.match(signature, start, re.DOTALL))
    return next(found, "")
