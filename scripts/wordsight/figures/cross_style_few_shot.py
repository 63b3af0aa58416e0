"""Few-shot across styles: prototypes from one style of drawing, tested on another."""

from typing import Any

from wordsight.figures.data import Tables
from wordsight.figures.four_cells import draw_cells


def draw(tables: Tables) -> Any:
    """Four panels, one a cell, with a row an objective or model."""
    title = "Few-shot across styles: do a few drawings of one style tell the classes apart in another?"
    return draw_cells(tables, "cross_style_few_shot", title, "accuracy")
