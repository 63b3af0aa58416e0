"""The methods paragraphs of a paper, from the configuration as run and the tables.

Nothing is said of what did not run, and every number is the configuration's, a card's or a table's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from wordsight.catalogue import display
from wordsight.catalogue.objectives import OBJECTIVES, reads_sentences
from wordsight.catalogue.prose import Cite, Piece, Sentence, counted, join
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.report.references import (
    OF_ARCHITECTURE,
    OF_DATASET,
    OF_PACKAGE,
    PAPER,
    WORDSIGHT,
    cited,
    latex,
)
from wordsight.report.run import Run
from wordsight.statistics.analyses import META, MIXED, WITHOUT_DATASET, WITHOUT_MODEL
from wordsight.tables.joined import training

Software = Sequence[tuple[str, str]]
MOST_NAMED = 12  # encoders from elsewhere; more of them are counted


def methods_text(run: Run, software: Software) -> str:
    """Methods paragraphs as plain text, with sources in brackets.

    Parameters
    ----------
    software : names and versions, as :func:`wordsight.report.made_with.software` gives them
    """

    def plain(piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        keys = [key for key in piece.keys if key != WORDSIGHT]  # which the sentence names with its version
        return f" ({cited(keys)})" if keys else ""

    return _written(run, software, plain)


def methods_latex(run: Run, software: Software) -> str:
    r"""The same in LaTeX, with ``\cite`` and the keys of :func:`wordsight.report.made_with.citations`."""

    def marked_up(piece: Piece) -> str:
        return latex(piece) if isinstance(piece, str) else f"~\\cite{{{','.join(piece.keys)}}}"

    return _written(run, software, marked_up)


def cited_keys(run: Run, software: Software) -> list[str]:
    """Keys of all sources in the order in which the paragraphs cite them."""
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
    """Parts of a sentence with semicolons between, and a full stop at the end."""
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
    if run.trained():
        yield from _trained(run)
    elsewhere = [card for card in run.models.values() if not training(card)]
    weighted = [card for card in elsewhere if card["source"] != "random"]
    if weighted:
        yield _elsewhere(weighted)
    untrained = [card["name"] for card in elsewhere if card["source"] == "random"]
    if untrained:
        names = f": {join(untrained)}" if len(untrained) <= MOST_NAMED else ""
        yield [f"{counted(len(untrained), 'encoder')} with random weights served as a baseline{names}."]


def _trained(run: Run) -> Iterator[Sentence]:
    """What the workflow's own encoders share, and in what they differ."""
    section, groups = run.config["pretraining"], run.trained()
    initial = groups.pop("untrained", [])
    if initial:
        network, number = initial[0]["architecture"], counted(len(initial), "encoder")
        yield [f"{number} of the architecture {network} kept {_its(len(initial))} random initial weights."]
    cards = [card for group in groups.values() for card in group]
    if not cards:
        return
    own = [training(card) for card in cards]
    images, seen = (max(card[key] for card in own) for key in ("images", "images_seen"))
    network = f"{cards[0]['architecture']}, {cards[0]['parameters']:,} parameters"
    yield [
        f"{counted(len(cards), 'encoder')} of one architecture ({network}) {_was(len(cards))} trained from "
        f"scratch on {counted(images, 'image')} of {section['images']}, in {seen:,} views of "
        f"{section['resolution']} by {section['resolution']} pixels and batches of "
        f"{section['batch_size']}, by AdamW",
        Cite(("loshchilov2019",)),
        f" with a weight decay of {section['optimiser']['weight_decay']:g}.",
    ]
    yield [
        f"{'They differ' if len(cards) > 1 else 'It differs'} in the training objective alone: ",
        *_listed(
            [
                [display.group(name), *_source(OBJECTIVES[name].source), f", {counted(len(group), 'seed')}"]
                for name, group in groups.items()
            ]
        ),
    ]
    rates = {card["learning_rate"] for card in own if card["learning_rate"] is not None}
    if rates:
        several = f"Learning rates, one an objective, were {min(rates):g} to {max(rates):g}."
        yield [several if len(rates) > 1 else f"The learning rate was {min(rates):g}."]
    if any(map(reads_sentences, groups.keys())):
        yield ["Sentences were vectors of the frozen all-MiniLM-L6-v2", Cite(("reimers2019",)), "."]


def _elsewhere(cards: Sequence[Mapping[str, Any]]) -> Sentence:
    """Encoders that came with their weights, by name, or counted where they are many."""
    start = f"{counted(len(cards), 'encoder')} came with {_its(len(cards))} weights: "
    kinds = [display.training(card["language"], card["pretraining_images"], card["robust"]) for card in cards]
    if len(cards) > MOST_NAMED:
        return [start, *_listed([[f"{number} {kind}"] for kind, number in Counter(kinds).items()])]
    entries: list[Sentence] = [
        [
            f"{card['name']} ({card['architecture']}",
            *_source(OF_ARCHITECTURE.get(card["architecture"])),
            f", {kind}, {counted(card['pretraining_images'], 'image')} of {card['pretraining_data']})",
        ]
        for card, kind in zip(cards, kinds, strict=True)
    ]
    return [start, *_listed(entries)]


def _datasets(run: Run) -> Iterator[Sentence]:
    entries: list[Sentence] = []
    for name, card in run.datasets.items():
        train, test = (card["splits"][split]["items"] for split in ("train", "test"))
        images = (f"{train:,} training and " if train else "") + counted(test, "test image")
        classes = f", {counted(len(card['classes']), 'class', 'classes')}" if card["classes"] else ""
        known = OF_DATASET.get(run.config["datasets"].get(name, {}).get("name"))
        entries.append([name, *_source(known), f" ({images}{classes})"])
    if entries:
        yield ["The data were ", *_listed(entries)]


# Protocols


def _protocols(run: Run) -> Iterator[Sentence]:
    by_mode: dict[str, list[str]] = {}
    for name, mode in run.modes().items():
        by_mode.setdefault(mode, []).append(display.protocol(name).lower())
    words = {"sound": "with the corrections of wordsight's sound mode", "paper": "with the authors' choices"}
    if by_mode:
        said = "; ".join(f"{join(names)} {words[mode]}" for mode, names in by_mode.items())
        yield [f"Protocols were {said}."]
    for name, mode in run.modes().items():
        section = run.config["protocols"][name]
        where = join(list(section.get("datasets", [section.get("dataset", "")])))
        yield [f"{display.protocol(name)} ({where}): ", *PROTOCOLS[name].method(section, mode), "."]


# Statistics and software


def _statistics(run: Run) -> Iterator[Sentence]:
    rows, section = run.contrasts, run.config["statistics"]
    if rows.empty:
        return
    metrics = join([display.metric(metric) for metric in dict.fromkeys(rows["metric"])])
    number = counted(rows["contrast"].nunique(), "contrast")
    yield [f"{number} compared treatments with controls on the same images and draws, by {metrics}."]
    yield ["Effects are differences of means, over datasets in equal parts."]
    yield [
        f"Their {100 * section['confidence']:g}% intervals and tests are of Student's t on the components of "
        "variance between replicates, trials and images, with degrees of freedom after Satterthwaite",
        Cite(("satterthwaite1946",)),
        ", held low where replicates are few; beside them stand percentile intervals of a bootstrap over the "
        f"same levels with {section['resamples']:,} resamples",
        Cite(("owen2007",)),
        ".",
    ]
    yield [_replicates(run)]
    yield _verdicts(run)
    families = Counter(family for family in rows["family"] if family)
    if families:
        named = [f"{name} ({counted(size, 'comparison')})" for name, size in families.items()]
        yield [
            "Both p were corrected by Holm's method",
            Cite(("holm1979",)),
            f" within families: {join(named)}.",
        ]
    yield [f"Minimum detectable effects are for a power of {100 * section['power']:g}%."]
    yield from _sensitivity(run)


# What an analysis leaves out.
LEFT_OUT = {WITHOUT_MODEL: "replicate", WITHOUT_DATASET: "dataset"}


def _sensitivity(run: Run) -> Iterator[Sentence]:
    """In which other ways effects were estimated, as far as they could be."""
    if run.sensitivity is None:
        return
    rows = run.sensitivity[run.sensitivity["effect"].notna()]
    numbers = Counter(rows["analysis"])
    left_out = [noun for analysis, noun in LEFT_OUT.items() if analysis in numbers]
    if left_out:
        yield [f"Effects that decide were estimated again without one {join(left_out, 'or')} at a time."]
    if META in numbers:
        yield [
            f"For {counted(numbers[META], 'effect')} over several datasets, a meta-analysis took "
            "datasets as random effects",
            Cite(("dersimonian1986", "hartung2001")),
            ", with I squared as the measure of heterogeneity",
            Cite(("higgins2002",)),
            ".",
        ]
    if MIXED in numbers:
        yield [
            f"For {counted(numbers[MIXED], 'effect')}, a linear mixed model had the logarithm of "
            "pretraining size and the architecture beside the contrast, as far as they vary, and models and "
            "datasets as random effects."
        ]
    if numbers:
        yield ["None of these is corrected for the number of comparisons."]


def _replicates(run: Run) -> str:
    """What counts as a replicate, and how many there are at least and at most."""
    spans = []
    for kind, part in run.contrasts.groupby("replicate"):
        low, high = part["replicates"].min(), part["replicates"].max()
        spans.append(f"{kind} ({low}{f' to {high}' if high > low else ''})")
    return f"Replicates are {join(spans)}, never images."


def _verdicts(run: Run) -> Sentence:
    pairs = dict(zip(run.contrasts["metric"], run.contrasts["margin"], strict=True)).items()
    margins = join([f"{margin:g} of {display.metric(metric)}" for metric, margin in pairs])
    alpha = 1 - run.config["statistics"]["confidence"]
    return [
        f"At a level of {alpha:.2g}, a treatment is said to help or hurt when no difference is rejected, and "
        "to be equivalent when two one-sided tests",
        Cite(("schuirmann1987",)),
        f" reject a difference as large as the margin of {margins}.",
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
    """Distributions that this run stands on, in the order of the list."""
    families = {card["architecture"].split("/")[0] for card in run.models.values()}
    sources = families | {card["source"] for card in run.models.values()}
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
