"""Vectors of class names from a prepared text model.

The card of a text model names its source. The module of that name in :mod:`wordsight.text.readers` has the
function ``load(directory, card, device)``, whose result makes vectors of phrases.
"""

import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wordsight.config.text import Wording
from wordsight.errors import DataError
from wordsight.files import cards
from wordsight.files.feature_sets import Features
from wordsight.files.hashing import sha256
from wordsight.logs import logger
from wordsight.text.card import TextCard
from wordsight.text.sentence_vectors import Encode, phrases


@dataclass(frozen=True)
class TextEncoder:
    """A text model in memory.

    Attributes
    ----------
    card : card of the model
    encode : makes vectors of phrases
    """

    card: TextCard
    encode: Encode


def load(directory: Path | str, device: str = "cpu") -> TextEncoder:
    """Read a text model from its files.

    Parameters
    ----------
    directory : folder with the files
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``

    Raises
    ------
    DataError
        When a file is missing or does not have the SHA-256 in the card.
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
    reader = importlib.import_module(f"wordsight.text.readers.{card.source}")
    return TextEncoder(card, reader.load(directory, card, device))


def features(model: TextEncoder, dataset: str, classes: Sequence[str], wording: Wording) -> Features:
    """Vectors of class names: one row per class, in the order of the labels, with the class as its id.

    A class has no row if none of the words of its name is known.

    Parameters
    ----------
    dataset : name, for the errors and for its own names and sentences in the wording
    classes : names, in the order of the labels
    wording : names, templates, pooling, normalisation

    Raises
    ------
    DataError
        When the dataset has no classes or another number of them than names, fewer than two of several
        classes have a vector, or a vector is not finite.
    """
    where = f"{model.card.name} on {dataset}"
    if not classes:
        raise DataError(f"{where}: the dataset has no names of classes")
    names = wording.names.get(dataset, list(classes))
    if len(names) != len(classes):
        raise DataError(
            f"{where}: the text model's key `names` has {len(names)} names for {len(classes)} classes; "
            "give one for each, in the order of the labels"
        )
    template = wording.templates.get(dataset, wording.template)
    vectors, unknown = model.encode(phrases(names, template), wording)
    if unknown:
        logger.warning("%s: no vector of %d words: %s", where, len(unknown), ", ".join(unknown))
    known = np.flatnonzero(vectors.any(axis=1))
    without = [name for label, name in enumerate(classes) if label not in known]
    if without:
        logger.warning("%s: no vector of %d classes: %s", where, len(without), ", ".join(without))
    if len(known) < min(2, len(classes)):
        raise DataError(
            f"{where}: expected vectors of at least 2 classes, but {len(without)} of {len(classes)} classes "
            "have no known word"
        )
    if not np.isfinite(vectors).all():
        raise DataError(f"{where}: the vectors are not all finite")
    metadata = {
        "text_model": model.card.name,
        "dataset": dataset,
        "unknown_words": json.dumps(unknown),
        "unknown_classes": json.dumps(without),
        "template": template,
        "names": json.dumps(names),
        "pooling": wording.pooling,
        "normalise": str(wording.normalise),
    }
    present = [classes[label] for label in known.tolist()]
    return Features(vectors[known].astype(np.float32), known, present, metadata)
