"""Reading a prepared dataset: its card, and a split whose images are decoded one at a time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from wordsight.datasets.card import SCHEMA, DatasetCard, read_card
from wordsight.errors import DataError
from wordsight.files.hashing import sha256
from wordsight.files.parquet import read_table
from wordsight.files.pixels import decode


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a prepared dataset. Ids, labels and captions are in memory, images are not.

    Attributes
    ----------
    card : the dataset's card
    path : the Parquet file
    ids : n item ids
    labels : int64 array of shape (n,), indices into ``classes``
    captions, concepts, styles : n texts each, empty where unknown
    held_out : bool array of shape (n,), True for images that are held out when an encoder is trained
    """

    card: DatasetCard
    path: Path
    ids: list[str]
    labels: np.ndarray
    captions: list[str]
    concepts: list[str]
    styles: list[str]
    held_out: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return self.card.classes

    def images(self, places: Collection[int] | None = None) -> Iterator[tuple[str, Image.Image]]:
        """Ids and RGB images in order: all, or those at ``places``. One row group is in memory at a time."""
        first = 0
        with pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=["id", "image"])
                for place in range(len(table)):
                    if places is None or first + place in places:
                        item = table["id"][place].as_py()
                        yield item, decode(table["image"][place].as_py(), f"{self.card.name}: {item}")
                first += len(table)


def open_split(directory: Path | str, split: Literal["train", "test"]) -> Split:
    """Open a split after checking that its file is the one that the card records.

    Raises
    ------
    DataError
        When the card or the file is missing, or the file has changed. The error names the file.
    """
    card = read_card(directory)
    path = Path(directory) / f"{split}.parquet"
    expected = getattr(card.splits, split).sha256
    if not path.is_file():
        raise DataError(f"{path}: is missing; delete {directory} to rebuild the dataset")
    if (found := sha256(path)) != expected:
        raise DataError(
            f"{path}: expected SHA-256 {expected}, found {found}; delete {directory} to rebuild the dataset"
        )
    table: pa.Table = read_table(path, columns=[name for name in SCHEMA.names if name != "image"])
    return Split(
        card,
        path,
        ids=table["id"].to_pylist(),
        labels=np.array(table["label"].to_pylist(), dtype=np.int64),  # to_numpy would import pandas
        captions=table["caption"].to_pylist(),
        concepts=table["concept"].to_pylist(),
        styles=table["style"].to_pylist(),
        held_out=np.array(table["held_out"].to_pylist(), dtype=bool),
    )
