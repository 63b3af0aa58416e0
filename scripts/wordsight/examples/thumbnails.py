"""Small pictures, as addresses that hold the picture itself: a figure needs no other file."""

import base64
import io
from collections.abc import Collection

from PIL import Image

from wordsight.datasets import Split

SIDE = 64  # pixels of the longer side of a picture
COLOURS = 64  # of a picture, which take a third of the space of all


def thumbnails(split: Split, places: Collection[int]) -> dict[int, str]:
    """Thumbnails of the images at some places of a split."""
    images = split.images(set(places))
    return {place: thumbnail(image) for place, (_, image) in zip(sorted(set(places)), images, strict=True)}


def thumbnail(image: Image.Image) -> str:
    """Address ``data:image/png`` of an RGB image, its longer side near :data:`SIDE`.

    An image of fewer pixels is magnified by a whole number, so that each of its pixels stays a square.
    """
    longer = max(image.size)
    small = longer <= SIDE
    scale = SIDE // longer if small else SIDE / longer
    width, height = (max(1, round(side * scale)) for side in image.size)
    how = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    buffer = io.BytesIO()
    image.resize((width, height), how).quantize(COLOURS).save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
