"""What a source gives: its items by split, each read only when it is needed."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from wordsight.errors import DataError
from wordsight.images import encode


@dataclass(frozen=True)
class Item:
    """One image.

    Attributes
    ----------
    id : unique over both splits, the same in every run
    label : index into the classes
    read : gives the content of the image file
    caption : empty where there is none
    """

    id: str
    label: int
    read: Callable[[], bytes]
    caption: str = ""


@dataclass(frozen=True)
class Source:
    """A dataset before it is prepared; a split that it lacks is an empty list."""

    origin: str
    licence: str
    classes: list[str]
    train: list[Item]
    test: list[Item]
    label_space: str | None = None


def items_of_arrays(prefix: str, images: np.ndarray, labels: np.ndarray) -> list[Item]:
    """Items ``{prefix}-00000``, ... of uint8 images (n, h, w) or (n, h, w, 3), encoded as PNG when read."""
    return [
        Item(f"{prefix}-{index:05d}", int(label), partial(encode, image))
        for index, (image, label) in enumerate(zip(images, labels, strict=True))
    ]


def package_folder(package: str) -> Path:
    """Folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"package {package}: expected it to be installed in the environment of this step")
    return Path(spec.submodule_search_locations[0])


def origin(*distributions: str) -> str:
    """``name==version`` of each distribution."""
    return ", ".join(f"{name}=={version(name)}" for name in distributions)
