"""The page: one file with everything in it, so that it opens offline and can be sent."""

import base64
import gzip
import hashlib
import json
import re
import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import itables
import jinja2
import vl_convert
import yaml
from markupsafe import Markup, escape

from wordsight.catalogue import display
from wordsight.catalogue.numbers import percent
from wordsight.catalogue.prose import counted, join
from wordsight.errors import DataError
from wordsight.files.disk import write_text
from wordsight.report import costs, made_with, methods, phrases
from wordsight.report.answer import all_notes, answers, first_and_others
from wordsight.report.card_tables import dataset_table, model_table, training_table
from wordsight.report.cautions import cautions
from wordsight.report.effect_tables import conclusion_tables, contrast_tables, sensitivity_tables, sides
from wordsight.report.headline import headline
from wordsight.report.protocol_tables import cell_tables, primary_tables
from wordsight.report.run import Run

TEMPLATES = Path(__file__).with_name("templates")
DATATABLES = Path(itables.__file__).with_name("html") / "dt_bundle.js"
OWN_SCRIPTS = ("common.js", "figures.js", "tables.js", "rows.js")
LARGEST_TABLE = 1_000_000  # bytes of a packed table; for a larger one the page names the file instead
MOST_PDF = 1_100_000  # bytes of all PDFs inside the page; it links to the files of the others
FIRST = "overview"  # the figure that opens the page
RESULTS = "results.csv"  # the table that numbers link to
SEVERAL = 4  # up to this many contrasts are shown in full
TERMINAL = 100  # letters in a line of the answer as text
SCREEN = 25  # most lines of it
LISTED = 6  # contrasts that the terminal lists
MARKS = "Tests: ▲ better, ▼ worse, ■ as good within the margin, ○ undecided, = identical"


@dataclass(frozen=True)
class Figure:
    """An exported figure with its caption; if ``pdf`` is empty, the page links to the file instead."""

    name: str
    caption: str
    svg: str
    spec: dict[str, Any]
    pdf: bytes = b""

    @property
    def title(self) -> str:
        """Heading of the figure in the page."""
        return display.protocol(self.name)

    @property
    def image(self) -> Markup:
        """SVG to put into the page; its writer has escaped all names."""
        return Markup(self.svg)  # noqa: S704

    @property
    def vega_lite(self) -> str:
        """Version of Vega-Lite that the figure is written for, such as ``6.1``."""
        *_, version = self.spec["$schema"].removesuffix(".json").split("/")
        return ".".join(version.removeprefix("v").split(".")[:2])

    @property
    def data(self) -> str:
        """Vega-Lite specification as packed JSON."""
        return packed(json.dumps(self.spec, separators=(",", ":"), sort_keys=True).encode())


@dataclass(frozen=True)
class Download:
    """A table to save; ``packed`` is empty if it is too large for the page.

    Attributes
    ----------
    place : path of the file, for readers who have the whole folder
    """

    name: str
    place: str
    packed: str


def write_verdicts(path: Path | str, run: Run, report: str) -> None:
    """Write the answer as at most :data:`SCREEN` lines for a terminal, with the path of the report.

    The same results give the same text, so it does not mention how long the run took.
    """
    said, found = headline(run), answers(run)
    listed = [answer for answer in first_and_others(found)[0] if answer.counts][:LISTED]
    width = max((len(answer.counts) for answer in listed), default=0)
    counts = [f"{answer.counts:{width}}  {answer.question or answer.title}" for answer in listed]
    warnings, left = len(cautions(run)), len(found) - len(listed)
    more = [
        counted(number, noun) for number, noun in ((warnings, "warning"), (left, "more contrast")) if number
    ]
    title = _wrapped(run.config["title"], lines=2)
    below = [
        [MARKS, *(line for text in counts for line in _wrapped(text, lines=1))] if counts else [],
        [line for limit in said.limits for line in _wrapped(f"- {limit}", lines=1)],
        [*([f"The report has {join(more)}."] if more else []), f"Report: {report}"],
    ]
    parts = [title, *filter(None, below)]
    left_over = SCREEN - sum(len(part) + 1 for part in parts)  # an empty line follows each but the last
    parts.insert(1, _wrapped(f"{said.sentence} {said.counts}", lines=left_over))
    write_text(path, "\n\n".join("\n".join(part) for part in parts) + "\n")


def _wrapped(text: str, *, lines: int) -> list[str]:
    """So many lines of a text that fit into a terminal; dots end what is cut.

    Names can hold control characters, which a terminal would obey.
    """
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(text, TERMINAL, max_lines=lines, placeholder=" …", break_on_hyphens=False)


def write_report(
    path: Path | str,
    run: Run,
    figures: list[Figure],
    downloads: list[Download],
    *,
    benchmarks: Path | str,
    digests: dict[str, str],
) -> None:
    """Write the page.

    Parameters
    ----------
    figures : in any order; the overview opens the page, and the summary comes first among the others
    downloads : tables to save; numbers link to rows of :data:`RESULTS`
    benchmarks : folder of Snakemake's benchmark files
    digests : digest of the code of each step
    """
    with_pdf = _with_pdf(figures)
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            **_results(run),
            **_record(run, figures, benchmarks, digests),
            **_scripts(figures),
            first_figures=[found for found in with_pdf if found[0].name == FIRST],
            figures=[found for found in with_pdf if found[0].name != FIRST],
            downloads=downloads,
            rows=next((table.place for table in downloads if table.name == RESULTS), RESULTS),
        )
    )
    write_text(path, page)


def download(path: Path | str) -> Download:
    """Read a table that the page offers to save."""
    content = packed(Path(path).read_bytes())
    return Download(Path(path).name, str(path), content if len(content) <= LARGEST_TABLE else "")


def packed(content: bytes) -> str:
    """Compress bytes into text that is safe inside markup; equal bytes give equal text."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _with_pdf(figures: Collection[Figure]) -> list[tuple[Figure, str]]:
    """Figures, the summary first, each with the address of its PDF; the smallest PDFs go into the page."""
    hrefs, total = {}, 0
    for figure in sorted(figures, key=lambda figure: len(figure.pdf)):
        total += len(figure.pdf)
        if figure.pdf and total <= MOST_PDF:
            hrefs[figure.name] = f"data:application/pdf;base64,{base64.b64encode(figure.pdf).decode()}"
    ordered = sorted(figures, key=lambda figure: figure.name != "summary")
    return [(figure, hrefs.get(figure.name, f"figures/{figure.name}.pdf")) for figure in ordered]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(text: str) -> Markup:
    """A text whose long names can break after an underscore, as they can after a hyphen."""
    return Markup(escape(text).replace("_", Markup("_<wbr>")))  # noqa: S704


def _results(run: Run) -> dict[str, Any]:
    """Values for the part of the page about results."""
    first, others = first_and_others(answers(run))
    contrasts = contrast_tables(run)
    return {
        "title": run.config["title"],
        "opening": headline(run),
        "answers": first,
        "others": others,
        "at_a_glance": list(dict.fromkeys(line.heading for answer in first for line in answer.lines)),
        "notes": all_notes([*first, *others]),
        "marks": display.VERDICTS,
        "cautions": cautions(run),
        "cells": cell_tables(run),
        "primary": primary_tables(run),
        "contrasts": contrasts,
        "folded": len(contrasts) > SEVERAL,
        "conclusions": conclusion_tables(run),
        "radii": _radii(run),
        "sensitivity": sensitivity_tables(run),
        "sides": _for_script(sides(run)),
        "measurements": len(run.results),
        "datasets": dataset_table(run),
        "trained": training_table(run),
        "models": model_table(run),
        "threshold": max(card.duplicates.threshold for card in run.datasets.values()),
        "protocols": methods.described(run),
        "confidence": percent(run.config["statistics"]["confidence"]),
        "power": percent(run.config["statistics"]["power"]),
        "config": run.config,
    }


def _radii(run: Run) -> str:
    """What the margin of the robust area is in radii of attack; empty where that is not compared."""
    rows = [row for row in run.deciding() if row.metric == "robust_area"]
    if not rows:
        return ""
    radii = phrases.in_radii("robust_area", rows[0].margin, run)
    return radii and f"{phrases.margin(rows[0])} of the robust area, which is {radii}"


def _for_script(value: Any) -> Markup:
    """JSON that is safe inside a script element of the page."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"))  # noqa: S704


def _record(
    run: Run, figures: list[Figure], benchmarks: Path | str, digests: dict[str, str]
) -> dict[str, Any]:
    """Values for the part of the page about how the results were made."""
    left_out = {name for name, section in run.config["protocols"].items() if section is None}
    names = {*run.models, *run.config["datasets"], *(figure.name for figure in figures)}
    jobs = costs.benchmarks(benchmarks, names, left_out)
    software = made_with.software()
    return {
        "yaml": yaml.safe_dump(
            run.config, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
        ),
        "software": software,
        "machine": made_with.machine(),
        "costs": costs.costs(jobs),
        "wall_time": costs.wall_time(jobs),
        "energy_note": costs.energy_note(),
        "speeds": costs.speeds(
            jobs, run.datasets, {name: run.shown(name) for name in run.models}, run.passed()
        ),
        "methods_text": methods.methods_text(run, software),
        "methods_latex": methods.methods_latex(run, software),
        "licences": made_with.licences(run),
        "citations": [reference.bibtex for reference in made_with.citations(run)],
        "digests": digests,
        "written": datetime.now(UTC),
    }


def _scripts(figures: Collection[Figure]) -> dict[str, Any]:
    """Scripts of the page and their digests: the page forbids all other scripts and all connections."""
    version = next((figure.vega_lite for figure in figures), None)
    scripts = [
        _vega(version),
        _datatables(),
        *((TEMPLATES / name).read_text(encoding="utf-8") for name in OWN_SCRIPTS),
    ]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return {
        "scripts": [Markup(script) for script in scripts],  # noqa: S704
        "script_sources": " ".join(f"'sha256-{digest}'" for digest in hashes),
    }


@cache
def _vega(version: str | None) -> str:
    """Vega-Embed with all that it needs, for a version of Vega-Lite; bundling it takes a second."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return bundle


def _datatables() -> str:
    """DataTables as a script instead of a module: its exports become ``window.DataTables``."""
    code = DATATABLES.read_text(encoding="utf-8")
    exports = re.search(r"export\{([^}]*)\};", code)
    if exports is None:
        raise DataError(
            f"{DATATABLES}: itables {itables.__version__} ships DataTables without the exports that the page "
            "needs; install the version of itables that uv.lock names"
        )
    members = re.sub(r"([\w$]+) as ([\w$]+)", r"\2:\1", exports[1])
    code = code.replace(exports[0], f"window.DataTables={{{members}}};")
    return f"(()=>{{'use strict';{code}\n}})();"
