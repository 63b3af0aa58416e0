"""Robust images: the images that attacks break first, and those that they break last."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.figures.style import FAINT, FONT, INK, finish, panel_title, short
from wordsight.tables.reading import Tables

SIDE, STEP, LETTERS = 76, 126, 19  # pixels: of an image, between images; letters of a name below it
MANY = 16  # a tooltip has no room for more groups
ENDS = {"least": "least robust", "most": "most robust"}


def draw(tables: Tables) -> Any:
    """Two rows of images for each dataset, the least and the most robust, with the radius that broke them."""
    found = tables.examples
    if found is None:
        raise DataError("robust images: there are no images to show")
    panels = [_panel(part) for part in found["datasets"]]
    names = [part["dataset"] for part in found["datasets"]]
    return finish(
        alt.vconcat(*panels, spacing=24),
        "Robust images: which images do attacks break first, and which last?",
        [
            "ordered by the radius that breaks an image, on a logarithmic scale, mean over encoders",
            "below each image: its class and the median of that radius over encoders",
        ],
        f"The least and the most robust images of {', '.join(names)}, with the radius that breaks each.",
    )


def _panel(part: dict[str, Any]) -> Any:
    rows, fields = _rows(part)
    shown = [words for words in ENDS.values() if words in set(rows["end"])]
    base = alt.Chart(rows).encode(
        x=alt.X("place:O", axis=None, scale=alt.Scale(domain=list(range(1, int(rows["place"].max()) + 1)))),
        y=alt.Y(
            "end:N",
            sort=None,
            scale=alt.Scale(domain=shown),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelPadding=8),
        ),
        tooltip=[alt.Tooltip(f"{field}:N", title=title) for field, title in fields.items()],
    )
    images = base.mark_image(width=SIDE, height=SIDE, yOffset=-14).encode(url="image:N")
    name = base.mark_text(dy=SIDE // 2 - 5, font=FONT, fontSize=11, color=INK).encode(text="short:N")
    radius = base.mark_text(dy=SIDE // 2 + 9, font=FONT, fontSize=11, color=FAINT).encode(text="broken:N")
    count = counted(part["images"], "attacked image")
    groups = counted(len(part["least"][0]["radii"]), "encoder")
    return alt.layer(images, name, radius).properties(
        title=panel_title(part["dataset"], f"{count}, {groups}"),
        width=alt.Step(STEP),
        height=alt.Step(SIDE + 44),
    )


def _rows(part: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row for each image, and the titles of the lines of the tooltip by column."""
    groups = list(part["least"][0]["radii"])
    by_group = {f"group{place}": display.group(group) for place, group in enumerate(groups)}
    extremes = {"range": "smallest and largest radius"}
    rows = [
        {
            "end": words,
            "place": place,
            "image": image["image"],
            "item": image["item"],
            "class": image["class"],
            "short": short(image["class"], LETTERS),
            "broken": _words(_median(image["radii"])),
            "range": f"{_words(_sorted(image['radii'])[0])}; {_words(_sorted(image['radii'])[-1])}",
            **{f"group{i}": _words(image["radii"][group]) for i, group in enumerate(groups)},
        }
        for end, words in ENDS.items()
        for place, image in enumerate(part[end], start=1)
    ]
    lines = by_group if len(groups) <= MANY else extremes
    fields = {"class": "class", "item": "image", "broken": "median over encoders", **lines}
    kept = ["end", "place", "short", *fields]
    frame = pd.DataFrame(rows)
    return frame[[*kept, "image"]], fields


def _sorted(radii: dict[str, float | None]) -> list[float]:
    return sorted(np.inf if radius is None else radius for radius in radii.values())


def _median(radii: dict[str, float | None]) -> float:
    """Lower median, which is always a radius of the grid."""
    found = _sorted(radii)
    return found[(len(found) - 1) // 2]


def _words(radius: float | None) -> str:
    if radius is None or np.isinf(radius):
        return "never broken"
    return f"broken at {radius:.3g}" if radius else "wrong without attack"
