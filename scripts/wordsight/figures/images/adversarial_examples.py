"""What attacks made of a few images of each dataset, by encoder."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wordsight.datasets.reading import Split
from wordsight.figures.images.thumbnails import thumbnail
from wordsight.files.example_sets import NONE, Examples, read_examples


def adversarial_examples(
    paths: Iterable[Path | str], splits: Mapping[str, Split], groups: Mapping[str, str]
) -> dict[str, Any]:
    """Thumbnails of images, of what attacks made of them, and of what they added.

    Parameters
    ----------
    paths : ``.../model/dataset.safetensors``, a file each model and dataset
    splits : test split of each dataset, of others too
    groups : objective of each model, or its own name

    Returns
    -------
    dict
        ``datasets``: for each, ``dataset``, ``images`` with ``item``, ``class`` and ``image``, the address of
        a thumbnail, and ``encoders``: for each, ``group`` and ``attacks``, one for each image, with
        ``radius`` (0 when it is wrong without attack, None when nothing breaks it), ``class`` that it is then
        taken for (None when nothing breaks it), ``attacked`` and ``added``, the addresses of two thumbnails,
        both None when there is no attack to show.
    """
    found: dict[str, dict[str, Examples]] = {}
    for path in map(Path, paths):
        found.setdefault(path.stem, {})[groups[path.parent.name]] = read_examples(path)
    return {"datasets": [_of_dataset(splits[name], found[name]) for name in splits if name in found]}


def _of_dataset(split: Split, by_group: Mapping[str, Examples]) -> dict[str, Any]:
    label = dict(zip(split.ids, split.labels, strict=True))
    first = next(iter(by_group.values()))
    images = [
        {"item": item, "class": split.classes[label[item]], "image": _thumbnail(pixels, split)}
        for item, pixels in zip(first.items, first.images, strict=True)
    ]
    encoders = [
        {"group": group, "attacks": [_attack(shown, place, split) for place in range(len(shown.items))]}
        for group, shown in by_group.items()
    ]
    return {"dataset": split.card.name, "images": images, "encoders": encoders}


def _attack(shown: Examples, place: int, split: Split) -> dict[str, Any]:
    radius, became = float(shown.radii[place]), int(shown.classes[place])
    found = {
        "radius": radius if np.isfinite(radius) else None,
        "class": None if became == NONE else split.classes[became],
        "attacked": None,
        "added": None,
    }
    change = shown.changes[place].astype(np.float64)
    largest = np.abs(change).max()
    if largest:
        attacked = np.clip(shown.images[place] / 255 + change, 0, 1)
        found |= {
            "attacked": _thumbnail(np.round(255 * attacked).astype(np.uint8), split),
            "added": _thumbnail(np.round(127.5 * (1 + change / largest)).astype(np.uint8), split),
        }
    return found


def _thumbnail(pixels: np.ndarray, split: Split) -> str:
    return thumbnail(Image.fromarray(pixels), split.card.border)
