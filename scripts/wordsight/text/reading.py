"""Vectors of class names from a prepared text model.

The card of a text model names its source. The module of that name in :mod:`wordsight.text.readers` has the
function ``read(directory, card, phrases, wording, device) -> (vectors, unknown words)``.
"""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wordsight.config.text import Wording
from wordsight.errors import DataError
from wordsight.files import cards
from wordsight.files.feature_sets import Features
from wordsight.files.hashing import sha256
from wordsight.logs import logger
from wordsight.text.card import TextCard
from wordsight.text.sentence_vectors import phrases


def features(
    directory: Path | str, dataset: str, classes: Sequence[str], wording: Wording, device: str = "cpu"
) -> Features:
    """Vectors of class names: one row per class, in the order of the labels, with the name as its id.

    A class has no row if none of the words of its name is known.

    Parameters
    ----------
    directory : folder with the files of the text model
    dataset : name, for the errors
    classes : names, in the order of the labels
    wording : template, pooling, normalisation
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``

    Raises
    ------
    DataError
        When a file is missing or does not have the SHA-256 in the card, the dataset has no classes, fewer
        than two of several classes have a vector, or a vector is not finite.
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
        raise DataError(f"{where}: the dataset has no names of classes")
    class_phrases = phrases(classes, wording.template)
    source = importlib.import_module(f"wordsight.text.readers.{card.source}")
    vectors, unknown = source.read(directory, card, class_phrases, wording, device)
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
        "text_model": card.name,
        "dataset": dataset,
        "unknown_words": json.dumps(unknown),
        "unknown_classes": json.dumps(without),
        **{key: str(value) for key, value in wording.model_dump().items()},
    }
    names = [classes[label] for label in known.tolist()]
    return Features(vectors[known].astype(np.float32), known, names, metadata)
