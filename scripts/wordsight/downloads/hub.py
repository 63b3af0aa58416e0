"""Files of the Hugging Face hub, in the same cache and by the same rules as any other download."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from wordsight.downloads import lock
from wordsight.downloads.cache import cache, mirrored, offline, shared_as_the_cache_is
from wordsight.errors import DownloadError
from wordsight.files import hashing

HUB = "huggingface.co"

HUB_ADDRESS = constants.ENDPOINT

# What the hub's errors mean. A GatedRepoError is a RepositoryNotFoundError too, so it comes first.
REFUSALS = (
    (GatedRepoError, "its terms have to be accepted first"),
    (RepositoryNotFoundError, "there is no such repository, or it is private"),
    (RevisionNotFoundError, "the repository has no such revision"),
)


class MissingFileError(DownloadError):
    """The repository exists, but doesn't have the file."""


def from_hub(repository: str, file: str, *, revision: str | None = None, kind: str = "model") -> Path:
    """Path of a file from a repository on the Hugging Face hub, downloaded unless it is in the cache.

    The first download records the commit of a branch with the digest of the file; later ones ask for this
    commit.

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
        When the file can't be downloaded, or differs from what was recorded.
    """
    folder = "" if kind == "model" else f"{kind}s/"
    address = f"hf://{folder}{repository}{f'@{revision}' if revision else ''}/{file}"
    entry = lock.find(address)
    commit = (entry and entry.commit) or revision
    path = _download(repository, file, commit, kind, address)
    found = hashing.sha256(path)
    stated = path.resolve().name  # the hub's ETag; for large files, this is the SHA-256
    if len(stated) == 64 and stated != found:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise DownloadError(
            f"{address}: the hub states the SHA-256 {stated}, but the downloaded file has {found}; try again"
        )
    if entry and entry.sha256 != found:
        raise DownloadError(
            f"{address}: expected SHA-256 {entry.sha256} ({entry.where}), but {path} has {found}; "
            "delete the line or the file, whichever is wrong"
        )
    snapshots = cache() / HUB / f"{kind}s--{repository.replace('/', '--')}" / "snapshots"
    lock.record(address, found, path.relative_to(snapshots).parts[0])
    return path


def first_of(repository: str, files: Sequence[str], *, revision: str | None = None) -> Path:
    """Path of the first of these files that a repository has, for weights that may have several names.

    Raises
    ------
    MissingFileError
        When the repository has none of them. The error is about the first one.
    DownloadError
        As for :func:`from_hub`.
    """
    missing: MissingFileError | None = None
    for file in files:
        try:
            return from_hub(repository, file, revision=revision)
        except MissingFileError as error:
            missing = missing or error
    raise missing or MissingFileError(f"{repository}: no file was asked for")


def hubs() -> list[str]:
    """Addresses to ask for files of the Hugging Face hub: first the mirror, then the hub itself."""
    mirror = None if offline() else mirrored(f"https://{HUB}")
    return [mirror, HUB_ADDRESS] if mirror else [HUB_ADDRESS]


def token_for(endpoint: str) -> bool | None:
    """Argument ``token`` of the hub client: None (the user's own) for the hub, False (none) for a mirror."""
    return None if endpoint == HUB_ADDRESS else False


def _download(repository: str, file: str, revision: str | None, kind: str, address: str) -> Path:
    """Path of the file in the cache, downloaded from the mirror or else from the hub itself."""
    reasons, failure = [], DownloadError
    for endpoint in hubs():
        try:
            with shared_as_the_cache_is(), _without_xet():
                path = hf_hub_download(
                    repository,
                    file,
                    revision=revision,
                    repo_type=kind,
                    cache_dir=cache() / HUB,
                    endpoint=endpoint,
                    local_files_only=offline(),
                    token=token_for(endpoint),
                )
            return Path(path)
        except RemoteEntryNotFoundError:
            failure = MissingFileError
            reasons.append(f"{endpoint}: the repository does not have it")
        except Exception as error:  # the hub's client raises errors of three libraries
            known = next((words for refusal, words in REFUSALS if isinstance(error, refusal)), None)
            reasons.append(f"{endpoint}: {known or _describe(error.__cause__ or error)}")
    if offline():
        raise DownloadError(
            f"{address}: cannot be downloaded while offline (WORDSIGHT_OFFLINE or HF_HUB_OFFLINE is set), "
            f"and {cache() / HUB} does not have it; download it on a machine with a network, or set `path` "
            "to a copy of it"
        )
    raise failure(f"{address}: cannot be downloaded ({'; '.join(reasons)})")


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"


@contextmanager
def _without_xet() -> Iterator[None]:
    """Keep the hub's client from downloading by Xet, which would use a cache somewhere else."""
    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before
