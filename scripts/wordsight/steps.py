"""A step of the workflow: its log, its results' stamps, and one line on the terminal when it can't go on."""

import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from threadpoolctl import threadpool_limits

from wordsight.errors import WordsightError, masked, out_of_memory, plain
from wordsight.files import stamps
from wordsight.files.disk import make_folder
from wordsight.logs import logger


@contextmanager
def step(job: Any) -> Iterator[logging.Logger]:
    """Run one step: write its log, use its cores, and stamp what it made.

    Parameters
    ----------
    job : the object ``snakemake`` of a script

    Raises
    ------
    SystemExit
        With status 1 after a :class:`WordsightError`, an :class:`OSError` or for want of memory. The message
        goes to the log and to standard error.
    """
    started = time.perf_counter()
    try:
        with _logged(Path(job.log[0])):
            inputs = stamps.contents_of(job.input)
            with threadpool_limits(job.threads):
                yield logger
            stamps.write(job.output, job.rule, stamps.digests(dict(job.params.items())), inputs)
            logger.info("done in %.1f s", time.perf_counter() - started)
    except (WordsightError, OSError) as error:  # a full disk or a read-only folder is not a bug in wordsight
        _end(str(error))
    except MemoryError:
        _end(_want_of_memory(job))
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        _end(_want_of_memory(job))


@contextmanager
def _logged(log: Path) -> Iterator[None]:
    """Write a log, in which whatever ends the step is the last entry."""
    make_folder(log.parent)
    handler = _LogFile(log, mode="w", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Masking("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handler)
    warnings.simplefilter("default")
    try:
        yield
    except (WordsightError, OSError) as error:
        logger.error("%s", error)
        raise
    except BaseException:
        logger.exception("stopped")
        raise
    finally:
        logger.removeHandler(handler)
        logging.getLogger("py.warnings").removeHandler(handler)
        handler.close()


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


def _want_of_memory(job: Any) -> str:
    asked = job.resources.get("mem_mb")
    return (
        f"{' '.join((job.rule, *job.wildcards))}: the memory isn't enough; run fewer jobs at a time "
        f"(CORES=1), or let it ask for more than {asked} MB: --set-resources {job.rule}:mem_mb={2 * asked}"
    )


def _end(message: str) -> NoReturn:
    print(f"wordsight: error: {plain(masked(message))}", file=sys.stderr)
    sys.exit(1)
