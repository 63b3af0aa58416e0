"""Transfer: the accuracy of a linear classifier on frozen features."""

from typing import Any

from wordsight.figures.data import Tables, modes, primary
from wordsight.figures.panels import dots, guessing
from wordsight.figures.style import counted, finish


def draw(tables: Tables) -> Any:
    """Dots by dataset, with the level of guessing."""
    rows = primary(tables, "transfer")
    return finish(
        dots(rows, tables, "accuracy", levels=guessing(tables)),
        "Transfer: how well does a linear classifier on the features do?",
        [f"{modes(rows)}; test images; bars: ± 1 standard error; dashed: guessing"],
        f"Accuracy of a linear classifier on the features of {counted(rows['model'].nunique(), 'model')} on "
        f"{counted(rows['dataset'].nunique(), 'dataset')}, one panel each; bars are one standard error.",
    )
