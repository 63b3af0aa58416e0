"""Downloading one file over HTTP: resume broken connections, and tell a file from a page in its place."""

import math
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from wordsight.downloads import continued
from wordsight.errors import DataError, DownloadError, masked
from wordsight.files import disk
from wordsight.files.signatures import HTML_PAGE, misplaced, start_of
from wordsight.logs import progress

CHUNK = 2**20
ATTEMPTS = 5
BACKOFF_S = 1.0
LONGEST_WAIT_S = 120
TIMEOUT_S = (10, 60)  # to connect, and between two parts of an answer
RESERVE = 2**28  # bytes that must stay free on the disk
BUSY = (429, 500, 502, 503, 504)

LOGIN = re.compile(r"(^|/)(log-?in|sign-?in|sso|saml2?|oauth2?|auth)\b", re.IGNORECASE)
# Pages that servers are known to send instead of a file.
PAGES = {
    rb"virus scan warning|can't scan this file for viruses": "Google Drive's page that warns of viruses",
    rb"google drive - quota exceeded": "Google Drive's page that says that its quota is exceeded",
    rb"<title>[^<]*dropbox": "a page of Dropbox",
    rb"<title>[^<]*(log ?in|sign ?in)": "a login page",
}
UNREACHED = (
    ("ProxyError", "the proxy can't be reached"),
    ("NameResolutionError", "there is no such host, or no network"),
    ("Connection refused", "the connection is refused"),
    ("RemoteDisconnected", "the server hangs up"),
    ("timed out", "the server does not answer in time"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate can't be verified"),
)


class RefusedError(Exception):
    """A file can't be downloaded from an address; the message says why."""


def session() -> requests.Session:
    """Connections that retry when a server is busy, and use the proxies in the environment."""
    retry = Retry(
        total=ATTEMPTS,
        connect=2,
        status_forcelist=BUSY,
        backoff_factor=BACKOFF_S,
        backoff_max=LONGEST_WAIT_S,
        retry_after_max=LONGEST_WAIT_S,
        raise_on_status=False,
    )
    connections = requests.Session()
    # A compressed transfer can't be resumed, and its length can't be checked.
    connections.headers.update({"User-Agent": "wordsight", "Accept-Encoding": "identity"})
    for scheme in ("http://", "https://"):
        connections.mount(scheme, HTTPAdapter(max_retries=retry))
    return connections


def receive(connections: requests.Session, address: str, partial: Path) -> bool:
    """Download the file at an address to ``partial``, continuing what is already there.

    Returns
    -------
    bool
        Whether a part of the file is from an earlier connection.

    Raises
    ------
    RefusedError
        When the server can't be reached or refuses, or connections break again and again.
    """
    furthest, failures, resumed = 0, 0, False
    while True:
        try:
            return _transfer(connections, address, partial) or resumed
        except requests.RequestException as error:
            raise RefusedError(_reason(error)) from None
        except urllib3.exceptions.HTTPError:
            reached = partial.stat().st_size
        failures = 1 if reached >= furthest + CHUNK else failures + 1
        furthest, resumed = max(furthest, reached), True
        if failures == ATTEMPTS:
            raise RefusedError(
                f"the file is truncated: {ATTEMPTS} connections were cut, the last after {reached} bytes"
            )
        time.sleep(min(BACKOFF_S * 2 ** (failures - 1), LONGEST_WAIT_S))


def describe_answer(path: Path) -> str | None:
    """Name what a server sent instead of a file, such as a login page; None if it may be the file."""
    start = start_of(path)
    found = misplaced(start)
    known = (name for pattern, name in PAGES.items() if re.search(pattern, start, re.IGNORECASE))
    return next(known, found) if found == HTML_PAGE else found or None


def _transfer(connections: requests.Session, address: str, partial: Path) -> bool:
    """Receive over one connection; continue ``partial`` if the server still has the same file."""
    validator = _validator(partial, address)
    offset = partial.stat().st_size if validator and partial.is_file() else 0
    headers = {"Range": f"bytes={offset}-", "If-Range": validator} if offset else {}
    with connections.get(address, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if offset and not _continues(response, offset):
            if response.status_code in (206, 416):  # the file on the server has another length now
                continued.forget(partial)
                return _transfer(connections, address, partial)
            offset = 0
        _check_answer(response)
        length = response.headers.get("Content-Length", "")
        left = int(length) if length.isdigit() else None
        _check_space(partial, left or 0)
        if not offset:
            _write_notes(partial, address, response)
        pieces = response.raw.stream(CHUNK, decode_content=False)
        with continued.opened(partial, resume=offset > 0) as file:
            for piece in progress(pieces, math.ceil(left / CHUNK), "MiB") if left else pieces:
                file.write(piece)
    return offset > 0


def _continues(response: requests.Response, offset: int) -> bool:
    return response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
        f"bytes {offset}-"
    )


def _check_answer(response: requests.Response) -> None:
    if response.status_code >= 400:
        raise RefusedError(f"the server answers {response.status_code} {response.reason}".rstrip())
    where = urlsplit(response.url)
    page = response.headers.get("Content-Type", "").startswith("text/html")
    if response.history and page and (where.hostname == "accounts.google.com" or LOGIN.search(where.path)):
        raise RefusedError(f"it leads to a login page ({where.scheme}://{where.netloc}{where.path})")


def _check_space(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial.parent).free
    if free < needed + RESERVE:
        raise DownloadError(
            f"{partial.parent}: not enough space for a download: {_gigabytes(needed + RESERVE)} are needed, "
            f"{_gigabytes(free)} are free; free some space, or set WORDSIGHT_CACHE to another disk"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _write_notes(partial: Path, address: str, response: requests.Response) -> None:
    tag = response.headers.get("ETag", "")
    # A weak tag does not promise the same bytes.
    validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
    disk.write_json(continued.notes(partial), {"address": masked(address), "validator": validator})


def _validator(partial: Path, address: str) -> str:
    """Version of the file that ``partial`` begins, as an HTTP validator; empty if it can't be continued."""
    try:
        notes = disk.read_json(continued.notes(partial))
        return notes["validator"] if notes["address"] == masked(address) else ""
    except (DataError, KeyError, TypeError):  # the notes are missing or damaged: start again
        return ""


def _reason(error: requests.RequestException) -> str:
    """Say why there was no connection."""
    text = str(error)
    for sign, words in UNREACHED:
        if sign in text:
            return words
    return f"{type(error).__name__}: {' '.join(text.split())[:150]}"
