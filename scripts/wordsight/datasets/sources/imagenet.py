"""Test sets with ImageNet's classes, from the user's own copy as it was published, unpacked or not.

The copy may have fewer images and classes: a classifier of all 1,000 classes then chooses only among those of
the copy, as is usual for ImageNet-R and ObjectNet.

Sources: Russakovsky et al. 2015, https://doi.org/10.1007/s11263-015-0816-y (validation); Recht et al. 2019,
https://arxiv.org/abs/1902.10811 (v2, matched frequency); Wang et al. 2019, https://arxiv.org/abs/1905.13549
(sketch); Hendrycks et al. 2021, https://arxiv.org/abs/2006.16241 (r); Barbu et al. 2019,
https://objectnet.dev (objectnet)
"""

import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import scipy.io

from wordsight.catalogue.label_spaces import IMAGENET
from wordsight.catalogue.section import nearest
from wordsight.config.datasets import ImagenetDataset
from wordsight.datasets import synsets
from wordsight.datasets.archives import Files, list_files, list_nested
from wordsight.datasets.source import Item, Source
from wordsight.errors import DataError
from wordsight.files.pixels import decode

VALIDATION = "ILSVRC2012_img_val.tar"
TRAIN = "ILSVRC2012_img_train.tar"
DEVKIT = ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12")
META = "data/meta.mat"
GROUND_TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"
FLAT = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
IMAGES = {".jpeg", ".jpg", ".png"}

FOLDERS = "folder_to_objectnet_label.json"
LABELS = "objectnet_to_imagenet_1k.json"
BORDER = 2  # pixels; ObjectNet's images have a red border, so that training on them doesn't go unnoticed


@dataclass(frozen=True)
class Copy:
    """Contents of a copy.

    Attributes
    ----------
    classes : names of the classes
    indices : labels in ImageNet that each class covers
    train, test : items, whose labels are indices into ``classes``
    border : as in :class:`~wordsight.datasets.card.DatasetCard`
    """

    classes: list[str]
    indices: list[list[int]]
    train: list[Item]
    test: list[Item]
    border: str | None = None


@dataclass(frozen=True)
class Variant:
    """A published test set: how to read a copy, and how many images a complete one has."""

    read: Callable[[Path], Copy]
    images: int
    licence: str
    origin: str


def load(section: ImagenetDataset) -> Source:
    """List the images of the variant ``section.variant`` at ``section.path``.

    Raises
    ------
    DataError
        When a file is missing, damaged or not an archive, a folder isn't named after a class, images and
        ground truth don't fit, or the number of images is not ``section.images`` or else the published one.
        Files that aren't images are found when they are read.
    """
    variant = VARIANTS[section.variant]
    copy = _without_empty_classes(variant.read(Path(section.path)))
    if not copy.test:
        raise DataError(f"{section.path}: has no images in one folder for each class")
    expected = section.images or variant.images
    if len(copy.test) != expected:
        raise DataError(
            f"{section.path}: expected {expected:,} images of ImageNet's variant {section.variant!r}, found "
            f"{len(copy.test):,}; if your copy should have this number, set `images: {len(copy.test)}`"
        )
    all_classes = copy.indices == [[index] for index in range(len(synsets.synsets()))]
    return Source(
        origin=variant.origin,
        licence=variant.licence,
        classes=copy.classes,
        train=copy.train,
        test=copy.test,
        label_space=IMAGENET,
        label_indices=None if all_classes else copy.indices,
        border=copy.border,
    )


def _without_empty_classes(copy: Copy) -> Copy:
    """Leave out the classes without images."""
    present = sorted({item.label for item in (*copy.train, *copy.test)})
    labels = {label: place for place, label in enumerate(present)}

    def relabelled(items: list[Item]) -> list[Item]:
        return [replace(item, label=labels[item.label]) for item in items]

    return replace(
        copy,
        classes=[copy.classes[label] for label in present],
        indices=[copy.indices[label] for label in present],
        train=relabelled(copy.train),
        test=relabelled(copy.test),
    )


def _of_imagenet(test: list[Item], train: list[Item] | None = None) -> Copy:
    """Copy that has the classes of ImageNet."""
    names = synsets.class_names()
    return Copy(names, [[index] for index in range(len(names))], train or [], test)


def _name(path: PurePosixPath) -> str:
    """Id of an image whose file name is unique."""
    return path.name


def _folder_and_name(path: PurePosixPath) -> str:
    """Id of an image whose file name may occur in other classes too."""
    return f"{path.parent.name}/{path.name}"


def _by_class(
    root: Path,
    files: Files,
    classes: Mapping[str, int | None],
    name: Callable[[PurePosixPath], str] = _folder_and_name,
) -> list[Item]:
    """Items of the images in folders that are named after classes.

    Parameters
    ----------
    root : path of the copy, for errors
    files : all files, some of which are images
    classes : label of each class by the name of its folder; None leaves the class out
    name : gives the id of an image by its path

    Raises
    ------
    DataError
        When the folder of an image isn't named after a class.
    """
    items = []
    for path, read in zip(map(PurePosixPath, files), files.values(), strict=True):
        if path.suffix.lower() not in IMAGES:
            continue
        folder = path.parent.name
        if folder not in classes:
            raise DataError(
                f"{root}: {path}: the folder {folder!r} is not named after a class; {_hint(folder, classes)}"
            )
        label = classes[folder]
        if label is not None:
            items.append(Item(name(path), label, read))
    return items


def _hint(folder: str, classes: Iterable[str]) -> str:
    """Suggest the nearest class, or give the first one as an example."""
    names = list(classes)
    hint = nearest(folder, names)
    return hint.split("; ")[0] if hint.startswith("did") else f"such as {names[0]!r}"


def _numbers() -> dict[str, int]:
    return {synset: index for index, synset in enumerate(synsets.synsets())}


# ImageNet itself


def _validation(root: Path) -> Copy:
    """Images in one archive or folder next to the development kit, or in a folder for each class.

    Training images are read if the copy has them, from their archive or from the folder ``train`` next to
    ``val``.
    """
    if (root / VALIDATION).is_file():
        test = _flat(root, list_files(root / VALIDATION))
        train = list_nested(root / TRAIN) if (root / TRAIN).is_file() else {}
        return _of_imagenet(test, _by_class(root / TRAIN, train, _numbers(), _name))
    folder = root / "val" if (root / "val").is_dir() else root
    if (root / "train").is_dir() and folder == root:
        raise DataError(f"{root}: has a folder train, but no folder val next to it")
    files = list_files(folder)
    if any(FLAT.fullmatch(name) for name in files):
        test = _flat(root, files)
    else:
        test = _by_class(folder, files, _numbers(), _name)
    if not test:
        raise DataError(
            f"{root}: has no images: expected {VALIDATION}, a folder val, or a folder for each class"
        )
    train = list_files(root / "train") if (root / "train").is_dir() else {}
    return _of_imagenet(test, _by_class(root / "train", train, _numbers(), _name))


def _flat(root: Path, files: Files) -> list[Item]:
    """Items of numbered images; the development kit has the class of each number."""
    labels = _ground_truth(root)
    items = []
    for name, read in files.items():
        found = FLAT.fullmatch(PurePosixPath(name).name)
        if found is None:
            continue
        number = int(found[1])
        if not 1 <= number <= len(labels):
            raise DataError(
                f"{root}: {name}: {GROUND_TRUTH} has no line {number} for this image; it has {len(labels):,} "
                "lines"
            )
        items.append(Item(found[0], labels[number - 1], read))
    return items


def _ground_truth(root: Path) -> list[int]:
    """Label of each validation image, in the order of the numbers in their names."""
    path = next((root / name for name in DEVKIT if (root / name).exists()), None)
    if path is None:
        raise DataError(f"{root / DEVKIT[0]}: is missing; this development kit has the classes of the images")
    files = {"/".join(PurePosixPath(name).parts[-2:]): read for name, read in list_files(path).items()}
    for name in (META, GROUND_TRUTH):
        if name not in files:
            raise DataError(f"{path}: has no file {name}")
    known = _labels_by_number(files[META](), path)
    lines = files[GROUND_TRUTH]().decode("ascii", "replace").split()
    for place, line in enumerate(lines, start=1):
        if line not in known:
            raise DataError(
                f"{path}: {GROUND_TRUTH}: line {place}: expected the number of a class in {META}, "
                f"found {line[:20]!r}"
            )
    return [known[line] for line in lines]


def _labels_by_number(data: bytes, path: Path) -> dict[str, int]:
    """Label of each class by its number in the development kit, which numbers inner synsets too."""
    labels = _numbers()
    try:
        table = scipy.io.loadmat(io.BytesIO(data), squeeze_me=True)["synsets"]
        rows = zip(table["ILSVRC2012_ID"], table["WNID"], table["num_children"], strict=True)
        return {str(int(number)): labels[str(synset)] for number, synset, children in rows if not children}
    except (KeyError, IndexError, TypeError, ValueError, NotImplementedError, OSError, zlib.error) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: {META}: is not the table of ImageNet's synsets ({reason})") from None


# Other test sets


def _v2(root: Path) -> Copy:
    """Folders are named after the labels."""
    return _of_imagenet(_by_class(root, list_files(root), {str(index): index for index in range(1000)}))


def _by_synset(root: Path) -> Copy:
    """Folders are named after the synsets."""
    return _of_imagenet(_by_class(root, list_files(root), _numbers()))


def _objectnet(root: Path) -> Copy:
    """Images of the classes that ImageNet has too, without the red border.

    A class of ObjectNet covers one or several classes of ImageNet, as ObjectNet's two tables say.
    """
    files = list_files(root)
    folders, labels = (_mapping(root, files, name) for name in (FOLDERS, LABELS))
    kept = sorted(folder for folder, label in folders.items() if label in labels)
    missing = sorted(labels.keys() - folders.values())
    if missing:
        raise DataError(f"{root}: {FOLDERS}: has no folder for {missing[0]!r}, which {LABELS} names")
    numbers = {names: index for index, names in enumerate(synsets.lemmas())}
    places = {folder: kept.index(folder) if folder in kept else None for folder in folders}
    items = [replace(item, read=partial(_without_border, item)) for item in _by_class(root, files, places)]
    return Copy(
        classes=[folders[folder] for folder in kept],
        indices=[_indices(root, labels[folders[folder]], numbers) for folder in kept],
        train=[],
        test=items,
        border="red",
    )


def _mapping(root: Path, files: Files, name: str) -> dict[str, str]:
    """Read one of ObjectNet's tables: a JSON object that maps names to names."""
    found = [read for path, read in files.items() if PurePosixPath(path).name == name]
    if not found:
        raise DataError(f"{root}: mappings/{name} is missing; it is part of ObjectNet")
    try:
        table = json.loads(found[0]())
    except ValueError as error:
        raise DataError(f"{root}: mappings/{name}: is not valid JSON ({error})") from None
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise DataError(f"{root}: mappings/{name}: expected an object that maps names to names")
    return table


def _indices(root: Path, names: str, numbers: Mapping[str, int]) -> list[int]:
    """Labels in ImageNet of a class of ObjectNet."""
    parts = [part.strip() for part in names.split(";")]
    for part in parts:
        if part not in numbers:
            raise DataError(f"{root}: mappings/{LABELS}: unknown class {part!r}; {_hint(part, numbers)}")
    return [numbers[part] for part in parts]


def _without_border(item: Item) -> bytes:
    """Image file without the border."""
    image = decode(item.read(), item.id)
    buffer = io.BytesIO()
    # These are large photographs: compressing them at the usual level would take hours longer.
    image.crop((BORDER, BORDER, image.width - BORDER, image.height - BORDER)).save(
        buffer, format="PNG", compress_level=1
    )
    return buffer.getvalue()


CODE_TERMS = "repository: MIT; images: as their authors allow"
IMAGENET_TERMS = "ImageNet: non-commercial research"
VARIANTS = {
    "validation": Variant(_validation, 50_000, IMAGENET_TERMS, "https://image-net.org"),
    "v2": Variant(_v2, 10_000, CODE_TERMS, "https://github.com/modestyachts/ImageNetV2"),
    "sketch": Variant(_by_synset, 50_889, CODE_TERMS, "https://github.com/HaohanWang/ImageNet-Sketch"),
    "r": Variant(_by_synset, 30_000, CODE_TERMS, "https://github.com/hendrycks/imagenet-r"),
    "objectnet": Variant(
        _objectnet,
        18_574,
        "CC BY 4.0, and never to tune a model; an image is shown on the web with its red border only",
        "https://objectnet.dev",
    ),
}
