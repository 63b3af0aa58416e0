"""A chart as files: Vega-Lite, SVG, PNG and PDF."""

from io import BytesIO
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from PIL import Image

from wordsight.files.disk import atomic, write_json, write_text

VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
SCALE = 2  # pixels of the PNG for each of the figure's


def save(chart: Any, json: Path | str, svg: Path | str, png: Path | str, pdf: Path | str) -> None:
    """Write a chart in every format; equal charts give equal JSON and SVG."""
    spec = chart.to_dict()
    write_json(json, spec)
    drawing = vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    write_text(svg, drawing)
    _write_png(drawing, png)
    with atomic(pdf) as temporary:
        temporary.write_bytes(vl_convert.svg_to_pdf(drawing))


def save_png(chart: Any, path: Path | str) -> None:
    """Write a chart without photographs as a picture of at most 256 colours, which is a tenth as large."""
    drawing = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=VERSION)
    with atomic(path) as temporary, Image.open(BytesIO(vl_convert.svg_to_png(drawing, scale=SCALE))) as image:
        image.convert("RGB").quantize(dither=Image.Dither.NONE).save(temporary, "PNG", optimize=True)


def _write_png(drawing: str, path: Path | str) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(vl_convert.svg_to_png(drawing, scale=SCALE))
