"""The card of a prepared dataset, ``card.json``, and the columns of its splits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from wordsight.files import cards

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Colour = tuple[float, float, float]


SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.int64()),
        ("caption", pa.string()),
        ("concept", pa.string()),
        ("style", pa.string()),
        ("held_out", pa.bool_()),
        ("image", pa.binary()),
    ]
)


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitCard(_Closed):
    """Size of a split and SHA-256 of its Parquet file.

    Attributes
    ----------
    images_per_class : in the order of the classes; empty in a dataset without classes
    damaged : ids of the images that were left out, because they can't be read
    """

    items: Annotated[int, Field(ge=0)]
    sha256: Sha256
    images_per_class: list[Annotated[int, Field(ge=0)]] = []
    damaged: list[str] = []


class Splits(_Closed):
    """Both splits; a missing split has 0 items."""

    train: SplitCard
    test: SplitCard


class Duplicates(_Closed):
    """Test images that have a twin in the training split.

    Attributes
    ----------
    exact : test images whose decoded pixels equal those of a training image
    near : other test images whose perceptual hash differs from a training image's in few bits
    threshold : largest number of these bits, out of 64
    """

    exact: Annotated[int, Field(ge=0)]
    near: Annotated[int, Field(ge=0)]
    threshold: Annotated[int, Field(ge=0, le=64)]


class DatasetCard(_Closed):
    """Card of a prepared dataset.

    Attributes
    ----------
    name : the dataset's key in the configuration
    source : module of ``wordsight.datasets.sources`` that read it
    origin : address, path or ``package==version``
    classes : names, in the order of the labels; empty for captioned images without labels
    label_space : name of the label set, which a model's own classifier must have to be used; None if unnamed
    label_indices : labels of the label space that each class covers; None if they are the same
    border : colour of the border that the licence requires around images when they are shown, or None
    captions : whether every image has a caption
    mean, std : of the pixels of the training split, RGB in [0, 1]; of the test split if it is the only one
    """

    name: str
    source: str
    origin: str
    licence: str
    classes: list[str]
    label_space: str | None
    label_indices: list[list[int]] | None = None
    border: str | None = None
    captions: bool
    splits: Splits
    mean: Colour
    std: Colour
    duplicates: Duplicates

    @property
    def guessing(self) -> float | None:
        """Accuracy on the test images of always naming their most frequent class; None without classes."""
        counts = self.splits.test.images_per_class
        return max(counts) / sum(counts) if counts else None

    @property
    def unbalanced(self) -> bool:
        """Whether some class has more than twice as many test images as another one that has any."""
        counts = [count for count in self.splits.test.images_per_class if count]
        return bool(counts) and max(counts) > 2 * min(counts)

    @property
    def tested_classes(self) -> int:
        """Number of classes with test images."""
        return sum(count > 0 for count in self.splits.test.images_per_class)


def read_card(directory: Path | str) -> DatasetCard:
    """Read the card of a prepared dataset; :class:`DataError` names a file that is none."""
    return cards.read(Path(directory) / "card.json", DatasetCard, "the card of a dataset")


def read_cards(paths: Iterable[Path | str]) -> dict[str, DatasetCard]:
    """Cards of datasets by name, in the order of the files."""
    return {card.name: card for card in (read_card(Path(path).parent) for path in paths)}
