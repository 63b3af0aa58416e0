"""Adversarial examples: what attacks make of images, what they add, and what these are then taken for."""

from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.figures.style import FAINT, FONT, INK, finish, panel_title, short
from wordsight.tables.reading import Tables

SIDE, STEP, LETTERS = 60, 136, 19  # pixels: of an image, between pairs of images; letters of a name below
CLEAN = "image"  # name of the row of images as they are


def draw(tables: Tables) -> Any:
    """A grid for each dataset: a column for each image, a row for the images and one for each encoder."""
    found = tables.examples
    if found is None:
        raise DataError("adversarial examples: there are no images to show")
    names = [part["dataset"] for part in found["datasets"]]
    return finish(
        alt.vconcat(*map(_panel, found["datasets"]), spacing=24),
        "Adversarial examples: what do attacks make of images?",
        [
            "left: the image after the smallest attack that makes the classifier wrong; right: what it adds,",
            "the largest change magnified to white or black; below: the class it is taken for, the radius",
        ],
        f"Images of {', '.join(names)} after attacks, by encoder, with what these added and the class that "
        "each is then taken for.",
    )


def _panel(part: dict[str, Any]) -> Any:
    rows = pd.DataFrame([*_clean(part), *_attacked(part)])
    base = alt.Chart(rows).encode(
        x=alt.X("place:O", axis=None, scale=alt.Scale(domain=list(range(1, len(part["images"]) + 1)))),
        y=alt.Y(
            "row:N",
            sort=None,
            scale=alt.Scale(domain=list(dict.fromkeys(rows["row"]))),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelPadding=8),
        ),
        tooltip=[
            alt.Tooltip("item:N", title="image"),
            alt.Tooltip("row:N", title="encoder"),
            alt.Tooltip("became:N", title="class"),
            alt.Tooltip("broken:N", title="attack"),
        ],
    )
    pictures = [
        base.transform_filter(f"isValid(datum.{field})")
        .mark_image(width=SIDE, height=SIDE, xOffset=offset, yOffset=-14)
        .encode(url=f"{field}:N")
        for field, offset in (("alone", 0), ("attacked", -SIDE / 2 - 2), ("added", SIDE / 2 + 2))
    ]
    name = base.mark_text(dy=SIDE // 2 - 5, font=FONT, fontSize=11, color=INK).encode(text="short:N")
    radius = base.mark_text(dy=SIDE // 2 + 9, font=FONT, fontSize=11, color=FAINT).encode(text="broken:N")
    return alt.layer(*pictures, name, radius).properties(
        title=panel_title(part["dataset"], counted(len(part["images"]), "image")),
        width=alt.Step(STEP),
        height=alt.Step(SIDE + 42),
    )


def _clean(part: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each image as it is."""
    return [
        {
            "row": CLEAN, "place": place, "item": image["item"], "became": image["class"],
            "short": short(image["class"], LETTERS), "broken": "", "alone": image["image"],
        }
        for place, image in enumerate(part["images"], start=1)
    ]  # fmt: skip


def _attacked(part: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each encoder and image."""
    return [
        {
            "row": display.group(encoder["group"]), "place": place, "item": image["item"],
            "became": attack["class"] or "", "short": short(attack["class"] or "", LETTERS),
            "broken": _words(attack["radius"]), "attacked": attack["attacked"], "added": attack["added"],
        }
        for encoder in part["encoders"]
        for place, (image, attack) in enumerate(zip(part["images"], encoder["attacks"], strict=True), start=1)
    ]  # fmt: skip


def _words(radius: float | None) -> str:
    if radius is None:
        return "never broken"
    return f"at {radius:.3g}" if radius else "without attack"
