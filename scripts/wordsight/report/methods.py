"""The methods paragraphs for a paper, from the configuration as run and the tables.

They describe only what ran, and take every number from the configuration, a card or a table.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.numbers import percent
from wordsight.catalogue.objectives import OBJECTIVES, reads_sentences
from wordsight.catalogue.prose import Cite, Piece, Sentence, counted, join
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.record import Mode, Protocol
from wordsight.models.card import ModelCard
from wordsight.report import phrases
from wordsight.report.references import (
    OF_ARCHITECTURE,
    OF_DATASET,
    OF_PACKAGE,
    PAPER,
    WORDSIGHT,
    cited,
    latex,
)
from wordsight.report.run import Run, Trained
from wordsight.statistics.analyses import (
    ELSEWHERE,
    INTERQUARTILE,
    META,
    MIXED,
    WITHOUT_DATASET,
    WITHOUT_MODEL,
)

Software = Sequence[tuple[str, str]]
MOST_NAMED = 12  # encoders not trained here; if there are more, they are only counted


def methods_text(run: Run, software: Software) -> str:
    """Methods paragraphs as plain text, with sources in brackets.

    Parameters
    ----------
    software : names and versions, as :func:`wordsight.report.made_with.software` gives them
    """
    return _written(run, software, _plain)


def _plain(piece: Piece) -> str:
    """Write a part of a sentence as text; wordsight is not cited, since its name and version are given."""
    if isinstance(piece, str):
        return piece
    keys = [key for key in piece.keys if key != WORDSIGHT]
    return f" ({cited(keys)})" if keys else ""


def methods_latex(run: Run, software: Software) -> str:
    r"""The same in LaTeX, with ``\cite`` and the keys of :func:`wordsight.report.made_with.citations`."""

    def marked_up(piece: Piece) -> str:
        return latex(piece) if isinstance(piece, str) else f"~\\cite{{{','.join(piece.keys)}}}"

    return _written(run, software, marked_up)


def cited_keys(run: Run, software: Software) -> list[str]:
    """Keys of all sources, in the order of their citations."""
    sentences = (sentence for paragraph in _paragraphs(run, software) for sentence in paragraph)
    cites = (piece for sentence in sentences for piece in sentence if isinstance(piece, Cite))
    return list(dict.fromkeys(key for cite in cites for key in cite.keys))


def _written(run: Run, software: Software, write: Callable[[Piece], str]) -> str:
    paragraphs = [
        " ".join("".join(map(write, sentence)) for sentence in paragraph)
        for paragraph in _paragraphs(run, software)
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _paragraphs(run: Run, software: Software) -> list[list[Sentence]]:
    return [
        [*_encoders(run, software), *_datasets(run)],
        list(_protocols(run)),
        list(_statistics(run)),
        list(_packages(run, software)),
    ]


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _its(number: int) -> str:
    return "its" if number == 1 else "their"


def _listed(entries: Sequence[Sentence]) -> Sentence:
    """Join parts of a sentence with semicolons, and end with a full stop."""
    ends = ["; "] * (len(entries) - 1) + ["."]
    return [piece for entry, end in zip(entries, ends, strict=True) for piece in (*entry, end)]


def _source(key: str | None) -> Sentence:
    return [Cite((key,))] if key else []


# Encoders and data


def _encoders(run: Run, software: Software) -> Iterator[Sentence]:
    number = counted(len(run.models), "frozen image encoder")
    name = " ".join(["wordsight", dict(software).get("wordsight", "")]).strip()
    start = f"{number} {_was(len(run.models))} evaluated with {name}"
    yield [start, Cite((WORDSIGHT,)), ", which re-implements a published evaluation", Cite((PAPER,)), "."]
    yield from _trained_here(run)
    yield from _not_trained_here([card for card in run.not_trained_here() if card.source != "random"])
    untrained = [card.name for card in run.not_trained_here() if card.source == "random"]
    if untrained:
        names = f": {join(untrained)}" if len(untrained) <= MOST_NAMED else ""
        yield [f"{counted(len(untrained), 'encoder')} with random weights served as a baseline{names}."]


def _trained_here(run: Run) -> Iterator[Sentence]:
    """What the encoders trained by the workflow share, and how they differ."""
    groups = run.trained()
    initial = groups.pop("untrained", [])
    if initial:
        number, network = counted(len(initial), "encoder"), initial[0].card.architecture
        yield [f"{number} of the architecture {network} kept {_its(len(initial))} random initial weights."]
    if not groups:
        return
    models = [model for group in groups.values() for model in group]
    yield _shared_training(models, run.config["pretraining"])
    objectives: list[Sentence] = [
        [display.group(name), *_source(OBJECTIVES[name].source), f", {counted(len(group), 'seed')}"]
        for name, group in groups.items()
    ]
    differ = "They differ only in the training objective: " if len(models) > 1 else "The objective was "
    yield [differ, *_listed(objectives)]
    rates = {model.training.learning_rate for model in models} - {None}
    if rates:
        lowest, highest = min(filter(None, rates)), max(filter(None, rates))
        several = f"Each objective had its own learning rate, from {lowest:g} to {highest:g}."
        yield [several if len(rates) > 1 else f"The learning rate was {lowest:g}."]
    if any(map(reads_sentences, groups)):
        yield ["Sentences were encoded by the frozen all-MiniLM-L6-v2", Cite(("reimers2019",)), "."]


def _shared_training(models: Sequence[Trained], section: Mapping[str, Any]) -> Sentence:
    """Network, images and optimiser, which all training runs share."""
    images = max(model.training.images for model in models)
    seen = max(model.training.images_seen for model in models)
    network = models[0].card
    return [
        f"{counted(len(models), 'encoder')} of one architecture ({network.architecture}, "
        f"{network.parameters:,} parameters) {_was(len(models))} trained from scratch on "
        f"{counted(images, 'image')} of {section['images']}, in {seen:,} views of {section['resolution']} by "
        f"{section['resolution']} pixels and batches of {section['batch_size']}, by AdamW",
        Cite(("loshchilov2019",)),
        f" with a weight decay of {section['optimiser']['weight_decay']:g}.",
    ]


def _not_trained_here(cards: Sequence[ModelCard]) -> Iterator[Sentence]:
    """Encoders used with existing weights, by name, or counted if there are many."""
    if not cards:
        return
    kinds = [display.training(card.language, card.pretraining_images, card.robust) for card in cards]
    entries: list[Sentence] = [
        [
            f"{card.name} ({card.architecture}",
            *_source(OF_ARCHITECTURE.get(card.architecture)),
            f", {kind}, {counted(card.pretraining_images, 'image')} of {card.pretraining_data})",
        ]
        for card, kind in zip(cards, kinds, strict=True)
    ]
    if len(cards) > MOST_NAMED:
        entries = [[f"{number} {kind}"] for kind, number in Counter(kinds).items()]
    number = counted(len(cards), "encoder")
    yield [f"{number} {_was(len(cards))} used with existing weights: ", *_listed(entries)]


def _datasets(run: Run) -> Iterator[Sentence]:
    entries: list[Sentence] = []
    for name, card in run.datasets.items():
        train, test = card.splits.train.items, card.splits.test.items
        images = (f"{train:,} training and " if train else "") + counted(test, "test image")
        classes = f", {counted(len(card.classes), 'class', 'classes')}" if card.classes else ""
        known = OF_DATASET.get(run.config["datasets"].get(name, {}).get("name"))
        entries.append([name, *_source(known), f" ({images}{classes})"])
    if entries:
        yield ["The data were ", *_listed(entries)]


# Protocols


WHICH = {
    "sound": "which corrects those choices of the authors that bias results",
    "paper": "which keeps the authors' choices",
}


@dataclass(frozen=True)
class Described:
    """A protocol that ran, as described in the Method part of the page.

    Attributes
    ----------
    datasets : names of the datasets it ran on
    sentence : the method, with sources in brackets
    measures : its primary metric and its other metrics
    """

    record: Protocol
    mode: Mode
    datasets: str
    sentence: str
    measures: str


def described(run: Run) -> list[Described]:
    """Describe each protocol that ran, in the order of the configuration."""
    return [
        Described(
            PROTOCOLS[name],
            mode,
            _datasets_of(name, run),
            _capital("".join(map(_plain, _method(name, run)))) + ".",
            _measures(PROTOCOLS[name], run.results),
        )
        for name, mode in run.modes().items()
    ]


def _measures(record: Protocol, results: pd.DataFrame) -> str:
    recorded = {record.primary, *results.loc[results["protocol"] == record.name, "metric"]}
    others = [metric.words for name, metric in record.metrics.items() if name in recorded - {record.primary}]
    also = f" Also recorded: {'; '.join(others)}." if others else ""
    return f"Judged by: {record.metrics[record.primary].words}.{also}"


def _protocols(run: Run) -> Iterator[Sentence]:
    by_mode: dict[Mode, list[str]] = {}
    for name, mode in run.modes().items():
        by_mode.setdefault(mode, []).append(display.protocol(name).lower())
    for mode, names in by_mode.items():
        yield [f"{_capital(join(names))} ran in {mode} mode, {WHICH[mode]}."]
    for name in run.modes():
        yield [f"{display.protocol(name)} ({_datasets_of(name, run)}): ", *_method(name, run), "."]


def _method(name: str, run: Run) -> Sentence:
    """Sentence from the record of a protocol, with the values of this run."""
    return PROTOCOLS[name].method(run.config["protocols"][name], run.modes()[name])


def _datasets_of(protocol: str, run: Run) -> str:
    section = run.config["protocols"][protocol]
    return join(list(section.get("datasets", [section.get("dataset", "")])))


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


# Statistics and software


def _statistics(run: Run) -> Iterator[Sentence]:
    rows, section = run.contrasts, run.config["statistics"]
    if rows.empty:
        return
    metrics = join([display.metric(metric) for metric in dict.fromkeys(rows["metric"])])
    number = counted(rows["contrast"].nunique(), "contrast")
    yield [f"{number} compared treatments with controls on the same images and draws, by {metrics}."]
    yield ["Effects are differences of means; all datasets have the same weight."]
    yield [
        f"Their {percent(section['confidence'])} intervals and tests use Student's t, with the variance that "
        "replicates, trials and images contribute and Satterthwaite's degrees of freedom",
        Cite(("satterthwaite1946",)),
        ", which are limited when replicates are few.",
    ]
    yield [
        "Percentile intervals of a hierarchical bootstrap over the same levels, with "
        f"{section['resamples']:,} resamples",
        Cite(("owen2007",)),
        ", are also reported.",
    ]
    yield [_replicates(run)]
    yield _verdicts(run)
    families = Counter(row.family for row in run.deciding())
    if families:
        named = [f"{name} ({counted(size, 'comparison')})" for name, size in families.items()]
        yield [
            "Both p-values were multiplied by the number of comparisons in their family (Bonferroni), so "
            f"that all verdicts of a family hold together: {join(named)}.",
        ]
    yield [f"Minimum detectable effects are for a power of {percent(section['power'])}."]
    yield from _looks(run)
    yield from _sensitivity(run)


def _looks(run: Run) -> Iterator[Sentence]:
    """The looks that were declared, and the level of the present one."""
    reached: dict[str, list[float]] = {}
    for row in run.deciding():
        if row.look:
            reached.setdefault(row.look, []).append(row.level)
    if not reached:
        return
    seeds = join(list(map(str, run.config["statistics"]["looks"])))
    now = join([f"{look} (a level of {_levels(levels)} for each family)" for look, levels in reached.items()])
    yield [
        f"Verdicts were planned for {seeds} seeds, and the level was spent over these looks by the function "
        "of Lan and DeMets that resembles the bounds of O'Brien and Fleming",
        Cite(("landemets1983",)),
        f"; these are the verdicts of look {now}.",
    ]


def _levels(levels: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{level:.2g}" for level in (min(levels), max(levels)))
    return " to ".join(ends)


# What each analysis leaves out.
LEFT_OUT = {WITHOUT_MODEL: "replicate", WITHOUT_DATASET: "dataset"}


def _sensitivity(run: Run) -> Iterator[Sentence]:
    """Sensitivity analyses: other ways in which effects were estimated."""
    if run.sensitivity is None:
        return
    rows = run.sensitivity[run.sensitivity["effect"].notna()]
    numbers = Counter(rows["analysis"])
    left_out = [noun for analysis, noun in LEFT_OUT.items() if analysis in numbers]
    if left_out:
        without = join(left_out, "or")
        yield [f"Each effect with a verdict was estimated again, leaving out one {without} at a time."]
    if ELSEWHERE in numbers:
        places = join(list(dict.fromkeys(rows.loc[rows["analysis"] == ELSEWHERE, "left_out"])), "or")
        yield [
            "Effects of networks that were read in several places were estimated again with the features of "
            f"another one: {places}."
        ]
    if INTERQUARTILE in numbers:
        yield ["Interquartile means of both sides were compared by Yuen's test."]
    if META in numbers:
        yield [
            f"For {counted(numbers[META], 'effect')} over several datasets, a meta-analysis treated the "
            "datasets as random effects",
            Cite(("dersimonian1986", "hartung2001")),
            ", with I squared as the measure of heterogeneity",
            Cite(("higgins2002",)),
            ".",
        ]
    if MIXED in numbers:
        yield [
            f"For {counted(numbers[MIXED], 'effect')}, a linear mixed model included the logarithm of the "
            "pretraining size and the architecture, if they vary, with random effects of models and "
            "datasets."
        ]
    if numbers:
        yield ["These analyses are not corrected for the number of comparisons."]


def _replicates(run: Run) -> str:
    """What counts as a replicate, and the smallest and largest number of them."""
    spans = []
    for kind, part in run.contrasts.groupby("replicate"):
        low, high = part["replicates"].min(), part["replicates"].max()
        spans.append(f"{kind} ({low}{f' to {high}' if high > low else ''})")
    return f"Replicates are {join(spans)}; images do not count as replicates."


def _verdicts(run: Run) -> Sentence:
    by_margin: dict[str, list[str]] = {}
    for row in run.deciding():
        where = by_margin.setdefault(f"{row.margin:.2g}", [])
        where += [] if phrases.protocol(row.protocol) in where else [phrases.protocol(row.protocol)]
    each = [f"{margin} for {join(where)}" for margin, where in by_margin.items()]
    margins = "; ".join(each) if len(each) > 1 else next(iter(by_margin), "")
    alpha = 1 - run.config["statistics"]["confidence"]
    return [
        f"At a level of {alpha:.2g}, a treatment helps or hurts when a test rejects the hypothesis of "
        "no difference, and is equivalent when two one-sided tests",
        Cite(("schuirmann1987",)),
        f" reject a difference as large as the margin{', which is ' if margins else ''}{margins}.",
    ]


def _packages(run: Run, software: Software) -> Iterator[Sentence]:
    versions = {name: version for name, version in software if version != "not installed"}
    named: list[Sentence] = [[f"Python {versions['python']}"]] if "python" in versions else []
    for name in _used(run):
        if name in versions:
            title, key = OF_PACKAGE[name]
            version = versions[name].removesuffix(" (locked)").replace(" ", " or ")
            named.append([f"{title} {version}", Cite((key,))])
    if named:
        yield ["Computed with ", *_listed(named)]
    yield [f"Every random draw derives from the seed {run.config['seed']}."]


def _used(run: Run) -> list[str]:
    """Packages that this run used, in the order of the list."""
    families = {card.architecture.split("/")[0] for card in run.models.values()}
    sources = families | {card.source for card in run.models.values()}
    sources |= {section.get("source") for section in run.config["datasets"].values()}
    needed = {
        "torchvision": "torchvision" in sources,
        "timm": "timm" in sources,
        "open-clip-torch": "open_clip" in sources,
        "transformers": "huggingface" in families or any(map(reads_sentences, run.trained())),
        "foolbox": run.modes().get("robustness") == "paper",
        "statsmodels": not run.contrasts.empty,
    }
    return [name for name in OF_PACKAGE if needed.get(name, True)]
