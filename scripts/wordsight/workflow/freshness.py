"""Are results what the configuration, the code and the files of now give? Their stamps are compared.

Snakemake decides by its own records in ``.snakemake`` and by the times of files. These may be gone, and say
nothing of results that were copied or edited by hand.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from wordsight.files import stamps
from wordsight.files.stamps import Stamp
from wordsight.workflow.content import Memory

MOST_NAMED = 10
NAMES = {"content": "your files", "section": "its section of the configuration"}  # of params, in words


class Checks:
    """Compares results with their stamps, and remembers what to tell the user.

    Attributes
    ----------
    found : what is wrong with results, in words, by their paths
    unrecorded : whether Snakemake has lost its record of some of them
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.found: dict[str, str] = {}
        self.unrecorded = False
        self._contents: dict[str, str] = {}
        self._problems: dict[tuple[str, ...], str] = {}

    def problem(
        self, outputs: Collection[str], inputs: Collection[str], params: Mapping[str, Any], *, recorded: bool
    ) -> str:
        """Say why results of a step aren't what it would make now; empty if they are.

        Each step is looked at once, until :meth:`forget` is called.

        Parameters
        ----------
        outputs : files of the step; one that is missing because nothing needs it is no problem
        inputs : files that it would read
        params : its params
        recorded : whether Snakemake has a record of them, by which it notices other params and inputs itself
        """
        step = tuple(outputs)
        if step not in self._problems:
            self._problems[step] = self._look(outputs, inputs, params, recorded=recorded)
        return self._problems[step]

    def forget(self) -> None:
        """Forget what files were, because a step changes some of them."""
        self._problems.clear()
        self._contents.clear()

    def _look(
        self, outputs: Collection[str], inputs: Collection[str], params: Mapping[str, Any], *, recorded: bool
    ) -> str:
        digests = stamps.digests(params)
        for output in outputs:
            stamp = stamps.read(output)
            exists = Path(output).exists()
            if stamp is None:
                if exists:
                    return self._tell(output, "has no stamp that says what it was made from")
                if recorded:
                    continue
                return "is missing, and so is its record"
            self.unrecorded |= not recorded
            if exists and self.content_of(output, stamp) != stamp.sha256:
                return self._tell(output, "was changed after its step had made it")
            if other := _other(stamp.params, digests):
                words = f"{', '.join(NAMES.get(name, name) for name in other)} changed since it was made"
                return words if recorded else self._tell(output, words)
            if stamp.inputs.keys() != set(inputs):
                words = "was made from other files"
                return words if recorded else self._tell(output, words)
            for path, sha256 in stamp.inputs.items():
                if Path(path).exists() and self.content_of(path) != sha256:
                    return self._tell(output, f"was made from another {path}")
        return ""

    def content_of(self, path: str, stamp: Stamp | None = None) -> str:
        """Digest of a file, which is read only if it changed since it was stamped."""
        if path not in self._contents:
            stamp = stamp or stamps.read(path)
            if Path(path).is_dir():
                self._contents[path] = stamps.content_of(Path(path))
            elif stamp and stamp.state == stamps.state_of(path):
                self._contents[path] = stamp.sha256
            else:
                self._contents[path] = self.memory.sha256(Path(path))
        return self._contents[path]

    def _tell(self, output: str, words: str) -> str:
        self.found[output] = words
        return words

    def lines(self) -> Iterable[str]:
        """What to tell the user."""
        for output in list(self.found)[:MOST_NAMED]:
            yield f"{output}: {self.found[output]}; its step runs again"
        if len(self.found) > MOST_NAMED:
            yield f"{len(self.found) - MOST_NAMED} more results aren't what their steps would make now"


def _other(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
