"""Writing files completely or not at all; text and JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from wordsight.errors import DataError
from wordsight.files import unfinished


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Path to write to; it becomes ``path`` when the block succeeds and vanishes when it fails.

    No other process has this path.

    Raises
    ------
    DataError
        When the file can't be written. The error names ``path``.
    """
    path = Path(path)
    temporary = unfinished.name_for(path)
    make_folder(path.parent)
    try:
        unfinished.remove_abandoned(path)
        yield temporary
        temporary.replace(path)
    except (OSError, SafetensorError) as error:  # safetensors reports a full disk with an error of its own
        raise DataError(cannot_write(path, error)) from None
    finally:
        unfinished.remove(temporary)


def make_folder(path: Path) -> None:
    """Make a folder and those above it; raises :class:`DataError` if that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(cannot_write(path, error)) from None


def cannot_write(path: Path | str, error: Exception) -> str:
    """Say that a file can't be written, and why: ``cannot write a/b: no space left on device``."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"cannot write {path}: {reason[:1].lower()}{reason[1:]}"


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read JSON; raises :class:`DataError` if the file is missing or not valid JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not valid JSON ({error})") from None
