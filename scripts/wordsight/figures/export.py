"""A chart as files: Vega-Lite, SVG, PNG and PDF."""

from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from wordsight.files.disk import atomic, write_json, write_text

VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
SCALE = 2  # pixels of the PNG for each of the figure's


def save(chart: Any, json: Path | str, svg: Path | str, png: Path | str, pdf: Path | str) -> None:
    """Write a chart in every format; equal charts give equal JSON and SVG."""
    spec = chart.to_dict()
    write_json(json, spec)
    write_text(svg, vl_convert.vegalite_to_svg(spec, vl_version=VERSION))
    save_png(chart, png)
    with atomic(pdf) as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_pdf(spec, vl_version=VERSION))


def save_png(chart: Any, path: Path | str) -> None:
    """Write a chart as a picture."""
    with atomic(path) as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_png(chart.to_dict(), vl_version=VERSION, scale=SCALE))
