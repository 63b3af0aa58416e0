"""The words for protocols, groups, cells, metrics, settings, verdicts and flags in figures and report."""

import math

from wordsight.catalogue.numbers import estimated
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.protocols import PROTOCOLS

CELLS = {
    "seen-concepts.seen-style": "seen concepts, seen style",
    "seen-concepts.unseen-style": "seen concepts, unseen style",
    "unseen-concepts.seen-style": "unseen concepts, seen style",
    "unseen-concepts.unseen-style": "unseen concepts, unseen style",
}

METRICS = {name: found.words for record in PROTOCOLS.values() for name, found in record.metrics.items()}

# The mark of each verdict, for those who cannot tell the colours apart.
VERDICTS = {"helps": "▲", "hurts": "▼", "equivalent": "■", "undecided": "○", "identical": "="}
# The same for the verdict on the measured encoders alone.
ENCODERS = {"higher": "▲", "lower": "▼", "equivalent": "■", "undecided": "○", "identical": "="}

REASONS = {
    "": "",
    "too few models": "too few models for a verdict about training",
    "overlap": "the data neither show a difference nor rule one out",
    "constant": "nothing varies, so it cannot be tested",
}

FLAGS = {
    "few replicates": "fewer than five replicates",
    "ceiling": "scores near the highest possible",
    "floor": "scores near guessing",
    "unconverged": "a linear classifier did not converge",
    "not learned": "a training run did not learn",
    "near duplicates": "test images have near twins in training",
    "flips without one model": "the verdict changes when one replicate is left out",
    "flips without one dataset": "the verdict changes when one dataset is left out",
    "flips elsewhere": "the verdict changes when features are read at another place",
    "confounded": "the sides also differ in other ways",
    "collapsed seed": "a seed scores far below the others of its objective",
    "modes disagree": "sound and paper mode disagree",
    "attack self-check": "an attack failed its self-check",
}


def protocol(name: str) -> str:
    """Title of a protocol or of another figure."""
    return PROTOCOLS[name].title if name in PROTOCOLS else name.replace("_", " ").capitalize()


def group(name: str) -> str:
    """Words for a group of ``objectives.csv``: the title of an objective, or the name of a model."""
    return OBJECTIVES[name].title if name in OBJECTIVES else name


def dataset(name: str) -> str:
    """Name of a dataset, or words for a cell."""
    return CELLS.get(name, name)


def metric(name: str) -> str:
    """Name of a metric in words."""
    return METRICS.get(name, name.replace("_", " "))


def flags(found: str) -> list[str]:
    """Split a cell of ``flags`` into the names of the findings of the audit.

    >>> flags("ceiling; confounded"), flags("")
    (['ceiling', 'confounded'], [])
    """
    return [name for name in found.split("; ") if name]


def flag(name: str) -> str:
    """Finding of the audit in plain words."""
    return FLAGS.get(name, name)


def more_needed(replicates: float | None) -> str:
    """Words for ``more_replicates`` of ``contrasts.csv``: how many more a comparison needs.

    >>> more_needed(12.3), more_needed(math.inf), more_needed(0.0)
    ('≈13', 'more would not help', '0')
    """
    if replicates is None or math.isnan(replicates):
        return ""
    if math.isinf(replicates):
        return "more would not help"
    return f"≈{estimated(replicates)}" if replicates > 0 else "0"


def setting(parameter: str, value: float) -> str:
    """Words for a setting; empty for a protocol without one.

    >>> setting("shots", 5.0)
    '5 shots'
    """
    if parameter == "shots":
        return f"{value:g} shot{'' if value == 1 else 's'}"
    if parameter == "epsilon":
        return f"radius {value:g}" if value else "clean images"
    return f"{parameter.replace('_', ' ')} {value:g}" if parameter else ""


def comparison(protocol_name: str, parameter: str, value: float, by: str = "") -> str:
    """Title of a protocol at a setting, such as ``Few-shot, 5 shots``, with the metric if it was chosen."""
    parts = protocol(protocol_name), setting(parameter, value), chosen(protocol_name, by)
    return ", ".join(part for part in parts if part)


def chosen(protocol_name: str, metric_name: str) -> str:
    """Words for a metric that a contrast chose; empty for the protocol's main one.

    >>> chosen("transfer", "balanced_accuracy"), chosen("transfer", "accuracy")
    ('balanced accuracy', '')
    """
    main = PROTOCOLS[protocol_name].primary if protocol_name in PROTOCOLS else metric_name
    return metric(metric_name) if metric_name not in ("", main) else ""


def training(language: str, pretraining_images: int, robust: bool = False) -> str:
    """Say how an encoder was trained.

    >>> training("captions", 400_000_000), training("none", 0)
    ('trained with captions', 'untrained')
    """
    if language == "none" and pretraining_images == 0:
        return "untrained"
    what = {"captions": "with captions", "labels": "on labels", "none": "without language"}[language]
    return f"trained {what}{' against attacks' if robust else ''}"
