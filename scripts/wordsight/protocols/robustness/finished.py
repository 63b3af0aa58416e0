"""What attacks have found out about single images, kept in a file, so that a killed job goes on where it was.

It depends on no other image, on no batch and on no order, so images that another job attacked count as well.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from wordsight.errors import DataError
from wordsight.files import stamps
from wordsight.files.disk import read_json, write_json
from wordsight.files.hashing import digest_of
from wordsight.logs import logger

INTERVAL = 20.0  # seconds after which what was found is written again
Results = dict[str, dict[str, Any]]  # plain values by kind of attack and then by item


class Finished:
    """Results of attacks on single images.

    Parameters
    ----------
    path : file that keeps them while a job runs; None to hold them in memory alone
    fingerprint : digest of everything that they depend on; a file with another one isn't used
    interval : seconds between two writes
    """

    def __init__(
        self, path: Path | None = None, fingerprint: str = "", *, interval: float = INTERVAL
    ) -> None:
        self.path, self.fingerprint, self.interval = path, fingerprint, interval
        self.results: Results = defaultdict(dict)
        self._written = time.monotonic()
        if path is not None and path.is_file():
            self._restore(path)

    @classmethod
    def of_job(cls, output: Path | str, params: Mapping[str, Any], inputs: Iterable[str]) -> Self:
        """What a job has found out that was stopped, if it had the same params, code among them, and inputs.

        ``output`` is the file that the job makes; the results are kept in a file beside it.
        """
        values: dict[str, Any] = {"output": str(output), **stamps.digests(dict(params.items()))}
        path = Path(output).with_suffix(".attacked.json")
        return cls(path, digest_of(values | stamps.contents_of(inputs)))

    def of(self, kind: str) -> dict[str, Any]:
        """Results of one kind of attack, by item."""
        return self.results[kind]

    def note(self, kind: str, item: str, result: Any) -> None:
        """Keep what an attack found out about an item, a plain value."""
        self.results[kind][item] = result
        if time.monotonic() - self._written >= self.interval:
            self.save()

    def save(self) -> None:
        """Write everything to the file that keeps it, if there is one."""
        if self.path is not None:
            self.write(self.path)

    def add(self, paths: Iterable[Path | str]) -> None:
        """Take over what other jobs found, from files that :meth:`write` wrote."""
        for path in paths:
            for kind, results in read_results(path)["results"].items():
                self.results[kind] |= results

    def write(self, path: Path | str) -> None:
        """Write everything to a file."""
        content = {"fingerprint": self.fingerprint, "results": self.results}
        write_json(path, content | {"sha256": digest_of(content)})
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, when the job has written its results."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _restore(self, path: Path) -> None:
        try:
            content = read_results(path)
        except DataError as error:
            logger.warning("%s: all images are attacked anew", error)
            return
        if content["fingerprint"] != self.fingerprint:
            logger.info("%s is from other settings, code or files: all images are attacked anew", path)
            return
        self.results |= content["results"]
        images = len({item for results in self.results.values() for item in results})
        logger.info("%s: %s images were attacked before the job was stopped", path, images)


def read_results(path: Path | str) -> dict[str, Any]:
    """Content of a file of results; raises :class:`DataError` if it is damaged."""
    content = read_json(path)
    found = content.pop("sha256", "") if isinstance(content, dict) else ""
    if found != digest_of(content):
        raise DataError(f"{path}: is damaged; remove it")
    return content
