"""Logging of a step: plain lines in its log file, and one line on the terminal when the input is at fault."""

import logging
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TypeVar

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from wordsight.errors import WordsightError, masked, plain

T = TypeVar("T")
logger = logging.getLogger("wordsight")


class _Masking(logging.Formatter):
    """Lines without the passwords and tokens of addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _LogFile(logging.FileHandler):
    """A log that loses lines for which there is no room, instead of writing tracebacks to the terminal."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, the base's name
        pass

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def step(log: str | Path, threads: int = 1) -> Iterator[logging.Logger]:
    """Run one step of the workflow: log to ``log``, use ``threads`` cores, report bad input in one line.

    Raises
    ------
    SystemExit
        With status 1 after a :class:`WordsightError` or an :class:`OSError`, whose message goes to the log
        and to standard error.
    """
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(log, mode="w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        _end(error)
    handler.setFormatter(_Masking("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handler)
    warnings.simplefilter("default")
    started = time.perf_counter()
    try:
        with threadpool_limits(threads):
            yield logger
        logger.info("done in %.1f s", time.perf_counter() - started)
    except (WordsightError, OSError) as error:  # a full disk or a read-only folder is not a bug in wordsight
        logger.error("%s", error)
        _end(error)
    except BaseException:
        logger.exception("stopped")
        raise
    finally:
        logger.removeHandler(handler)
        logging.getLogger("py.warnings").removeHandler(handler)
        handler.close()


def _end(error: Exception) -> NoReturn:
    print(f"wordsight: error: {plain(masked(str(error)))}", file=sys.stderr)
    sys.exit(1)


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
