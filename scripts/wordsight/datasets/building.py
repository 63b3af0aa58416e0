"""Writing the files of a dataset from a source's items, in one pass with one row group in memory."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wordsight.catalogue.label_spaces import CLASSES
from wordsight.catalogue.prose import counted
from wordsight.config.datasets import Dataset
from wordsight.datasets.card import SCHEMA, Colour, DatasetCard, SplitCard, Splits
from wordsight.datasets.near_duplicates import Signatures, count_duplicates
from wordsight.datasets.source import NO_LABEL, Item, Source
from wordsight.datasets.splitting import limited
from wordsight.datasets.writing import replacing, write_split
from wordsight.errors import DataError
from wordsight.files.disk import write_json
from wordsight.files.hashing import sha256
from wordsight.files.pixels import decode
from wordsight.logs import logger, progress

MOST_NAMED = 10  # damaged images in one error; the log has all


@dataclass
class Summary:
    """Colours and signatures of the images of one split, gathered in one pass."""

    histogram: np.ndarray = field(default_factory=lambda: np.zeros((3, 256), dtype=np.int64))
    signatures: Signatures = field(default_factory=Signatures)

    def add(self, image: Image.Image) -> None:
        """Add an RGB image."""
        self.histogram += np.reshape(image.histogram(), (3, 256))
        self.signatures.add(image)


@dataclass
class Damage:
    """Images of a dataset that can't be read or decoded. The log names them all, the error the first ones.

    Attributes
    ----------
    name : of the dataset
    allowed : share of the images of each split that may be damaged, and are then left out
    first : what is wrong with the first ones
    ids : of the damaged images of each split
    """

    name: str
    allowed: float
    first: list[str] = field(default_factory=list)
    ids: dict[str, list[str]] = field(default_factory=dict)

    def add(self, split: str, item: Item, error: DataError) -> None:
        """Add what is wrong with an image."""
        logger.warning("%s", error)
        self.ids.setdefault(split, []).append(item.id)
        if len(self.first) < MOST_NAMED:
            self.first.append(str(error).removeprefix(f"{self.name}: "))

    def left(self, split: str, items: list[Item]) -> list[Item]:
        """Items of a split without the damaged ones.

        Raises
        ------
        DataError
            When more are damaged than may be, or all of a class.
        """
        damaged = set(self.ids.get(split, []))
        most = int(self.allowed * len(items) + 1e-9)  # 0.29 * 100 is below 29
        if len(damaged) > most:
            self._refuse(f"skip_damaged allows {most:,} of {len(items):,} in {split}" if self.allowed else "")
        kept = [item for item in items if item.id not in damaged]
        if {item.label for item in kept} < {item.label for item in items}:
            self._refuse(f"no image of a class is left in {split}")
        return kept

    def _refuse(self, why: str) -> None:
        count = sum(map(len, self.ids.values()))
        if count == 1 and not why:
            raise DataError(f"{self.name}: {self.first[0]}")
        more = f"; and {count - len(self.first):,} more, which the log of the step names"
        raise DataError(
            f"{self.name}: {counted(count, 'image')} can't be read{f' ({why})' if why else ''}; replace or "
            f"remove them: {'; '.join(self.first)}{more if count > len(self.first) else ''}"
        )


def prepare(section: Dataset, name: str, seed: int, directory: Path | str) -> DatasetCard:
    """Write a dataset in the form that every step reads.

    Every image is decoded once, so that a damaged one is found here. The same arguments give the same bytes.
    If anything fails, ``directory`` doesn't change.

    Parameters
    ----------
    section : the dataset's section of the configuration
    name : key of this section
    seed : decides which items a ``limit`` keeps; the splits don't depend on it
    directory : folder for the three files

    Raises
    ------
    DataError
        When the source is missing or damaged, has no test images or only one class, or has no classes and
        an image lacks a caption, or more images are damaged than ``skip_damaged`` allows. An error about
        damaged images counts them all and names the first ones.
    """
    source = importlib.import_module(f"wordsight.datasets.sources.{section.source}").load(section)
    return build(source, section, name, seed, Path(directory))


def build(source: Source, section: Dataset, name: str, seed: int, directory: Path) -> DatasetCard:
    """Write the files of a dataset; ``directory`` changes only once all of them are complete."""
    train = limited(source.train, section.limit.train, seed, name, "train")
    test = limited(source.test, section.limit.test, seed, name, "test")
    label_space = section.label_space or source.label_space
    _check(name, source.classes, train, test)
    _check_label_space(name, label_space, source)
    with replacing(directory) as folder:
        damage = Damage(name, section.skip_damaged)
        of_train = _write_split(folder, "train", name, train, damage)
        of_test = _write_split(folder, "test", name, test, damage)
        train, test = damage.left("train", train), damage.left("test", test)
        mean, std = colour_statistics((of_train if train else of_test).histogram)
        card = DatasetCard(
            name=name,
            source=section.source,
            origin=source.origin,
            licence=source.licence,
            classes=source.classes,
            label_space=label_space,
            label_indices=source.label_indices,
            border=source.border,
            captions=all(item.caption for item in (*train, *test)),
            splits=Splits(
                train=_split_card(folder, "train", train, len(source.classes), damage),
                test=_split_card(folder, "test", test, len(source.classes), damage),
            ),
            mean=mean,
            std=std,
            duplicates=count_duplicates(of_train.signatures, of_test.signatures),
        )
        write_json(folder / "card.json", card.model_dump())
    return card


def colour_statistics(histogram: np.ndarray) -> tuple[Colour, Colour]:
    """Mean and standard deviation of each channel, in [0, 1], from counts of shape (3, 256)."""
    levels = np.arange(256) / 255
    shares = histogram / histogram.sum(axis=1, keepdims=True)
    mean = shares @ levels
    variance = (shares * (levels - mean[:, None]) ** 2).sum(axis=1)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


def _check(name: str, classes: list[str], train: list[Item], test: list[Item]) -> None:
    """Refuse datasets that no step can use; some protocols need no training split, training no classes."""
    if not test:
        raise DataError(f"{name}: has no test images")
    if len(classes) == 1:
        raise DataError(f"{name}: has only one class, {classes[0]}; at least two are needed")
    seen: set[str] = set()
    for item in (*train, *test):
        if item.id in seen:
            raise DataError(f"{name}: {item.id}: two images have this id")
        if not classes and not (item.caption and item.label == NO_LABEL):
            raise DataError(f"{name}: {item.id}: has no caption; without labels, every image needs one")
        if classes and not 0 <= item.label < len(classes):
            raise DataError(f"{name}: {item.id}: expected a label below {len(classes)}, found {item.label}")
        seen.add(item.id)


def _check_label_space(name: str, space: str | None, source: Source) -> None:
    """Refuse a part of a label space: its labels would stand for other classes of a classifier."""
    wanted = CLASSES.get(space or "", len(source.classes))
    if source.label_indices is None and len(source.classes) != wanted:
        raise DataError(
            f"{name}: label_space: {space} has {wanted:,} classes, but this dataset has "
            f"{len(source.classes):,}; provide them all, or leave the key out and attack with `head: fitted`"
        )


def _split_card(folder: Path, split: str, items: list[Item], classes: int, damage: Damage) -> SplitCard:
    labels = [item.label for item in items if item.label != NO_LABEL]
    counts = np.bincount(labels, minlength=classes).tolist() if classes else []
    return SplitCard(
        items=len(items),
        sha256=sha256(folder / f"{split}.parquet"),
        images_per_class=counts,
        damaged=damage.ids.get(split, []),
    )


def _write_split(folder: Path, split: str, name: str, items: list[Item], damage: Damage) -> Summary:
    summary = Summary()

    def rows() -> Iterator[dict[str, Any]]:
        for item in progress(items, len(items), f"images of {name}"):
            try:
                data = _read(item, name)
                summary.add(decode(data, f"{name}: {item.id}"))
            except DataError as error:
                damage.add(split, item, error)
                continue
            yield {**{name: getattr(item, name) for name in SCHEMA.names if name != "image"}, "image": data}

    write_split(folder / f"{split}.parquet", rows())
    return summary


def _read(item: Item, name: str) -> bytes:
    try:
        return item.read()
    except OSError as error:
        raise DataError(f"{name}: {item.id}: cannot be read ({error.strerror or error})") from None
