"""Overview: the effects that decide, a panel for each contrast under its question; it opens the report."""

from typing import Any

from wordsight.catalogue.numbers import percent
from wordsight.catalogue.prose import counted
from wordsight.figures import forest, summary
from wordsight.figures.style import finish
from wordsight.tables.reading import Tables

MOST = 6  # contrasts


def draw(tables: Tables) -> Any:
    """Effects, intervals, margins and verdicts of the first contrasts; the summary where nothing decides."""
    rows = tables.contrasts
    decisive = list(dict.fromkeys(rows.loc[rows["decides"], "contrast"]))
    if not decisive:
        return summary.draw(tables)
    questions = {name: tables.questions.get(name) or name for name in decisive[:MOST]}
    left = len(decisive) - len(questions)
    known = rows.loc[rows["decides"], list(forest.LEVELS)].notna().any()
    levels = [f"{level.letter} {level.meaning}" for name, level in forest.LEVELS.items() if known[name]]
    levels += ["‹ one that is further away"] if levels else []
    return finish(
        forest.by_contrast(rows, questions, tables.sensitivity),
        "Overview: better or worse, and how sure",
        [
            f"bars: {percent(rows['confidence'].iloc[0])} intervals, arrows where one is cut; "
            "band: differences that count as none",
            "; ".join([*levels, *([f"{counted(left, 'more contrast')} in the summary"] if left else [])])
            or " ",
        ],
        f"Effects, intervals and verdicts of {counted(len(questions), 'contrast')}, a panel each, "
        "with a row for each protocol.",
    )
