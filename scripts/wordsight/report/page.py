"""The page itself: everything in one file, so that it opens offline and can be sent."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
import yaml
from markupsafe import Markup

from wordsight import labels
from wordsight.figures.export import VERSION
from wordsight.report import record, tables
from wordsight.report.answer import Answer, all_notes, answers, opening, told
from wordsight.report.cautions import cautions
from wordsight.report.run import Run
from wordsight.storage import write_text

TEMPLATES = Path(__file__).with_name("templates")
LARGEST_DOWNLOAD = 200_000  # bytes of a table that the page carries; a larger one lies beside it
SEVERAL = 4  # answers up to which each is told in full


@dataclass(frozen=True)
class Figure:
    """A figure as exported, with its caption."""

    name: str
    caption: str
    svg: str
    spec: dict[str, Any]

    @property
    def title(self) -> str:
        """Heading of the figure's place in the page."""
        return labels.protocol(self.name)

    @property
    def image(self) -> Markup:
        """SVG to put into the page; what names hold was escaped by its writer."""
        return Markup(self.svg)  # noqa: S704

    @property
    def data(self) -> Markup:
        """Vega-Lite as JSON that is safe inside a script element."""
        text = json.dumps(self.spec, separators=(",", ":"), sort_keys=True)
        return Markup(text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"))  # noqa: S704


@dataclass(frozen=True)
class Download:
    """A table to save: carried by the page, or None where it is too large."""

    name: str
    href: str | None


def write_verdicts(path: Path | str, run: Run, report: str) -> None:
    """Write the answer as plain lines for a terminal, with the place of the report."""
    lines = [run.config["title"], "", opening(run)]
    first, others = told(answers(run))
    for answer in first:
        lines += ["", f"{answer.headline} (contrast {answer.contrast})."]
        lines += [f"  {line}" for line in _told_in_text(answer, brief=len(first) > SEVERAL)]
    lines += ["", "Other contrasts:"] if others else []
    lines += [f"  {answer.headline} (contrast {answer.contrast})." for answer in others]
    notes = all_notes([*first, *others])
    lines += ["", *notes] if notes else []
    warnings = cautions(run)
    if warnings:
        lines += ["", "Warnings, explained in the report:", *(f"  {caution.title}" for caution in warnings)]
    write_text(path, "\n".join([*lines, "", f"Report: {report}", ""]))


def _told_in_text(answer: Answer, *, brief: bool) -> list[str]:
    """Lines of an answer; briefly only what is decided, since the headline counts the rest."""
    if not brief:
        return [line.sentence for line in answer.lines]
    return [f"{line.heading}: {line.brief}" for line in answer.lines if line.verdict != "undecided"]


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
    figures : in any order; the summary comes first
    benchmarks : folder of Snakemake's benchmark files
    digests : of the code of each step
    """
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            **_results(run),
            **_record(run, figures, benchmarks, digests),
            **_scripts(figures),
            downloads=downloads,
        )
    )
    write_text(path, page)


def download(path: Path | str) -> Download:
    """Table of a file, to be carried by the page."""
    content = Path(path).read_bytes()
    if len(content) > LARGEST_DOWNLOAD:
        return Download(str(path), None)
    return Download(Path(path).name, f"data:text/csv;base64,{base64.b64encode(content).decode()}")


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _results(run: Run) -> dict[str, Any]:
    """What the page says of the results."""
    first, others = told(answers(run))
    full = tables.full_table(run)
    return {
        "title": run.config["title"],
        "opening": opening(run),
        "answers": first,
        "others": others,
        "brief": len(first) > SEVERAL,
        "notes": all_notes([*first, *others]),
        "cautions": cautions(run),
        "cells": tables.cell_tables(run),
        "primary": tables.primary_tables(run),
        "contrasts": tables.contrast_tables(run),
        "full": full,
        "left_out": len(run.results) - len(full.rows),
        "datasets": tables.dataset_table(run),
        "trained": tables.training_table(run),
        "models": tables.model_table(run),
        "threshold": max(card["duplicates"]["threshold"] for card in run.datasets.values()),
        "modes": run.modes(),
        "config": run.config,
    }


def _record(
    run: Run, figures: list[Figure], benchmarks: Path | str, digests: dict[str, str]
) -> dict[str, Any]:
    """What the page says of how the results came about."""
    left_out = {name for name, section in run.config["protocols"].items() if section is None}
    names = {*run.models, *run.config["datasets"], *(figure.name for figure in figures)}
    jobs = record.benchmarks(benchmarks, names, left_out)
    return {
        "yaml": yaml.safe_dump(
            run.config, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
        ),
        "software": record.software(),
        "machine": record.machine(),
        "costs": record.costs(jobs),
        "speeds": record.speeds(jobs, run.datasets, {name: run.shown(name) for name in run.models}),
        "digests": digests,
        "written": datetime.now(UTC),
    }


def _scripts(figures: list[Figure]) -> dict[str, Any]:
    """Scripts of the page, and their digests: the page forbids every other script, and every connection."""
    own = [(TEMPLATES / name).read_text(encoding="utf-8") for name in ("hydrate.js", "sort.js")]
    scripts = [vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VERSION), *own]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return {
        "figures": sorted(figures, key=lambda figure: figure.name != "summary"),
        "scripts": [Markup(script) for script in scripts],  # noqa: S704
        "script_sources": " ".join(f"'sha256-{digest}'" for digest in hashes),
    }
