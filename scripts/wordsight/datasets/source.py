"""What a dataset source returns: the items of each split, which are read only when they are needed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from wordsight.errors import DataError
from wordsight.files.pixels import encode

NO_LABEL = -1
UNLABELLED = "-1"
MEANS_NONE = "marks what has no label; leave those images out, or choose another split or column"
USERS_OWN = "unknown: the user's own images"
DIGITS = [str(digit) for digit in range(10)]  # the classes of handwritten and house numbers
SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Item:
    """One image. Millions of them are in memory at once, so they have slots.

    Attributes
    ----------
    id : unique over both splits, the same in every run
    label : index into the classes; ``NO_LABEL`` in a dataset without labels
    read : returns the content of the image file
    caption : empty if there is none
    concept : what the image shows, the same for all images of the same thing; empty if unknown
    style : how it is drawn; empty if unknown
    held_out : whether a training image is held out when an encoder is trained, to choose a learning rate
        and to see whether the encoder learned
    """

    id: str
    label: int
    read: Callable[[], bytes]
    caption: str = ""
    concept: str = ""
    style: str = ""
    held_out: bool = False


@dataclass(frozen=True)
class Source:
    """A dataset before it is prepared; missing splits and missing classes are empty lists.

    ``label_indices`` and ``border`` are those of :class:`~wordsight.datasets.card.DatasetCard`.
    """

    origin: str
    licence: str
    classes: list[str]
    train: list[Item]
    test: list[Item]
    label_space: str | None = None
    label_indices: list[list[int]] | None = None
    border: str | None = None


def items_of_arrays(prefix: str, images: np.ndarray, labels: np.ndarray) -> list[Item]:
    """Items ``{prefix}-00000``, ... of uint8 images (n, h, w) or (n, h, w, 3), encoded as PNG when read."""
    return [
        Item(f"{prefix}-{index:05d}", int(label), partial(encode, image))
        for index, (image, label) in enumerate(zip(images, labels, strict=True))
    ]


def as_text(value: Any, name: str, where: str) -> str:
    """A value from JSON or a column as stripped text; empty for None.

    Parameters
    ----------
    value : text, whole number or None
    name : key or column of the value, for errors
    where : place of the value, for errors

    Raises
    ------
    DataError
        When the value is neither text nor a whole number, or the text is not valid Unicode.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{where}: expected text as {name}, found {type(value).__name__}")
    text = str(value).strip()
    if SURROGATES.search(text):
        raise DataError(f"{where}: the {name} is not valid UTF-8; was it cut short?")
    return text


def class_names(labels: Iterable[str], where: str = "") -> list[str]:
    """Distinct labels in sorted order; whole numbers are sorted by value, so that 2 comes before 10.

    Raises
    ------
    DataError
        When the labels are numbers from 0 on and -1, which marks what has none. It begins with ``where``.
    """
    names = sorted(set(labels))
    if UNLABELLED in names and "0" in names:
        raise DataError(f"{where}: the label -1 {MEANS_NONE}")
    if all(name.isascii() and name.isdigit() for name in names):
        names.sort(key=int)
    return names
