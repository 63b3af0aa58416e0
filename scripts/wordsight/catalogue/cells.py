"""The four cells of a dataset of concepts in styles: whether an encoder has seen the concepts and the style.

A concept or a style is seen when it is in the training split. Results have one file for each cell instead of
one for each dataset, so file names contain the names of cells. Only the standard library is imported, since
the Snakefile reads this module.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Cell(NamedTuple):
    """Whether the concepts and the style that are tested were in the training of the encoder."""

    seen_concepts: bool
    seen_style: bool


CELLS = {
    "seen-concepts.seen-style": Cell(seen_concepts=True, seen_style=True),
    "seen-concepts.unseen-style": Cell(seen_concepts=True, seen_style=False),
    "unseen-concepts.seen-style": Cell(seen_concepts=False, seen_style=True),
    "unseen-concepts.unseen-style": Cell(seen_concepts=False, seen_style=False),
}
# Neither the concepts nor the style was in training.
ALL_NEW = "unseen-concepts.unseen-style"


def crossed_protocols(rows: "pd.DataFrame") -> set[str]:
    """Protocols in some rows that have the four cells instead of datasets."""
    return set(rows.loc[rows["dataset"].isin(list(CELLS)), "protocol"])


def across_cells(rows: "pd.DataFrame") -> "pd.Series":
    """Which rows belong to a protocol that has the four cells instead of datasets."""
    return rows["protocol"].isin(crossed_protocols(rows))
