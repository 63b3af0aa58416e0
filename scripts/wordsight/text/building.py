"""Fetch a text model from its source: ``weights.safetensors``, a folder ``tokenizer`` and ``card.json``.

A source is a module of :mod:`wordsight.text.sources` with ``fetch(section, directory) -> Fetched``, which
writes weights and tokenizer. The key ``source`` of the configuration names it.
"""

import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from wordsight.config.text import TextModel
from wordsight.files.disk import write_json
from wordsight.files.hashing import sha256
from wordsight.text.card import TOKENIZER, WEIGHTS, TextCard


@dataclass(frozen=True)
class Fetched:
    """What a source reports about the files that it wrote; see :class:`~wordsight.text.card.TextCard`."""

    architecture: str
    origin: str
    sha256: str
    size: int
    words: int


def fetch(section: TextModel, name: str, directory: Path | str) -> TextCard:
    """Fetch a text model and write its files. The same arguments give the same bytes.

    When anything fails, nothing is left in ``directory``.

    Parameters
    ----------
    section : the model's section of the configuration
    name : its key there
    directory : where the files go

    Raises
    ------
    WeightsError, DataError
        When files are missing, damaged or of another kind.
    ConfigError
        When the library has no such model.
    """
    directory = Path(directory)
    source = importlib.import_module(f"wordsight.text.sources.{section.source}")
    clear(directory)
    try:
        fetched: Fetched = source.fetch(section, directory)
        found = sorted(path for path in directory.rglob("*") if path.is_file())
        card = TextCard(
            name=name,
            source=section.source,
            licence=section.licence,
            files={path.relative_to(directory).as_posix(): sha256(path) for path in found},
            **vars(fetched),
        )
        write_json(directory / "card.json", card.model_dump(mode="json"))
    except BaseException:
        clear(directory)
        raise
    return card


def clear(directory: Path) -> None:
    """Remove the files of a text model, so that none of an earlier run is left."""
    shutil.rmtree(directory / TOKENIZER, ignore_errors=True)
    for name in (WEIGHTS, "card.json"):
        (directory / name).unlink(missing_ok=True)
