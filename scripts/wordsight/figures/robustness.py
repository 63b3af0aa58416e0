"""Robustness: accuracy against the largest change that an attack may make to a pixel."""

from typing import Any

import altair as alt

from wordsight.figures.data import Tables, measured, modes
from wordsight.figures.panels import curves, dodge
from wordsight.figures.style import counted, finish

GAP = 4.0  # factor between the smallest radius and the place of the clean images, which a log axis has not


def draw(tables: Tables) -> Any:
    """Curves over epsilon by dataset, the clean images apart at the left, with the level of guessing."""
    rows = measured(tables, "robustness", "accuracy", "epsilon")
    radii = sorted(map(float, set(rows.loc[rows["setting"] > 0, "setting"])))
    clean = radii[0] / GAP if radii else 1.0
    place = rows["setting"].where(rows["setting"] > 0, clean)
    rows = rows.assign(
        position=place * dodge(rows, tables.names, 1.25), piece=(rows["setting"] > 0).astype(int)
    )
    x = alt.X(
        "position:Q",
        scale=alt.Scale(type="log", domain=[clean / 1.6, (radii or [clean])[-1] * 1.6], nice=False),
        axis=alt.Axis(
            values=[
                clean,
                *(10.0**power for power in range(-9, 1) if 10.0**power >= 0.99 * (radii or [1])[0]),
            ],
            grid=False,
            labelExpr=f"datum.value < {clean * 1.01!r} ? 'clean' : format(datum.value, '~g')",
        ),
        title="radius: largest change of a pixel, of its range",
    )
    return finish(
        curves(rows, tables, x, "accuracy under attack", alt.Tooltip("setting:Q", title="radius")),
        "Robustness: how small a change makes the classifier wrong?",
        [f"{modes(rows)}; images still right after the attack; bars: ± 1 standard error; dashed: guessing"],
        f"Accuracy of {counted(rows['model'].nunique(), 'model')} without attack and under attacks of "
        f"{counted(len(radii), 'radius', 'radii')} on {counted(rows['dataset'].nunique(), 'dataset')}, "
        "one panel each; bars are one standard error.",
    )
