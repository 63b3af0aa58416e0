"""A server on this machine that stands for the publishers of files and for the Hugging Face hub."""

import hashlib
import json
import mmap
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

HUB = "huggingface.co"
COMMIT = "c0ffee" * 6 + "c0ff"


@dataclass
class Published:
    """What is served at an address, and what goes wrong there.

    Attributes
    ----------
    status : answered instead of 200, for the first ``times`` requests or for all
    cut : bytes after which the connection ends, for the first ``times`` requests or for all
    headers : sent beside the usual ones
    redirect : address that is answered instead
    ranges : whether a part can be asked for
    delay : seconds before the answer
    stall : seconds between the last byte and the end of a connection that is cut
    hang_up : whether the connection ends without an answer
    then : content from the second request on
    """

    content: bytes
    status: int = 200
    cut: int | None = None
    times: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str | None = None
    ranges: bool = True
    delay: float = 0.0
    stall: float = 0.0
    hang_up: bool = False
    then: bytes | None = None

    @property
    def etag(self):
        return f'"{hashlib.sha256(self.content).hexdigest()}"'

    def faulty(self):
        """Whether this request meets the fault."""
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


@dataclass
class Request:
    """What was asked for."""

    method: str
    address: str
    headers: dict[str, str]


class Mirror:
    """Context in which files are served at ``<address>/<host>/<path>``.

    Attributes
    ----------
    address : of the server
    requests : in the order in which they came
    """

    def __init__(self):
        self.files = {}
        self.requests = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *arguments):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def environment(self):
        """Variables with which wordsight asks this server first."""
        return {"WORDSIGHT_MIRROR": self.address}

    def publish(self, url, content, **fault):
        """Serve bytes or a file at an address; see :class:`Published` for faults."""
        content = _mapped(content) if isinstance(content, str | Path) else content
        published = self.files[url.partition("://")[2]] = Published(content, **fault)
        return published

    def publish_on_hub(self, repository, files, revision="main", commit=COMMIT):
        """Serve files, by their path, as a repository of the hub; of a dataset its name begins with datasets/.

        A file is its bytes, or where they are.
        """
        files = {
            name: content if isinstance(content, bytes) else _mapped(content)
            for name, content in files.items()
        }
        api = f"api/{repository}" if repository.startswith("datasets/") else f"api/models/{repository}"
        owner = repository.removeprefix("datasets/")
        info = {"id": owner, "sha": commit, "tags": [], "siblings": [{"rfilename": name} for name in files]}
        for asked in (revision, commit):
            for name, content in files.items():
                url = f"https://{HUB}/{repository}/resolve/{asked}/{name}"
                self.publish(url, content, headers={"X-Repo-Commit": commit})
            self.publish(f"https://{HUB}/{api}/revision/{asked}", json.dumps(info).encode())
            self._publish_tree(f"{api}/tree/{asked}", files)
        self.publish(f"https://{HUB}/{api}", json.dumps(info).encode())

    def _publish_tree(self, api, files):
        """Listings of the folders of a repository."""
        folders = {""} | {
            str(parent) for name in files for parent in Path(name).parents if str(parent) != "."
        }
        for folder in folders:
            entries = [
                {"type": "directory", "path": other, "size": 0, "oid": "0"}
                for other in sorted(folders - {""})
                if str(Path(other).parent) == (folder or ".")
            ] + [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
                if str(Path(name).parent) == (folder or ".")
            ]
            self.publish(f"https://{HUB}/{api}{f'/{folder}' if folder else ''}", json.dumps(entries).encode())

    def count(self, url, method="GET"):
        """How often an address was asked for."""
        counts = Counter((request.method, request.address) for request in self.requests)
        return counts[method, url.partition("://")[2]]


def _mapped(path):
    """Bytes of a file that may be larger than what one wants in memory."""
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _handler(mirror):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self):
            # A proxy is asked for a whole address, a mirror for a path that begins with the host.
            address = re.sub(r"^https?://", "", self.path).lstrip("/")
            mirror.requests.append(Request(self.command, address, dict(self.headers)))
            file = mirror.files.get(address) or mirror.files.get(unquote(urlsplit(address).path))
            with suppress(ConnectionError):  # a client may hang up
                if file is None:
                    missing = "EntryNotFound" if self.known_repository(address) else "RepoNotFound"
                    self.answer(404, b"not here", {"X-Error-Code": missing, "X-Repo-Commit": COMMIT})
                else:
                    self.give(file)

        do_HEAD = do_GET  # noqa: N815

        def known_repository(self, address):
            return any(
                name.startswith(address.partition("/resolve/")[0] + "/resolve/") for name in mirror.files
            )

        def give(self, file):
            time.sleep(file.delay)
            failing = (file.status != 200 or file.cut is not None) and file.faulty()
            if file.hang_up:
                self.close_connection = True
            elif failing and file.status != 200:
                self.answer(file.status, b"", file.headers)
            elif file.redirect:
                self.answer(302, b"", {"Location": file.redirect, **file.headers})
            else:
                self.give_content(file, file.cut if failing else None)
            if file.then is not None:
                file.content, file.then = file.then, None

        def give_content(self, file, cut):
            headers = {"ETag": file.etag, "Content-Type": "application/octet-stream", **file.headers}
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            first = int(asked[1]) if asked and file.ranges else 0
            if self.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
                first = 0
            size = len(file.content)
            if first >= size > 0 and first:
                self.answer(416, b"", {"Content-Range": f"bytes */{size}"})
                return
            status = 206 if first else 200
            if first:
                headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}"
            self.answer(status, file.content[first:], headers, cut, file.stall)

        def answer(self, status, body, headers, cut=None, stall=0.0):
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[:cut])
            if cut is not None:
                self.wfile.flush()
                time.sleep(stall)
                self.close_connection = True

        def log_message(self, *arguments):
            pass

    return Handler
