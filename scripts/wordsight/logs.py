"""The logger of a step, and how far a loop of it got."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
logger = logging.getLogger("wordsight")


def progress(items: Iterable[T], total: int, unit: str, every_s: float = 10.0) -> Iterator[T]:
    """Iterate with a progress bar on a terminal, or with a plain log line every ``every_s`` seconds."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, unit=unit, leave=False)
        return
    started = last = time.perf_counter()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.perf_counter()
        if now - last >= every_s or done == total:
            logger.info("%d of %d %s, %.1f/s", done, total, unit, done / (now - started))
            last = now
