"""Downloads of published files."""

from collections.abc import Sequence
from pathlib import Path

import pooch

from wordsight.errors import WordsightError


class DownloadError(WordsightError):
    """A file is not to be had from any of its addresses, or is another one than expected."""


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
    path : where it has to lie, in place of the cache
    expected : what it is, for the errors: "weights", "an archive"

    Raises
    ------
    DownloadError
        When no address gives it; one line that names the address and what came instead.
    """
    raise NotImplementedError


def from_hub(repository: str, file: str, *, revision: str | None = None, kind: str = "model") -> Path:
    """File of a repository on the Hugging Face hub, from the same cache and under the same rules."""
    raise NotImplementedError
