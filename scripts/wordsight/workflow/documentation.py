"""Generate parts of the documentation from the code: ``python -m wordsight.workflow.documentation``.

The tables of a document are between two comments, ``<!-- generated: NAME -->`` and ``<!-- end -->``; the rest
is written by hand. ``make lock`` updates them.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wordsight.catalogue import display, observed
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.prose import join
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.record import Metric, Protocol
from wordsight.config.experiment import Config
from wordsight.config.load import load, read
from wordsight.errors import DataError, WordsightError
from wordsight.files.disk import write_text
from wordsight.files.project import SCRIPTS
from wordsight.protocols.rows import SCHEMA
from wordsight.tables.schemas import SCHEMAS
from wordsight.workflow import keys, measured
from wordsight.workflow.markdown import table

ROOT = SCRIPTS.parent
GENERATED = re.compile(r"(?<=<!-- generated: )([^\n]+?)( -->\n)(.*?)(?=<!-- end -->\n)", flags=re.DOTALL)

# Configurations whose encoders have a document of their own, in the order of its tables.
ENCODERS = ("paper", "matched")

GUESSING = {
    "most_frequent": "share of the most frequent class",
    "classes": "one over the number of classes",
    "recorded": "recorded, as `chance`",
    "unknown": "not known",
}


def files() -> dict[Path, str]:
    """Every file that is generated or has generated parts, and the text that it should have.

    Raises
    ------
    DataError
        When a document has no place or several for a part, or a place for an unknown part.
    """
    schema = Config.model_json_schema()
    documents = {
        "config/README.md": configuration(schema),
        "docs/results.md": {**results(), **measured.replication()},
        "docs/method.md": {"protocols": protocols(), "attacked images": measured.attacked_images()},
        "docs/matched-training.md": {
            "objectives": objectives(),
            "networks": measured.networks(),
            "adversarial": measured.adversarial(),
        },
        "docs/encoders.md": {name: encoders(name) for name in ENCODERS},
        "docs/reliability.md": {"faults": measured.faults()},
    }
    texts = {
        ROOT / "config/schema.json": json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    }
    for name, parts in documents.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        texts[ROOT / name] = filled(text, parts, name)
    return texts


def filled(text: str, parts: Mapping[str, str], name: str) -> str:
    """Put generated parts into their places in a document; errors call it ``name``."""
    places = [found[1] for found in GENERATED.finditer(text)]
    for part in parts:
        if places.count(part) != 1:
            raise DataError(
                f"{name}: the generated part {part!r} needs exactly one place, between the lines "
                f"'<!-- generated: {part} -->' and '<!-- end -->'; found {places.count(part)}"
            )
    if unknown := sorted(set(places) - set(parts)):
        raise DataError(f"{name}: unknown generated part {unknown[0]!r}; valid: {', '.join(parts)}")
    return GENERATED.sub(lambda found: f"{found[1]}{found[2]}\n{parts[found[1]]}\n", text)


# The configuration


def configuration(schema: keys.Schema) -> dict[str, str]:
    """Keys of every section of the configuration, and of every source and protocol."""
    known, top = keys.Keys(schema), keys.keys_of(schema)
    parts = {"top level": _keys([known.row(name, key) for name, key in top.items()])}
    for name in ("datasets", "models", "text_models"):
        sources = {
            f"`{name}.<name>` with `source: {source}`": section
            for source, section in known.sources(top[name]).items()
        }
        parts[name] = _members(known, sources)
    for name in ("corpora", "pretraining", "features", "contrasts", "conclusions", "statistics"):
        parts[name] = _keys(known.rows(keys.keys_of(known.section(top[name]))))
    sections = keys.keys_of(known.section(top["protocols"]))
    parts["protocols"] = _members(
        known, {f"`protocols.{name}`": known.section(key) for name, key in sections.items()}
    )
    parts["selecting models"] = _keys(known.rows(keys.keys_of(schema["$defs"]["Selector"])))
    return parts


def _members(known: keys.Keys, sections: Mapping[str, keys.Schema]) -> str:
    """Keys that the sections share, then each section's own keys under a heading."""
    common = keys.shared(list(sections.values()))
    parts = [_keys(known.rows(common))]
    for heading, section in sections.items():
        words = section["description"].replace("``", "`")
        parts += [f"### {heading}\n", f"{words}\n", _keys(known.rows(keys.own(section, common)))]
    return "\n".join(parts)


def _keys(rows: Iterable[keys.Row]) -> str:
    return table(keys.Row._fields, rows)


# The results


def results() -> dict[str, str]:
    """Columns of every table, columns of the rows, and what metrics, flags and cells mean."""
    columns = ("column", "unit", "meaning")
    return {
        **{
            schema.file: table(columns, [(f"`{c.name}`", c.unit, c.meaning) for c in schema.columns])
            for schema in SCHEMAS.values()
        },
        "rows": table(columns, [(f"`{name}`", *observed.COLUMNS[name]) for name in SCHEMA.names]),
        "metrics": "\n".join(map(_metrics, PROTOCOLS.values())),
        "flags": table(("flag", "meaning"), [(f"`{name}`", words) for name, words in display.FLAGS.items()]),
        "cells": table(
            ("cell", "tested on"), [(f"`{name}`", words) for name, words in display.CELLS.items()]
        ),
    }


def _metrics(record: Protocol) -> str:
    head = ("metric", "name in figures", "observed of each", "unit", "mode", "meaning")
    rows = [(f"`{name}`", *_metric(record, metric)) for name, metric in record.metrics.items()]
    return f"### {record.title}\n\n{table(head, rows)}"


def _metric(record: Protocol, metric: Metric) -> tuple[str, ...]:
    observed_of = "concept" if record.cells and metric.observed == "image" else metric.observed
    modes = metric.mode or ("sound" if record.cells or record.sound_only else "both")
    return metric.words, observed_of, metric.unit, modes, metric.meaning


# Protocols and objectives


def protocols() -> str:
    """What each protocol asks, which metric decides, and what it reads."""
    head = ("protocol", "key", "question", "judged by", "guessing", "reads")
    rows = [
        (
            record.title,
            f"`{name}`",
            record.question,
            join([f"`{metric}`" for metric in record.comparable], "or"),
            GUESSING[record.metrics[record.primary].chance],
            _reads(record),
        )
        for name, record in PROTOCOLS.items()
    ]
    return table(head, rows)


def _reads(record: Protocol) -> str:
    named = {"train": "training", "test": "test", "corrupted": "corrupted test"}
    splits = " and ".join(named[split] for split in record.reads if split in named)
    views = "; in paper mode, those of augmented training images" if "views" in record.reads else ""
    cells = " of concepts in several styles" if record.cells else ""
    encoder = ", test images, and the encoder itself" if record.runs_encoder else ""
    baseline = "; the results of the baseline" if "baseline" in record.reads else ""
    return f"{splits} features{cells}{encoder}{baseline}{views}"


def objectives() -> str:
    """What each objective learns from and asks, and what a comparison with it isolates."""
    head = ("objective", "learns from", "asks for", "language", "isolates")
    rows = [
        (f"`{name}`", one.learns_from, one.asks, one.language, one.isolates)
        for name, one in OBJECTIVES.items()
    ]
    return table(head, rows)


# Encoders


SEEN = ("images seen", "views", "recipe")


def encoders(name: str) -> str:
    """What a configuration says of each of its trained encoders."""
    head = ("encoder", "from", "SHA-256", "tensors", "learned from", "images", *SEEN, "licence")
    config = load(read(ROOT / f"config/{name}.yaml"))
    rows = [
        (
            f"`{model}`",
            _origin(section),
            f"`{section.sha256}`" if section.sha256 else "",
            _tensors(section),
            section.pretraining_data,
            f"{section.pretraining_images:,}",
            f"{section.images_seen:,}" if section.images_seen else "",
            str(section.views or ""),
            section.recipe or "",
            section.licence or ("not stated" if section.source == "checkpoint" else "the library's"),
        )
        for model, section in config.models.items()
        if section.source != "random" and config.network(model) == model
    ]
    return table(head, rows)


def _origin(section: Any) -> str:
    """Addresses of a checkpoint, or the names by which a library knows the weights."""
    if section.source == "checkpoint":
        return "<br>".join(f"<{address}>" for address in section.addresses)
    names = (section.name, getattr(section, "weights", None) or getattr(section, "pretrained", None))
    return f"{section.source} {' '.join(f'`{name}`' for name in names if name)}"


def _tensors(section: Any) -> str:
    """Where in its file a checkpoint has its tensors, and the network that they are of."""
    if section.source != "checkpoint":
        return ""
    layout = f"layout `{section.layout}`" if section.layout != "torch" else ""
    key = f"key `{section.key}`" if section.key else ""
    prefix = f"prefix `{section.prefix}`" if section.prefix else ""
    return ", ".join(part for part in (f"`{section.architecture}`", layout, key, prefix) if part)


if __name__ == "__main__":
    try:
        for path, text in files().items():
            write_text(path, text)
    except WordsightError as error:
        sys.exit(f"wordsight: error: {error}")
