"""Where downloads are kept, and from where they may come.

Three variables of the environment rule it: ``WORDSIGHT_CACHE`` (the folder), ``WORDSIGHT_MIRROR`` (asked
first, at ``<mirror>/<host>/<path>``) and ``WORDSIGHT_OFFLINE``.
"""

import hashlib
import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from wordsight.errors import DownloadError

YES = {"1", "on", "yes", "true"}


def cache() -> Path:
    """Folder of all downloads."""
    named = os.environ.get("WORDSIGHT_CACHE")
    usual = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wordsight"
    return Path(named).expanduser().absolute() if named else usual


def cached(address: str, name: str | None = None) -> Path:
    """Where the file of an address lies in the cache: two addresses or names never share a place."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadError(f"{address}: an address begins with https:// or http://")
    if parts.username:
        raise DownloadError(
            f"{parts.hostname}: the address contains a user name; put user and password into ~/.netrc"
        )
    segments = [_segment(segment) for segment in parts.path.removeprefix("/").split("/")]
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    place = cache().joinpath(host, *segments)
    if parts.query or name not in (None, segments[-1]):
        # A question mark is in no path of an address, so that no other file can have this folder.
        place = place.with_name(_segment(f"{segments[-1]}?{parts.query}", safe="?=&%+,:@"))
        place /= _segment(name or segments[-1])
    return place


def offline() -> bool:
    """Whether connections are forbidden."""
    return any(os.environ.get(name, "").lower() in YES for name in ("WORDSIGHT_OFFLINE", "HF_HUB_OFFLINE"))


def mirrored(address: str) -> str | None:
    """Address on the mirror; nothing without one."""
    mirror = os.environ.get("WORDSIGHT_MIRROR", "").rstrip("/")
    return f"{mirror}/{address.partition('://')[2]}" if mirror else None


def _segment(text: str, safe: str = "") -> str:
    """Name of a file or folder that stands for a part of an address."""
    name = quote(text, safe=f"{safe}%+,=@:~!$&'()*;")
    name = f"%{name}" if name.startswith(".") or not name else name
    if len(name) <= 200:
        return name
    return f"{hashlib.sha256(name.encode()).hexdigest()[:32]}{Path(name).suffix[-20:]}"
