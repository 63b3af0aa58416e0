"""Retrieval across styles: the same concept found among drawings of another style."""

from typing import Any

from wordsight.figures.data import Tables
from wordsight.figures.four_cells import draw_cells


def draw(tables: Tables) -> Any:
    """Four panels, one a cell, with a row an objective or model."""
    title = "Retrieval across styles: is the same concept the nearest drawing of another style?"
    return draw_cells(tables, "cross_style_retrieval", title, "recall at 1")
