"""Which test images show the same concept, for statistics that count a concept once."""

from collections.abc import Iterable
from pathlib import Path

from wordsight.files.parquet import read_table


def read_concepts(split: Path | str) -> dict[str, str]:
    """Concept of each image of a split that has one, by id; raises :class:`DataError` if it is no split."""
    table = read_table(split, columns=["id", "concept"])
    found = zip(table["id"].to_pylist(), table["concept"].to_pylist(), strict=True)
    return {item: concept for item, concept in found if concept}


def concepts_by_dataset(splits: Iterable[Path | str]) -> dict[str, dict[str, str]]:
    """Concepts of the images of several splits, each in the folder of its dataset, by name of the dataset."""
    return {Path(split).parent.name: read_concepts(split) for split in splits}
