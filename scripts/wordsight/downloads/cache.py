"""Where downloads are kept, and where they may come from.

Three environment variables control it: ``WORDSIGHT_CACHE`` (the folder), ``WORDSIGHT_MIRROR`` (asked first,
at ``<mirror>/<host>/<path>``) and ``WORDSIGHT_OFFLINE`` (no connections).
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from wordsight.errors import DownloadError

YES = {"1", "on", "yes", "true"}
GROUP_WRITES, STICKY = 0o020, 0o1000


def cache() -> Path:
    """Folder of all downloads."""
    chosen = os.environ.get("WORDSIGHT_CACHE")
    default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wordsight"
    return Path(chosen).expanduser().absolute() if chosen else default


@contextmanager
def shared_as_the_cache_is() -> Iterator[None]:
    """Within the block, a group that may write to the cache may write to what is made in it.

    Otherwise another user could neither wait for a file there nor put one beside it. A sticky folder, such as
    that for temporary files, is no sign that a group shares the cache.
    """
    existing = next((folder for folder in (cache(), *cache().parents) if folder.is_dir()), Path("/"))
    shared = existing.stat().st_mode & (GROUP_WRITES | STICKY) == GROUP_WRITES
    before = os.umask(0o077)
    os.umask(before & ~0o070 if shared else before)
    try:
        yield
    finally:
        os.umask(before)


def cached(address: str, name: str | None = None) -> Path:
    """Path in the cache of the file at an address; two addresses or names never share a path."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadError(f"{address}: expected an address that starts with https:// or http://")
    if "@" in parts.netloc:
        raise DownloadError(
            f"{parts.hostname}: the address contains a user name; put user and password into ~/.netrc"
        )
    segments = [_segment(segment) for segment in parts.path.removeprefix("/").split("/")]
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    place = cache().joinpath(host, *segments)
    if parts.query or name not in (None, segments[-1]):
        # The path of an address can't contain a question mark, so no other file uses this folder.
        place = place.with_name(_segment(f"{segments[-1]}?{parts.query}", safe="?=&%+,:@"))
        place /= _segment(name or segments[-1])
    return place


def offline() -> bool:
    """Whether connections are forbidden."""
    return any(os.environ.get(name, "").lower() in YES for name in ("WORDSIGHT_OFFLINE", "HF_HUB_OFFLINE"))


def mirrored(address: str) -> str | None:
    """Address on the mirror; None if there is no mirror.

    Raises
    ------
    DownloadError
        When the address of the mirror isn't one.
    """
    mirror = os.environ.get("WORDSIGHT_MIRROR", "").rstrip("/")
    if not mirror:
        return None
    if not mirror.startswith(("http://", "https://")) or mirror != mirror.strip():
        raise DownloadError(
            f"WORDSIGHT_MIRROR: expected an address that starts with https:// or http://, not {mirror!r}"
        )
    return f"{mirror}/{address.partition('://')[2]}"


def _segment(text: str, safe: str = "") -> str:
    """Name of the file or folder for one part of an address."""
    name = quote(text, safe=f"{safe}%+,=@:~!$&'()*;")
    name = f"%{name}" if name.startswith(".") or not name else name
    if len(name) <= 200:
        return name
    return f"{hashlib.sha256(name.encode()).hexdigest()[:32]}{Path(name).suffix[-20:]}"
