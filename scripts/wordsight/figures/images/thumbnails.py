"""Thumbnails as data addresses, so that a figure needs no other file."""

import base64
import io
from collections.abc import Collection

from PIL import Image, ImageDraw

from wordsight.datasets.reading import Split

SIDE = 64  # pixels of the longer side of a picture
COLOURS = 64  # colours of a picture; all colours would take three times the space


def thumbnails(split: Split, places: Collection[int]) -> dict[int, str]:
    """Thumbnails of the images at some indices of a split, with the border that its licence requires."""
    images, border = split.images(set(places)), split.card.border
    return {
        place: thumbnail(image, border) for place, (_, image) in zip(sorted(set(places)), images, strict=True)
    }


def thumbnail(image: Image.Image, border: str | None = None) -> str:
    """Address ``data:image/png`` of an RGB image, its longer side near :data:`SIDE`.

    A smaller image is magnified by a whole number, so that its pixels stay square. ``border`` is the name of
    a colour for a border of one pixel.
    """
    longer = max(image.size)
    small = longer <= SIDE
    scale = SIDE // longer if small else SIDE / longer
    width, height = (max(1, round(side * scale)) for side in image.size)
    how = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    picture = image.resize((width, height), how)
    if border:
        ImageDraw.Draw(picture).rectangle((0, 0, width - 1, height - 1), outline=border)
    buffer = io.BytesIO()
    picture.quantize(COLOURS).save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
