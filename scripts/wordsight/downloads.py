"""Downloads of published files: once for all runs and users, verified at every use, never half there.

Files lie in a cache under host and path of their address, as ``wget -x`` would lay them out, so that they can
be put there by hand. Three variables of the environment rule it: ``WORDSIGHT_CACHE`` (its folder),
``WORDSIGHT_MIRROR`` (asked first, at ``<mirror>/<host>/<path>``) and ``WORDSIGHT_OFFLINE``.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from filelock import FileLock
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from wordsight import lockfile, resuming, storage
from wordsight.errors import DownloadError
from wordsight.logs import logger

HUB = "huggingface.co"
HUB_ADDRESS = constants.ENDPOINT
YES = {"1", "on", "yes", "true"}


class MissingFileError(DownloadError):
    """The repository is there, but has no such file."""


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
    digests = _Digests(sha256, md5, None if sha256 and len(sha256) == 64 else lockfile.find(address))
    if path and place.is_file() and (found := digests.mismatch(place)):
        raise DownloadError(
            f"{place}: expected {expected}{digests}, found {found}; move it away, or set its `sha256`"
        )
    if not digests.fit(place):
        if offline():
            raise DownloadError(_offline(address, place, digests, expected))
        with _sole(place, expected):
            if not digests.fit(place):  # another job may have fetched it meanwhile
                _download(urls, place, digests, expected)
    if len(sha256 or "") < 64 and not digests.entry:
        lockfile.record(address, storage.sha256(place))
    return place


def from_hub(repository: str, file: str, *, revision: str | None = None, kind: str = "model") -> Path:
    """File of a repository on the Hugging Face hub, from the same cache and under the same rules.

    The commit that a branch stood at is recorded with the digest, and is asked for from then on.

    Parameters
    ----------
    repository : ``owner/name``
    file : path in the repository
    revision : branch, tag or commit; the main branch by default
    kind : "model" or "dataset"

    Raises
    ------
    MissingFileError
        When the repository has no such file.
    DownloadError
        When the hub does not give it, or it is another one than recorded.
    """
    folder = "" if kind == "model" else f"{kind}s/"
    address = f"hf://{folder}{repository}{f'@{revision}' if revision else ''}/{file}"
    entry = lockfile.find(address)
    commit = (entry and entry.commit) or revision
    path = _ask_hub(repository, file, commit, kind, address)
    found = storage.sha256(path)
    stated = path.resolve().name  # the hub's tag; of a large file it is the SHA-256
    if len(stated) == 64 and stated != found:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise DownloadError(
            f"{address}: expected SHA-256 {stated}, as the hub states, but what came has {found}"
        )
    if entry and entry.sha256 != found:
        raise DownloadError(
            f"{address}: expected SHA-256 {entry.sha256} ({entry.where}), but {path} has {found}; "
            "delete the one that is wrong"
        )
    snapshots = cache() / HUB / f"{kind}s--{repository.replace('/', '--')}" / "snapshots"
    lockfile.record(address, found, path.relative_to(snapshots).parts[0])
    return path


def cache() -> Path:
    """Folder of all downloads."""
    named = os.environ.get("WORDSIGHT_CACHE")
    usual = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wordsight"
    return Path(named).expanduser().absolute() if named else usual


def cached(address: str, name: str | None = None) -> Path:
    """Where the file of an address lies in the cache: two addresses or names never share a place."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadError(f"{address}: expected an address that begins with https:// or http://")
    if parts.username:
        raise DownloadError(
            f"{parts.hostname}: expected an address without a password; it belongs in ~/.netrc"
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


def hubs() -> list[str]:
    """Addresses of the Hugging Face hub: the mirror's, then its own."""
    mirror = None if offline() else mirrored(f"https://{HUB}")
    return [mirror, HUB_ADDRESS] if mirror else [HUB_ADDRESS]


def key_to(hub: str) -> bool | None:
    """What the hub's client is told of the user's key: the usual for the hub, and none for a mirror."""
    return None if hub == HUB_ADDRESS else False


@dataclass(frozen=True)
class _Digests:
    """What is known beforehand of a file."""

    sha256: str | None
    md5: str | None
    entry: lockfile.Entry | None

    def fit(self, path: Path) -> bool:
        """Whether the file is there and is the expected one."""
        return path.is_file() and self.mismatch(path) is None

    def mismatch(self, path: Path) -> str | None:
        """How a file differs from the expected one."""
        found = storage.sha256(path)
        if self.sha256 and not found.startswith(self.sha256.lower()):
            return resuming.instead(path) or f"a file with SHA-256 {found}"
        if self.md5 and (other := _md5(path)) != self.md5.lower():
            return resuming.instead(path) or f"a file with MD5 {other}"
        if self.entry and found != self.entry.sha256:
            return resuming.instead(path) or f"a file with SHA-256 {found}"
        known = self.sha256 or self.md5 or self.entry
        return None if known else resuming.instead(path)

    def __str__(self) -> str:
        words = [f"with SHA-256 {self.sha256}"] if self.sha256 else []
        words += [f"with MD5 {self.md5}"] if self.md5 else []
        words += [f"with SHA-256 {self.entry.sha256} ({self.entry.where})"] if self.entry else []
        return f" {' and '.join(words)}" if words else ""


def _download(urls: Sequence[str], place: Path, digests: _Digests, expected: str) -> None:
    """Put the file into its place, from the first address that gives the expected one."""
    partial = place.with_name(f".{place.name}.partial")
    reasons = []
    with resuming.session() as connections:
        for address in _addresses(urls):
            logger.info("downloading %s", address)
            try:
                _receive(connections, address, partial, digests)
            except resuming.RefusedError as error:
                reasons.append(f"{address}: {error}")
                continue
            partial.replace(place)
            resuming.forget(partial)
            _share(place)
            return
    raise DownloadError(
        f"{place.name}: expected {expected}{digests}, but no address gives it ({'; '.join(reasons)}); "
        f"it can be put by hand at {place}"
    )


def _receive(connections: Any, address: str, partial: Path, digests: _Digests) -> None:
    """Bring the expected file to ``partial``; one that two connections put together gets a second try."""
    resumed = resuming.receive(connections, address, partial)
    mismatch = digests.mismatch(partial)
    if mismatch and resumed:
        resuming.forget(partial)
        resuming.receive(connections, address, partial)
        mismatch = digests.mismatch(partial)
    if mismatch:
        resuming.forget(partial)
        raise resuming.RefusedError(f"{mismatch} came instead")


def _addresses(urls: Sequence[str]) -> Iterator[str]:
    for url in urls:
        mirror = mirrored(url)
        if mirror:
            yield mirror
        yield url


def _offline(address: str, place: Path, digests: _Digests, expected: str) -> str:
    there = f" holds {digests.mismatch(place)}" if place.is_file() else " does not exist"
    return (
        f"{place.name}: expected {expected}{digests} without a network "
        f"(WORDSIGHT_OFFLINE or HF_HUB_OFFLINE is set), but {place}{there}; put there what {address} gives"
    )


@contextmanager
def _sole(place: Path, expected: str) -> Iterator[None]:
    """Keep other jobs and users from downloading the same file at the same time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{place.name}.lock")):
            yield
    except OSError as error:
        raise DownloadError(f"{place}: expected a place to write {expected} to ({error})") from None


def _share(place: Path) -> None:
    """Let one's group read a file of the cache and the folders that it lies in."""
    folders = [folder for folder in place.parents if folder.is_relative_to(cache())]
    with suppress(OSError):  # a folder may be another user's
        for path in (place, *folders) if folders else ():
            path.chmod(path.stat().st_mode | (0o050 if path.is_dir() else 0o040))


def _segment(text: str, safe: str = "") -> str:
    """Name of a file or folder that stands for a part of an address."""
    name = quote(text, safe=f"{safe}%+,=@:~!$&'()*;")
    name = f"%{name}" if name.startswith(".") or not name else name
    if len(name) <= 200:
        return name
    return f"{hashlib.sha256(name.encode()).hexdigest()[:32]}{Path(name).suffix[-20:]}"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


# What the hub answers, in words; the first is one of the second kind too.
REFUSALS = (
    (GatedRepoError, "its terms have to be accepted first"),
    (RepositoryNotFoundError, "there is no such repository, or it is private"),
    (RevisionNotFoundError, "the repository has no such revision"),
)


def _ask_hub(repository: str, file: str, revision: str | None, kind: str, address: str) -> Path:
    """Path in the hub's own cache, from the mirror or from the hub itself."""
    reasons, failure = [], DownloadError
    for endpoint in hubs():
        try:
            with without_own_cache():
                path = hf_hub_download(
                    repository,
                    file,
                    revision=revision,
                    repo_type=kind,
                    cache_dir=cache() / HUB,
                    endpoint=endpoint,
                    local_files_only=offline(),
                    token=key_to(endpoint),
                )
            return Path(path)
        except RemoteEntryNotFoundError:
            failure = MissingFileError
            reasons.append(f"{endpoint}: the repository does not have it")
        except Exception as error:  # the hub's client raises errors of three libraries
            known = next((words for kind_of, words in REFUSALS if isinstance(error, kind_of)), None)
            reasons.append(f"{endpoint}: {known or _words(error.__cause__ or error)}")
    if offline():
        raise DownloadError(
            f"{address}: expected a file without a network (WORDSIGHT_OFFLINE or HF_HUB_OFFLINE is set), but "
            f"{cache() / HUB} does not have it; download it where there is a network, or set `path` to a copy"
        )
    raise failure(f"{address}: expected a file, but no hub gives it ({'; '.join(reasons)})")


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"


@contextmanager
def without_own_cache() -> Iterator[None]:
    """Keep the hub's client from its second way of downloading, whose cache lies elsewhere."""
    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before
