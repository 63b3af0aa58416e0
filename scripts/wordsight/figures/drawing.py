"""Drawing a figure by its name."""

import importlib
from typing import Any

from wordsight.catalogue.figures import drawn_by
from wordsight.tables.reading import Tables


def draw(figure: str, tables: Tables) -> Any:
    """Chart of a figure, drawn by the module of its name or of the kind that its protocol shares."""
    kind = drawn_by(figure)
    module = importlib.import_module(f"wordsight.figures.{kind}")
    return module.draw(tables) if kind == figure else module.draw(tables, figure)
