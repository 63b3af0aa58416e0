"""Caltech-UCSD Birds 200-2011 with its official splits, read directly from its archive.

Source: Wah et al. 2011, The Caltech-UCSD Birds-200-2011 dataset, technical report CNS-TR-2011-001
"""

from collections.abc import Iterator
from pathlib import Path

from wordsight.config.datasets import Cub200Dataset
from wordsight.datasets.archives import Files, list_files
from wordsight.datasets.source import Item, Source
from wordsight.downloads import fetching
from wordsight.errors import DataError

ADDRESS = "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz"
MD5 = "97eceeb196236b17998738112f37df78"  # stated by its publisher
FOLDER = "CUB_200_2011/"
IMAGES = "images/"
TABLES = ("classes.txt", "images.txt", "image_class_labels.txt", "train_test_split.txt")
IS_TRAINING = {"0": False, "1": True}


def load(section: Cub200Dataset) -> Source:
    """List the images of the archive, which is downloaded unless ``section.path`` names it or its folder.

    Items are in the order of the archive, which is compressed as a whole and only fast to read forwards.

    Raises
    ------
    DataError
        When a file is missing or the tables don't fit together.
    DownloadError
        When the archive can't be downloaded, or isn't the expected one.
    """
    path = _archive(section)
    files = {name.removeprefix(FOLDER): read for name, read in list_files(path).items()}
    classes, images, labels, splits = _tables(path, files)
    names = sorted(classes, key=int)
    numbers = {name: number for number, name in enumerate(names)}
    ids = {image: number for number, image in images.items()}
    for image in ids:
        if IMAGES + image not in files:
            raise DataError(f"{path}: {IMAGES}{image}: images.txt names this image, but it is missing")
    items: dict[bool, list[Item]] = {True: [], False: []}
    for name, read in files.items():
        image = name.removeprefix(IMAGES)
        if name.startswith(IMAGES) and image in ids:
            number = ids[image]
            items[IS_TRAINING[splits[number]]].append(Item(image, numbers[labels[number]], read))
    return Source(
        origin=section.path or ADDRESS,
        licence="non-commercial research and education",
        classes=[_plain(classes[name]) for name in names],
        train=items[True],
        test=items[False],
    )


def _archive(section: Cub200Dataset) -> Path:
    """Path of the verified archive, or of the folder that it was unpacked to."""
    if section.path and Path(section.path).is_dir():
        return Path(section.path)
    return fetching.fetch(
        [ADDRESS],
        sha256=section.sha256,
        md5=None if section.sha256 else MD5,
        path=section.path,
        expected="an archive",
    )


def _plain(name: str) -> str:
    """Name of a class in plain words.

    >>> _plain("001.Black_footed_Albatross")
    'Black footed Albatross'
    """
    return name.rpartition(".")[2].replace("_", " ")


def _tables(path: Path, files: Files) -> tuple[dict[str, str], ...]:
    """Names of the classes by number; path, class and split of each image by number."""
    # Read in the order of the archive, which is fast.
    texts = {name: read() for name, read in files.items() if name in TABLES}
    for name in TABLES:
        if name not in texts:
            raise DataError(f"{path}: has no file {FOLDER}{name}")
    classes, images, labels, splits = (dict(_rows(path, name, texts[name])) for name in TABLES)
    for name, table, valid in (
        ("image_class_labels.txt", labels, set(classes)),
        ("train_test_split.txt", splits, set(IS_TRAINING)),
    ):
        if table.keys() != images.keys():
            odd = min(table.keys() ^ images.keys())
            raise DataError(
                f"{path}: {name}: lists other images than images.txt: only one of them has image {odd}"
            )
        for image, value in table.items():
            if value not in valid:
                raise DataError(f"{path}: {name}: image {image}: unknown value {value!r}")
    return classes, images, labels, splits


def _rows(path: Path, name: str, text: bytes) -> Iterator[tuple[str, str]]:
    """Number and value of each line."""
    for place, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
        number, _, value = line.strip().partition(" ")
        if not (number.isascii() and number.isdigit() and value):
            raise DataError(
                f"{path}: {name}: line {place}: expected a number and a value, found {line[:60]!r}"
            )
        yield number, value
