"""A protocol as dots: one panel for each dataset, with a row for each model."""

from typing import Any

from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures.intervals import bars
from wordsight.figures.panels import dots, guessing
from wordsight.figures.style import finish
from wordsight.tables.reading import Tables, modes, primary


def draw(tables: Tables, protocol: str) -> Any:
    """Dots by dataset with intervals, and the level of guessing if the record asks for it."""
    record, rows = PROTOCOLS[protocol], primary(tables, protocol)
    drawing = record.drawing
    below = [f"{modes(rows)}; {drawing.below}; {bars(rows)}"]
    below = [f"{below[0]}; dashed: guessing"] if drawing.guessing else below
    return finish(
        dots(rows, tables, drawing.value, levels=guessing(tables) if drawing.guessing else None),
        record.heading,
        below,
        f"{drawing.alternative} of {counted(rows['model'].nunique(), 'model')} on "
        f"{counted(rows['dataset'].nunique(), 'dataset')}, one panel each, with intervals.",
    )
