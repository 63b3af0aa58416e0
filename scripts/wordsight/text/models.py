"""Text models: every source becomes ``weights.safetensors``, a folder ``tokenizer`` and ``card.json``.

A source is a module of this package, found by its name in the configuration, with

- ``fetch(section, directory) -> Fetched``, which writes weights and tokenizer
- ``read(directory, card, phrases, wording, device) -> (vectors, unknown words)``
"""

import importlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wordsight import cards
from wordsight.config import TextModel, Wording
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.storage import Features, sha256, write_json
from wordsight.text.card import TextCard
from wordsight.text.encoder import phrases

WEIGHTS = "weights.safetensors"
TOKENIZER = "tokenizer"


@dataclass(frozen=True)
class Fetched:
    """What a source says of the files that it wrote; see :class:`~wordsight.text.card.TextCard`."""

    architecture: str
    origin: str
    sha256: str
    size: int
    words: int


def fetch(section: TextModel, name: str, directory: Path | str) -> TextCard:
    """Bring a text model into the form that every step reads. The same arguments give the same bytes.

    When anything fails, nothing is left in ``directory``.

    Parameters
    ----------
    section : the model's section of the configuration
    name : its key there
    directory : where the files go

    Raises
    ------
    WeightsError, DataError
        When files are missing, damaged or of another kind; one line that names the file.
    ConfigError
        When the library has no such model.
    """
    directory = Path(directory)
    source = importlib.import_module(f"wordsight.text.{section.source}")
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
    """Remove the files of a text model, so that none of another run stays among them."""
    shutil.rmtree(directory / TOKENIZER, ignore_errors=True)
    for name in (WEIGHTS, "card.json"):
        (directory / name).unlink(missing_ok=True)


def features(
    directory: Path | str, dataset: str, classes: Sequence[str], wording: Wording, device: str = "cpu"
) -> Features:
    """Vectors of class names: one row a class, in the order of the labels, with the name as its id.

    A class of whose name no word is known has no row.

    Parameters
    ----------
    directory : where :func:`fetch` wrote
    dataset : name, for the errors
    classes : names, in the order of the labels
    wording : template, pooling, normalisation
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``

    Raises
    ------
    DataError
        When a file is not the recorded one, the dataset has no classes, no two of them have a vector, or a
        vector is not finite.
    """
    directory = Path(directory)
    card = cards.read(directory / "card.json", TextCard, "a card")
    for name, expected in card.files.items():
        path = directory / name
        if not path.is_file() or (found := sha256(path)) != expected:
            what = f"SHA-256 {found}" if path.is_file() else "no file"
            raise DataError(
                f"{path}: expected SHA-256 {expected}, found {what}; delete {directory} to fetch it again"
            )
    where = f"{card.name} on {dataset}"
    if not classes:
        raise DataError(f"{where}: expected names of classes, but the dataset has none")
    asked = phrases(classes, wording.template)
    source = importlib.import_module(f"wordsight.text.{card.source}")
    vectors, unknown = source.read(directory, card, asked, wording, device)
    if unknown:
        logger.warning("%s: no vector of %d words: %s", where, len(unknown), ", ".join(unknown))
    known = np.flatnonzero(vectors.any(axis=1))
    without = [name for label, name in enumerate(classes) if label not in known]
    if without:
        logger.warning("%s: no vector of %d classes: %s", where, len(without), ", ".join(without))
    if len(known) < min(2, len(classes)):
        raise DataError(
            f"{where}: expected vectors of at least 2 classes, but no word is known of {len(without)} "
            f"of {len(classes)}"
        )
    if not np.isfinite(vectors).all():
        raise DataError(f"{where}: expected finite vectors")
    metadata = {
        "text_model": card.name,
        "dataset": dataset,
        "unknown_words": json.dumps(unknown),
        "unknown_classes": json.dumps(without),
        **{key: str(value) for key, value in wording.model_dump().items()},
    }
    names = [classes[label] for label in known.tolist()]
    return Features(vectors[known].astype(np.float32), known, names, metadata)
