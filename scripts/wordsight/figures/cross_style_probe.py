"""Probe across styles: a linear classifier fitted in one style of drawing, tested in another."""

from typing import Any

from wordsight.figures.data import Tables
from wordsight.figures.four_cells import draw_cells


def draw(tables: Tables) -> Any:
    """Four panels, one a cell, with a row an objective or model."""
    title = "Probe across styles: does a classifier fitted in one style hold in another?"
    return draw_cells(tables, "cross_style_probe", title, "accuracy")
