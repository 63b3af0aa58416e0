"""Which files a configuration asks for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.figures import FIGURES
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.experiment import Config
from wordsight.statistics.comparison import Comparison
from wordsight.workflow.pairing import resolve

FIGURE_FORMATS = ("json", "svg", "png", "pdf")
MOST_PANELS, MOST_CONTRASTS = 6, 3  # encoders and contrasts that a figure of single images shows


def targets(config: Config) -> list[str]:
    """Files of ``rule all``: the report, the tables, figures in every format, texts and their vectors."""
    figures = [
        f"results/figures/{name}.{suffix}" for name in figure_names(config) for suffix in FIGURE_FORMATS
    ]
    report = ["results/report.html", "results/verdicts.txt", "results/tables/results.csv"]
    return [*report, *figures, *text_features(config), *corpora(config)]


def text_features(config: Config) -> list[str]:
    """Vectors of the class names of every dataset that some protocol runs on, of every text model."""
    return [
        f"results/text_features/{model}/{dataset}.safetensors"
        for model in config.text_models
        for dataset in evaluated_datasets(config)
    ]


def corpora(config: Config) -> list[str]:
    """Cards of the prepared corpora."""
    return [f"resources/corpora/{name}/card.json" for name in config.corpora]


def figure_names(config: Config) -> list[str]:
    """Figures of a configuration: one for each protocol that runs, then the others that it has data for."""
    there = {
        "": True,
        "training": bool(trained_models(config)),
        "features": bool(embedded_models(config)),
        "attacks": "robustness" in config.protocols.running,
        "confusions": bool(confused(config)),
    }
    return [*config.protocols.running, *(name for name, figure in FIGURES.items() if there[figure.needs])]


def example_names(config: Config) -> list[str]:
    """Figures of single images, which have data of their own."""
    return [name for name in figure_names(config) if name in FIGURES and FIGURES[name].images]


def embedded_dataset(config: Config) -> str | None:
    """Dataset whose features are shown: the first of those that most encoders pass."""
    passed = {name: len(passing(config, name)) for name in config.datasets}
    most = max(passed, key=lambda name: passed[name])
    return most if passed[most] else None


def embedded_models(config: Config) -> list[str]:
    """Encoders whose features are shown: one seed of each objective, those of the contrasts first."""
    dataset = embedded_dataset(config)
    passed = passing(config, dataset) if dataset else []
    compared = [model for comparison in resolve(config) for pair in comparison.pairs for model in pair]
    first: dict[str, str] = {}
    for model in [*compared, *passed]:
        if model in passed:
            first.setdefault(group(config, model), model)
    return list(first.values())[:MOST_PANELS]


def passing(config: Config, dataset: str) -> list[str]:
    """Models that some protocol asks for the features of a dataset's test images."""
    asked = {
        model
        for protocol, section in config.protocols.running.items()
        if not PROTOCOLS[protocol].runs_encoder and dataset in section.covered
        for model in models_for(config, protocol, dataset)
    }
    return [model for model in config.models if model in asked]


def group(config: Config, model: str) -> str:
    """Objective of a model, whose seeds count as one; of a model from elsewhere, its name."""
    return getattr(config.models[model], "objective", model)


def confused(config: Config) -> list[Comparison]:
    """Contrasts whose confusions are shown: the first about language, else the first of all.

    A contrast is about language when no language is on both sides. Transfer has to run on all its models.
    """
    section = config.protocols.running.get("transfer")
    if section is None or config.protocol_mode("transfer") != "sound" or not section.covered:
        return []
    able = set(config.select(section.models))
    found = [
        comparison
        for comparison in resolve(config)
        if {model for pair in comparison.pairs for model in pair} <= able
    ]
    about = [comparison for comparison in found if not set.intersection(*_languages(config, comparison))]
    return about[:MOST_CONTRASTS] or found[:1]


def pictured_datasets(config: Config) -> list[str]:
    """Datasets that the figures of single images read, in the order of the configuration."""
    protocols = {"robust_images": "robustness", "confusions": "transfer"}
    shown = example_names(config)
    used = {embedded_dataset(config)} if "features" in shown else set()
    for figure, protocol in protocols.items():
        if figure in shown:
            used |= set(config.protocols.running[protocol].covered)
    return [name for name in config.datasets if name in used]


def _languages(config: Config, comparison: Comparison) -> list[set[str]]:
    return [{config.models[model].language for model in side} for side in comparison.sides]


def protocol_results(config: Config) -> list[str]:
    """Results of every protocol, for every model it applies to and every dataset or cell it measures."""
    return [
        f"results/{protocol}/{model}/{part}.parquet"
        for protocol, section in config.protocols.running.items()
        for dataset in section.covered
        for part in measured_parts(protocol, dataset)
        for model in models_for(config, protocol, dataset)
    ]


def measured_parts(protocol: str, dataset: str) -> list[str]:
    """What the rows of a protocol name as their dataset: it, or its four cells across styles."""
    return list(CELLS) if PROTOCOLS[protocol].cells else [dataset]


def models_for(config: Config, protocol: str, dataset: str) -> list[str]:
    """Models that a protocol applies to: all, but an attack on their own classifier needs one that fits."""
    models = config.select(config.protocols.running[protocol].models)
    attacked_here = attacked(config, protocol).get(dataset)
    if attacked_here is not None and attacked_here.head == "own":
        space = config.datasets[dataset].label_space
        models = [name for name in models if config.models[name].classifier == space]
    return models


def attacked(config: Config, protocol: str) -> dict[str, Any]:
    """What a protocol that runs the encoder reads of each dataset; nothing for other protocols."""
    section = config.protocols.running[protocol]
    return dict(section.datasets) if PROTOCOLS[protocol].runs_encoder else {}


def trained_models(config: Config) -> list[str]:
    """Models that the workflow trains itself."""
    return [name for name, model in config.models.items() if model.source == "pretrain"]


def models_by_job(config: Config) -> list[str]:
    """Models of which a job covers all datasets: the trained ones, or all where none is trained."""
    if config.jobs_by == "dataset":
        return []
    return trained_models(config) or list(config.models)


def passed_by_all(config: Config) -> list[str]:
    """Datasets whose features every model of ``models_by_job`` is asked for, in the configuration's order."""
    asked = set(models_by_job(config))
    used = {
        dataset
        for protocol, section in config.protocols.running.items()
        if not PROTOCOLS[protocol].runs_encoder  # which would not run on every model
        for dataset in section.covered
        if asked <= set(models_for(config, protocol, dataset))
    }
    return [name for name in config.datasets if name in used]


def evaluated_datasets(config: Config) -> list[str]:
    """Datasets that at least one protocol runs on, in the order of the configuration."""
    used = {name for section in config.protocols.running.values() for name in section.covered}
    return [name for name in config.datasets if name in used]


def features_together(config: Config, split: str) -> list[str]:
    """Features of a split of all datasets that every trained encoder passes through, for one model."""
    return [f"results/features/{{model}}/{dataset}/{split}.safetensors" for dataset in passed_by_all(config)]


@dataclass(frozen=True)
class Evaluation:
    """A rule for a protocol that reads features.

    Attributes
    ----------
    rule : its name
    outputs : patterns of its files
    place : the wildcards in them, as a path
    models : those that it is for
    """

    rule: str
    protocol: str
    outputs: list[str]
    place: str
    models: list[str]


def evaluations(config: Config) -> Iterator[Evaluation]:
    """Rules of the protocols that read features; two for one whose jobs may cover all datasets of a model."""
    for name, record in PROTOCOLS.items():
        if record.runs_encoder:
            continue
        place = "{model}" if record.cells else "{model}/{dataset}"
        parts = [f"{{model}}/{part}" for part in measured_parts(name, "{dataset}")]
        yield Evaluation(name, name, _results(name, parts), place, list(config.models))
        section, together = config.protocols.running.get(name), models_by_job(config)
        if section and together and not record.cells:
            parts = [f"{{model}}/{dataset}" for dataset in section.covered]
            yield Evaluation(f"{name}_together", name, _results(name, parts), "{model}", together)


def _results(protocol: str, parts: Iterable[str]) -> list[str]:
    return [f"results/{protocol}/{part}.parquet" for part in parts]
