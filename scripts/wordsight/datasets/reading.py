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


@dataclass(frozen=True)
class Split:
    """One split of a prepared dataset. Ids, labels and captions are in memory, images are not.

    Attributes
    ----------
    card : the dataset's
    path : the Parquet file
    ids : n item ids
    labels : int64 array of shape (n,), indices into ``classes``
    captions, concepts, styles : n each, empty where there is none
    held_out : bool array of shape (n,), True for what training an encoder leaves out
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
        """Ids and RGB images, in order: all, or those at ``places``. One row group is in memory at a time."""
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
    """Open a split after checking that its bytes are those that the card records.

    Raises
    ------
    DataError
        When card or file are missing or the bytes differ; it names the file.
    """
    card = read_card(directory)
    path = Path(directory) / f"{split}.parquet"
    expected = getattr(card.splits, split).sha256
    if not path.is_file() or (found := sha256(path)) != expected:
        what = f"SHA-256 {found}" if path.is_file() else "no file"
        raise DataError(
            f"{path}: expected SHA-256 {expected}, found {what}; delete {directory} to rebuild the dataset"
        )
    table: pa.Table = read_table(path, columns=[name for name in SCHEMA.names if name != "image"])
    return Split(
        card,
        path,
        ids=table["id"].to_pylist(),
        labels=np.array(table["label"].to_pylist(), dtype=np.int64),  # pyarrow's own way imports pandas
        captions=table["caption"].to_pylist(),
        concepts=table["concept"].to_pylist(),
        styles=table["style"].to_pylist(),
        held_out=np.array(table["held_out"].to_pylist(), dtype=bool),
    )
