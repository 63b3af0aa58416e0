"""Clustering: the share of test images in the right cluster."""

from typing import Any

from wordsight.figures.data import Tables, modes, primary
from wordsight.figures.panels import dots
from wordsight.figures.style import counted, finish


def draw(tables: Tables) -> Any:
    """Dots by dataset; no level of guessing: random clusters, assigned at best, are above 1 / classes."""
    rows = primary(tables, "clustering")
    return finish(
        dots(rows, tables, "accuracy"),
        "Clustering: do the images of a class lie together, without any label?",
        [f"{modes(rows)}; images in the cluster assigned to their class; bars: ± 1 standard error"],
        f"Clustering accuracy of {counted(rows['model'].nunique(), 'model')} on "
        f"{counted(rows['dataset'].nunique(), 'dataset')}, one panel each; bars are one standard error.",
    )
