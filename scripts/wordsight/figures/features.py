"""Features: test images of a dataset in the plane, placed by the features of several encoders."""

from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.figures.style import MUTED, columns_that_fit, finish, isolated, look, panel_title, zoom
from wordsight.tables.over_seeds import names_of
from wordsight.tables.reading import Tables

MOST = 10  # most classes with a legend
SIDE = 250  # pixels of a panel
SPACE = alt.Scale(domain=[-1.08, 1.08], nice=False)


def draw(tables: Tables) -> Any:
    """One panel for each encoder, with a mark for each image, coloured by class; all show the same images."""
    found = tables.examples
    if found is None:
        raise DataError("features: there are no images to show")
    points, classes = _points(found), found["classes"]
    names = names_of(tables.results)
    picked, opacity = isolated("class", 0.9)
    panels: list[Any] = []
    for place, panel in enumerate(found["panels"]):
        marks = _marks(points[points["panel"] == place], classes, opacity)
        marks = marks if panels else marks.add_params(picked)
        name = names.get(panel["model"], panel["model"])
        title = panel_title(name, panel["model"] if name != panel["model"] else "")
        panels.append(marks.add_params(zoom(place)).properties(title=title, width=SIDE, height=SIDE))
    count, shown = len(found["items"]), len(set(points["class"]))
    encoders = counted(len(panels), "encoder")
    return finish(
        alt.concat(*panels, columns=columns_that_fit(len(panels), SIDE + 30)),
        "Features: do the images of a class lie together?",
        [
            f"{counted(count, 'test image')} of {found['dataset']} in the plane by t-SNE, cosine distances; "
            "coloured by class, one training run of each encoder",
            "close images have similar features; the axes and the distances between groups mean nothing",
        ],
        f"The features of {counted(count, 'test image')} of {found['dataset']}, of "
        f"{counted(shown, 'class', 'classes')}, for {encoders}, one panel each.",
    )


def _points(found: dict[str, Any]) -> pd.DataFrame:
    """One row for each image and panel, with the name of its class."""
    parts = [
        pd.DataFrame(
            {
                "panel": place,
                "x": panel["x"],
                "y": panel["y"],
                "class": [found["classes"][item["class"]] for item in found["items"]],
                "image": [item["id"] for item in found["items"]],
            }
        )
        for place, panel in enumerate(found["panels"])
    ]
    return pd.concat(parts, ignore_index=True)


def _marks(points: pd.DataFrame, classes: list[str], opacity: Any) -> Any:
    few = len(set(points["class"])) <= MOST
    channels = look(classes, set(points["class"]), legend=few, field="class", colours=MUTED)
    plain: dict[str, Any] = {"scale": SPACE, "axis": None}
    return (
        alt.Chart(points[["x", "y", "class", "image"]])
        .mark_point(filled=True, size=30, clip=True)
        .encode(
            x=alt.X("x:Q", **plain),
            y=alt.Y("y:Q", **plain),
            color=channels["color"],
            shape=channels["shape"],
            opacity=opacity,
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("image:N")],
        )
    )
