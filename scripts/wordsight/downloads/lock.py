"""The file ``downloads.lock``, which remembers the SHA-256 of downloads whose publisher states none.

Each line is a digest and an address. Lines are sorted by address, so that the file can be kept under version
control and merged. A file of the Hugging Face hub has the address ``hf://owner/name/file#commit``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from wordsight.errors import DownloadError
from wordsight.files import disk

LOCK = Path("downloads.lock")
GUARD = Path(".downloads.lock.guard")
HEAD = "# SHA-256 of each file at its first download. A file that has changed since then is refused.\n"
LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<address>[^#]+)(#(?P<commit>[0-9a-f]+))?")


@dataclass(frozen=True)
class Entry:
    """A line of the lock file; ``line`` counts from 1."""

    sha256: str
    commit: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        """Place of the entry, for errors."""
        return f"line {self.line} of {LOCK}"


def find(address: str) -> Entry | None:
    """Entry of an address; None if it has none.

    Raises
    ------
    DownloadError
        When the file is damaged, or the address has a space or a line break, which would damage it.
    """
    if re.search(r"\s", address):
        raise DownloadError(f"{address}: an address has no spaces or line breaks; check its name")
    return _read().get(address)


def entries() -> dict[str, Entry]:
    """All entries by their addresses."""
    return _read()


def record(address: str, sha256: str, commit: str = "") -> None:
    """Record the digest of an address, unless it has one already."""
    if find(address):
        return
    try:
        with FileLock(GUARD):
            entries = {address: Entry(sha256, commit), **_read()}  # another job may have been first
            lines = [_line(address, entry) for address, entry in sorted(entries.items())]
            disk.write_text(LOCK, HEAD + "".join(lines))
    except OSError as error:
        raise DownloadError(disk.cannot_write(LOCK, error)) from None


def _read() -> dict[str, Entry]:
    try:
        lines = LOCK.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DownloadError(f"{LOCK}: cannot be read ({error})") from None
    entries = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.rstrip())
        if not match:
            raise DownloadError(f"{LOCK}:{number}: expected a SHA-256, two spaces and an address")
        entries[match["address"]] = Entry(match["sha256"], match["commit"] or "", number)
    return entries


def _line(address: str, entry: Entry) -> str:
    return f"{entry.sha256}  {address}{'#' if entry.commit else ''}{entry.commit}\n"
