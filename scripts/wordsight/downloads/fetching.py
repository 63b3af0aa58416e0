"""Downloads of published files: once for all runs and users, verified at every use, never half there.

Files lie in a cache under host and path of their address, as ``wget -x`` would lay them out, so that they can
be put there by hand.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from wordsight.downloads import http, lock
from wordsight.downloads.cache import cache, cached, mirrored, offline
from wordsight.errors import DownloadError
from wordsight.files import disk, hashing
from wordsight.logs import logger


def fetch(
    urls: Sequence[str],
    *,
    sha256: str | None = None,
    md5: str | None = None,
    name: str | None = None,
    path: Path | str | None = None,
    expected: str = "a file",
) -> Path:
    """Verified file, from the cache or from the first address that gives it.

    Parameters
    ----------
    urls : addresses of the same file, tried in order
    sha256 : its SHA-256 in hexadecimal; the first digits are enough
    md5 : its MD5, for publishers that state nothing better
    name : of the file in the cache; that of the first address by default
    path : where it has to lie, in place of the cache; another file that is there is left as it is
    expected : what it is, for the errors: "weights", "an archive"

    Raises
    ------
    DownloadError
        When no address gives it, or another file lies at ``path``; one line that names it and what was found.
    """
    address = urls[0].partition("#")[0]
    place = Path(path) if path else cached(address, name)
    digests = _Digests(sha256, md5, None if sha256 and len(sha256) == 64 else lock.find(address))
    if path and place.is_file() and (found := digests.mismatch(place)):
        raise DownloadError(
            f"{place}: expected {expected}{digests}, found {found}; move it away, or set its `sha256`"
        )
    if not digests.fit(place):
        if offline():
            raise DownloadError(_offline(address, place, digests, expected))
        with _locked(place):
            if not digests.fit(place):  # another job may have fetched it meanwhile
                _download(urls, place, digests, expected)
    if len(sha256 or "") < 64 and not digests.entry:
        lock.record(address, hashing.sha256(place))
    return place


@dataclass(frozen=True)
class _Digests:
    """What is known beforehand of a file."""

    sha256: str | None
    md5: str | None
    entry: lock.Entry | None

    def fit(self, path: Path) -> bool:
        """Whether the file is there and is the expected one."""
        return path.is_file() and self.mismatch(path) is None

    def mismatch(self, path: Path) -> str | None:
        """How a file differs from the expected one."""
        found = hashing.sha256(path)
        if self.sha256 and not found.startswith(self.sha256.lower()):
            return http.describe_answer(path) or f"a file with SHA-256 {found}"
        if self.md5 and (other := _md5(path)) != self.md5.lower():
            return http.describe_answer(path) or f"a file with MD5 {other}"
        if self.entry and found != self.entry.sha256:
            return http.describe_answer(path) or f"a file with SHA-256 {found}"
        known = self.sha256 or self.md5 or self.entry
        return None if known else http.describe_answer(path)

    def __str__(self) -> str:
        words = [f"with SHA-256 {self.sha256}"] if self.sha256 else []
        words += [f"with MD5 {self.md5}"] if self.md5 else []
        words += [f"with SHA-256 {self.entry.sha256} ({self.entry.where})"] if self.entry else []
        return f" {' and '.join(words)}" if words else ""


def _download(urls: Sequence[str], place: Path, digests: _Digests, expected: str) -> None:
    """Put the file into its place, from the first address that gives the expected one."""
    partial = place.with_name(f".{place.name}.partial")
    reasons = []
    with http.session() as connections:
        for address in _addresses(urls):
            logger.info("downloading %s", address)
            try:
                _receive(connections, address, partial, digests)
            except http.RefusedError as error:
                reasons.append(f"{address}: {error}")
                continue
            partial.replace(place)
            http.forget(partial)
            _let_group_read(place)
            return
    raise DownloadError(
        f"{place.name}: cannot download {expected}{digests} ({'; '.join(reasons)}); "
        f"get it by hand and put it at {place}"
    )


def _receive(connections: Any, address: str, partial: Path, digests: _Digests) -> None:
    """Bring the expected file to ``partial``; one that two connections put together gets a second try."""
    resumed = http.receive(connections, address, partial)
    mismatch = digests.mismatch(partial)
    if mismatch and resumed:
        http.forget(partial)
        http.receive(connections, address, partial)
        mismatch = digests.mismatch(partial)
    if mismatch:
        http.forget(partial)
        raise http.RefusedError(f"{mismatch} came instead")


def _addresses(urls: Sequence[str]) -> Iterator[str]:
    for url in urls:
        mirror = mirrored(url)
        if mirror:
            yield mirror
        yield url


def _offline(address: str, place: Path, digests: _Digests, expected: str) -> str:
    there = f" holds {digests.mismatch(place)}" if place.is_file() else " does not exist"
    return (
        f"{place.name}: cannot download {expected}{digests} while offline (WORDSIGHT_OFFLINE or "
        "HF_HUB_OFFLINE "
        f"is set), and {place}{there}; download {address} elsewhere and put the file there"
    )


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keep other jobs and users from downloading the same file at the same time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{place.name}.lock")):
            yield
    except OSError as error:
        raise DownloadError(disk.cannot_write(place, error)) from None


def _let_group_read(place: Path) -> None:
    """Let one's group read a file of the cache and the folders that it lies in."""
    folders = [folder for folder in place.parents if folder.is_relative_to(cache())]
    with suppress(OSError):  # a folder may be another user's
        for path in (place, *folders) if folders else ():
            path.chmod(path.stat().st_mode | (0o050 if path.is_dir() else 0o040))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
