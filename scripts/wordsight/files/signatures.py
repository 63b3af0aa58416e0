"""What a file is by its first bytes, whatever its name says. Only the standard library is imported."""

import re
from pathlib import Path

HTML_PAGE, LFS_POINTER = "an HTML page", "a Git LFS pointer"
START = 2**16  # bytes that tell; a page may begin with long comments

# What servers and git put in the place of a file.
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
    rb"PK\x03\x04": "a zip file",
}


def start_of(path: Path) -> bytes:
    """First bytes of a file, as many as the functions below need."""
    with path.open("rb") as file:
        return file.read(START)


def misplaced(start: bytes) -> str:
    """What servers or git put in the place of a file, by its first bytes; empty when they do not tell."""
    return _find(MISPLACED, start)


def describe_start(start: bytes) -> str:
    """What a file is by its first bytes, archives too; empty when they do not tell."""
    found = misplaced(start) or _find(ARCHIVES, start)
    return f"{found}, for which `git lfs pull` fetches the file" if found == LFS_POINTER else found


def _find(signatures: dict[bytes, str], start: bytes) -> str:
    found = (words for signature, words in signatures.items() if re.match(signature, start, re.DOTALL))
    return next(found, "")
