"""What a prepared dataset says of itself: ``card.json``."""

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
    """Size of a split and SHA-256 of its Parquet file."""

    items: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Splits(_Closed):
    """Both splits; one that the dataset lacks has no items."""

    train: SplitCard
    test: SplitCard


class Duplicates(_Closed):
    """Test images that have a twin in the training split.

    Attributes
    ----------
    exact : test images whose decoded pixels equal those of a training image
    near : further ones whose perceptual hash lies within ``threshold`` of 64 bits of a training image's
    threshold : bits
    """

    exact: Annotated[int, Field(ge=0)]
    near: Annotated[int, Field(ge=0)]
    threshold: Annotated[int, Field(ge=0, le=64)]


class DatasetCard(_Closed):
    """Card of a prepared dataset.

    Attributes
    ----------
    name : its key in the configuration
    source : module of ``wordsight.datasets`` that read it
    origin : address, path or ``package==version``
    classes : names, in the order of the labels; none for captioned images without labels
    label_space : name of the label set that a classifier must share to be used as it is, or None
    label_indices : labels of the label space that each class stands for; None when both agree
    border : colour of the frame that the licence asks for around an image that is shown; None for none
    captions : whether every image has a caption
    mean, std : of the pixels of the training split, RGB in [0, 1]; of the test split where there is no other
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


def read_card(directory: Path | str) -> DatasetCard:
    """Read the card of a prepared dataset; :class:`DataError` names a file that is none."""
    return cards.read(Path(directory) / "card.json", DatasetCard, "the card of a dataset")


def read_cards(paths: Iterable[Path | str]) -> dict[str, DatasetCard]:
    """Cards of datasets by name, in the order of the files."""
    return {card.name: card for card in (read_card(Path(path).parent) for path in paths)}
