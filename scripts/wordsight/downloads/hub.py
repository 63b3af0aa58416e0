"""Files of the Hugging Face hub, in the same cache and under the same rules as any other download."""

from collections.abc import Iterator
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
from wordsight.downloads.cache import cache, mirrored, offline
from wordsight.errors import DownloadError
from wordsight.files import hashing

HUB = "huggingface.co"

HUB_ADDRESS = constants.ENDPOINT

# What the hub answers, in words; the first is one of the second kind too.
REFUSALS = (
    (GatedRepoError, "its terms have to be accepted first"),
    (RepositoryNotFoundError, "there is no such repository, or it is private"),
    (RevisionNotFoundError, "the repository has no such revision"),
)


class MissingFileError(DownloadError):
    """The repository is there, but has no such file."""


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
    entry = lock.find(address)
    commit = (entry and entry.commit) or revision
    path = _ask_hub(repository, file, commit, kind, address)
    found = hashing.sha256(path)
    stated = path.resolve().name  # the hub's tag; of a large file it is the SHA-256
    if len(stated) == 64 and stated != found:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise DownloadError(
            f"{address}: the hub states the SHA-256 {stated}, but the file that came has {found}"
        )
    if entry and entry.sha256 != found:
        raise DownloadError(
            f"{address}: expected SHA-256 {entry.sha256} ({entry.where}), but {path} has {found}; "
            "delete the one that is wrong"
        )
    snapshots = cache() / HUB / f"{kind}s--{repository.replace('/', '--')}" / "snapshots"
    lock.record(address, found, path.relative_to(snapshots).parts[0])
    return path


def hubs() -> list[str]:
    """Addresses of the Hugging Face hub: the mirror's, then its own."""
    mirror = None if offline() else mirrored(f"https://{HUB}")
    return [mirror, HUB_ADDRESS] if mirror else [HUB_ADDRESS]


def key_to(hub: str) -> bool | None:
    """What the hub's client is told of the user's key: the usual for the hub, and none for a mirror."""
    return None if hub == HUB_ADDRESS else False


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
            f"{address}: cannot be downloaded while offline (WORDSIGHT_OFFLINE or HF_HUB_OFFLINE is set), "
            "and "
            f"{cache() / HUB} does not have it; download it on a machine with a network, or set `path` to a "
            "copy"
        )
    raise failure(f"{address}: cannot be downloaded ({'; '.join(reasons)})")


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
