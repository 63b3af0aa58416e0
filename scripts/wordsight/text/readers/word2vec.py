"""Vectors of class names from word vectors."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from wordsight.config.text import Wording
from wordsight.errors import DataError
from wordsight.text.card import TOKENIZER, WEIGHTS, TextCard
from wordsight.text.sentence_vectors import Encode, Phrase

WORDS = "words.txt"  # one word per line, in the order of the vectors


def load(directory: Path, card: TextCard, device: str) -> Encode:
    """Make vectors from the files themselves, since they have millions of words, of which few are needed."""
    return partial(_encode, directory, card.size)


def _encode(
    directory: Path, size: int, phrases: Sequence[Phrase], wording: Wording
) -> tuple[np.ndarray, list[str]]:
    """Vectors (n, d) of class names, and the words without a vector.

    A name that the vocabulary has as one phrase gets the vector of the phrase. Any other name gets the mean
    of the vectors of its known words, or zeros if no word is known.
    """
    names = [phrase.name for phrase in phrases]
    wanted = {form for name in names for part in (name, *_parts(name)) for form in _forms(part)}
    rows = _rows(directory / TOKENIZER / WORDS, {form.encode() for form in wanted})
    path = directory / WEIGHTS
    try:
        with safe_open(path, framework="numpy") as file:
            vectors = file.get_slice("vectors")
            found = {word: vectors[row : row + 1][0] for word, row in rows.items()}
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: can't read the word vectors ({error})") from None

    def look_up(text: str) -> np.ndarray | None:
        return next((found[form.encode()] for form in _forms(text) if form.encode() in found), None)

    means, unknown = np.zeros((len(names), size), dtype=np.float32), []
    for row, name in enumerate(names):
        whole = look_up(name)
        if whole is not None:
            means[row] = whole
            continue
        parts = {part: look_up(part) for part in _parts(name)}
        unknown += [part for part, vector in parts.items() if vector is None]
        known = [vector for vector in parts.values() if vector is not None]
        if known:
            means[row] = np.mean(known, axis=0)
    return means, sorted(set(unknown))


def _parts(name: str) -> list[str]:
    """Words of a name without their punctuation."""
    return re.findall(r"\w+(?:['’.]\w+)*", name)


def _forms(text: str) -> list[str]:
    """Spellings of a text to look up, in this order: the file has words with capitals and underscores."""
    joined = "_".join(re.split(r"[\s-]+", text))
    dashed = "_".join(text.split())
    forms = [dashed, joined, dashed.lower(), joined.lower(), "_".join(map(str.capitalize, joined.split("_")))]
    return list(dict.fromkeys(forms))


def _rows(path: Path, wanted: set[bytes]) -> dict[bytes, int]:
    """Row of each wanted word that the vocabulary has; the first row if a word is in it twice."""
    rows: dict[bytes, int] = {}
    with path.open("rb") as file:
        for row, line in enumerate(file):
            word = line.removesuffix(b"\n")
            if word in wanted:
                rows.setdefault(word, row)
    return rows
