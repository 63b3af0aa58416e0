"""The four cells of a dataset of concepts in styles: what an encoder has met, and what it hasn't.

A concept or a style is seen when it is in the training split. Results have one file a cell, in the place of
one a dataset, so the names hold for files too. Only the standard library is imported, since the Snakefile
reads this module.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Cell(NamedTuple):
    """Whether the concepts and the style that are tested were there when the encoder was trained."""

    seen_concepts: bool
    seen_style: bool


CELLS = {
    "seen-concepts.seen-style": Cell(seen_concepts=True, seen_style=True),
    "seen-concepts.unseen-style": Cell(seen_concepts=True, seen_style=False),
    "unseen-concepts.seen-style": Cell(seen_concepts=False, seen_style=True),
    "unseen-concepts.unseen-style": Cell(seen_concepts=False, seen_style=False),
}
# Where neither the concepts nor the style was there in training.
ALL_NEW = "unseen-concepts.unseen-style"


def crossed_protocols(rows: "pd.DataFrame") -> set[str]:
    """Protocols among some rows that have the four cells in the place of datasets."""
    return set(rows.loc[rows["dataset"].isin(list(CELLS)), "protocol"])


def across_cells(rows: "pd.DataFrame") -> "pd.Series":
    """Whether each row is of such a protocol."""
    return rows["protocol"].isin(crossed_protocols(rows))
