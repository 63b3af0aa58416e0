"""Downloading published files, once for all runs and users. They are verified at every use.

The cache has each file under the host and path of its address, as ``wget -x`` would write it, so that files
can be put there by hand. A file appears there only when it is complete.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from wordsight.downloads import continued, http, lock
from wordsight.downloads.cache import cache, cached, mirrored, offline, shared_as_the_cache_is
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
    """Path of a verified file, from the cache or else from the first address that gives it.

    Parameters
    ----------
    urls : addresses of the same file, tried in order
    sha256 : its SHA-256 in hexadecimal; the first digits are enough
    md5 : its MD5, for publishers that state nothing better
    name : name of the file in the cache; by default, the one in the first address
    path : where to put the file instead of the cache; a different file there is not overwritten
    expected : what the file is, for errors: "weights", "an archive"

    Raises
    ------
    DownloadError
        When no address gives the file, or a different file is at ``path``. The error names the file and says
        what was found instead.
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
            raise DownloadError(_offline_message(address, place, digests, expected))
        with _locked(place):
            if not digests.fit(place):  # another job may have fetched it in the meantime
                _download(urls, place, digests, expected)
    if len(sha256 or "") < 64 and not digests.entry:
        lock.record(address, hashing.sha256(place))
    return place


@dataclass(frozen=True)
class _Digests:
    """The digests that a file must have; ``entry`` is from the lock file."""

    sha256: str | None
    md5: str | None
    entry: lock.Entry | None

    def fit(self, path: Path) -> bool:
        """Whether the file exists and has these digests."""
        return path.is_file() and self.mismatch(path) is None

    def mismatch(self, path: Path) -> str | None:
        """Say what a file is if it isn't the expected one; None if it may be."""
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
    """Download the file to ``place`` from the first address that gives the expected one."""
    reasons = []
    with http.session() as connections, continued.download_to(place) as partial:
        for address in _addresses(urls):
            logger.info("downloading %s", address)
            try:
                _receive(connections, address, partial, digests)
            except http.RefusedError as error:
                reasons.append(f"{address}: {error}")
                continue
            continued.finish(partial, place)
            _let_group_read(place)
            return
    raise DownloadError(
        f"{place.name}: cannot download {expected}{digests} ({'; '.join(reasons)}); "
        f"get it by hand and put it at {place}"
    )


def _receive(connections: Any, address: str, partial: Path, digests: _Digests) -> None:
    """Download to ``partial`` and verify; if the file was put together by two connections, try once more."""
    resumed = http.receive(connections, address, partial)
    mismatch = digests.mismatch(partial)
    if mismatch and resumed:
        continued.forget(partial)
        http.receive(connections, address, partial)
        mismatch = digests.mismatch(partial)
    if mismatch:
        continued.forget(partial)
        raise http.RefusedError(f"{mismatch} came instead")


def _addresses(urls: Sequence[str]) -> Iterator[str]:
    for url in urls:
        mirror = mirrored(url)
        if mirror:
            yield mirror
        yield url


def _offline_message(address: str, place: Path, digests: _Digests, expected: str) -> str:
    found = f"holds {digests.mismatch(place)}" if place.is_file() else "does not exist"
    return (
        f"{place.name}: cannot download {expected}{digests} while offline (WORDSIGHT_OFFLINE or "
        f"HF_HUB_OFFLINE is set), and {place} {found}; download {address} elsewhere and put the file there"
    )


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keep other jobs and users from downloading the same file at the same time."""
    try:
        with shared_as_the_cache_is():
            place.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(place.with_name(f".{place.name}.lock"), mode=0o664):
                yield
    except PermissionError as error:
        raise DownloadError(f"{disk.cannot_write(place, error)}; {_whose(place)}") from None
    except OSError as error:
        raise DownloadError(disk.cannot_write(place, error)) from None


def _whose(place: Path) -> str:
    """Who can let the user write to the cache."""
    there = next(folder for folder in place.parents if folder.exists())
    return f"{there.owner()} can allow it to the group: chmod -R g+w {there}"


def _let_group_read(place: Path) -> None:
    """Let the user's group read a file in the cache, and the folders above it."""
    folders = [folder for folder in place.parents if folder.is_relative_to(cache())]
    with suppress(OSError):  # a folder may belong to another user
        for path in (place, *folders) if folders else ():
            path.chmod(path.stat().st_mode | (0o050 if path.is_dir() else 0o040))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
