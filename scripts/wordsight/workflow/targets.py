"""Which files a run of a configuration makes."""

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
    """Files of ``rule all``: report, tables, figures in every format, text features and corpora."""
    figures = [
        f"results/figures/{name}.{suffix}" for name in figure_names(config) for suffix in FIGURE_FORMATS
    ]
    report = ["results/report.html", "results/verdicts.txt", "results/tables/results.csv"]
    return [*report, *figures, *text_features(config), *corpora(config)]


def text_features(config: Config) -> list[str]:
    """Each text model's vectors of the class names of every dataset that some protocol runs on."""
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
    available = {
        "": True,
        "verdicts": any(not comparison.baseline for comparison in resolve(config)),
        "training": bool(trained_models(config)),
        "features": bool(embedded_models(config)),
        "attacks": "robustness" in config.protocols.running,
        "confusions": bool(confused(config)),
    }
    return [*config.protocols.running, *(name for name, figure in FIGURES.items() if available[figure.needs])]


def example_names(config: Config) -> list[str]:
    """Figures of single images, which have data of their own."""
    return [name for name in figure_names(config) if name in FIGURES and FIGURES[name].images]


def embedded_dataset(config: Config) -> str | None:
    """Dataset whose features are shown: the first one among those with features of the most models."""
    models = {name: len(passing(config, name)) for name in config.datasets}
    most = max(models, key=lambda name: models[name])
    return most if models[most] else None


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
    """Models for which some protocol reads the features of a dataset's test images."""
    read = {
        model
        for protocol, section in config.protocols.running.items()
        if not PROTOCOLS[protocol].runs_encoder and dataset in section.covered
        for model in models_for(config, protocol, dataset)
    }
    return [model for model in config.models if model in read]


def group(config: Config, model: str) -> str:
    """Group of a model: its objective if the workflow trains it, shared by all seeds; else its own name."""
    return getattr(config.models[model], "objective", model)


def confused(config: Config) -> list[Comparison]:
    """Contrasts whose confusions are shown: the first ones about language, or else the first contrast.

    A contrast is about language when no kind of language is on both sides. Transfer must run on all its
    models.
    """
    section = config.protocols.running.get("transfer")
    if section is None or config.protocol_mode("transfer") != "sound" or not section.covered:
        return []
    measured = set(config.select(section.models))
    candidates = [
        comparison
        for comparison in resolve(config)
        if {model for pair in comparison.pairs for model in pair} <= measured
    ]
    about_language = [
        comparison for comparison in candidates if not set.intersection(*_languages(config, comparison))
    ]
    return about_language[:MOST_CONTRASTS] or candidates[:1]


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
    """Results of every protocol, for each of its models and each of its datasets or cells."""
    return [
        f"results/{protocol}/{model}/{part}.parquet"
        for protocol, section in config.protocols.running.items()
        for dataset in section.covered
        for part in measured_parts(protocol, dataset)
        for model in models_for(config, protocol, dataset)
    ]


def measured_parts(protocol: str, dataset: str) -> list[str]:
    """What the rows of a protocol name as their dataset: the dataset, or its four cells across styles."""
    return list(CELLS) if PROTOCOLS[protocol].cells else [dataset]


def models_for(config: Config, protocol: str, dataset: str) -> list[str]:
    """Models that a protocol measures on a dataset.

    They are all that it selects, but if it attacks their own classifiers, only those with the dataset's label
    space.
    """
    models = config.select(config.protocols.running[protocol].models)
    attacked_here = attacked(config, protocol).get(dataset)
    if attacked_here is not None and attacked_here.head == "own":
        space = config.datasets[dataset].label_space
        models = [name for name in models if config.models[name].classifier == space]
    return models


def attacked(config: Config, protocol: str) -> dict[str, Any]:
    """Settings for each dataset of a protocol that runs the encoder; empty for other protocols."""
    section = config.protocols.running[protocol]
    return dict(section.datasets) if PROTOCOLS[protocol].runs_encoder else {}


def trained_models(config: Config) -> list[str]:
    """Models that the workflow trains itself."""
    return [name for name, model in config.models.items() if model.source == "pretrain"]


def models_by_job(config: Config) -> list[str]:
    """Models whose jobs cover all datasets: the ones that the workflow trains, or all if it trains none."""
    if config.jobs_by == "dataset":
        return []
    return trained_models(config) or list(config.models)


def passed_by_all(config: Config) -> list[str]:
    """Datasets whose features are read for every model of ``models_by_job``, in the configuration's order."""
    models = set(models_by_job(config))
    used = {
        dataset
        for protocol, section in config.protocols.running.items()
        if not PROTOCOLS[protocol].runs_encoder  # one that runs the encoder may skip models
        for dataset in section.covered
        if models <= set(models_for(config, protocol, dataset))
    }
    return [name for name in config.datasets if name in used]


def evaluated_datasets(config: Config) -> list[str]:
    """Datasets that at least one protocol runs on, in the order of the configuration."""
    used = {name for section in config.protocols.running.values() for name in section.covered}
    return [name for name in config.datasets if name in used]


def features_together(config: Config, split: str) -> list[str]:
    """Features of a split of all datasets of ``passed_by_all``, with the model as a wildcard."""
    return [f"results/features/{{model}}/{dataset}/{split}.safetensors" for dataset in passed_by_all(config)]


@dataclass(frozen=True)
class Evaluation:
    """A rule for a protocol that reads features.

    Attributes
    ----------
    rule : name of the rule
    protocol : name of the protocol
    outputs : patterns of the files that the rule makes
    wildcards : the wildcards in them, as a path: ``{model}/{dataset}`` or ``{model}``
    models : models that the rule is for
    """

    rule: str
    protocol: str
    outputs: list[str]
    wildcards: str
    models: list[str]


def evaluations(config: Config) -> Iterator[Evaluation]:
    """Rules of the protocols that read features; two each, if a job may cover all datasets of a model."""
    for name, record in PROTOCOLS.items():
        if record.runs_encoder:
            continue
        wildcards = "{model}" if record.cells else "{model}/{dataset}"
        parts = [f"{{model}}/{part}" for part in measured_parts(name, "{dataset}")]
        yield Evaluation(name, name, _results(name, parts), wildcards, list(config.models))
        section, together = config.protocols.running.get(name), models_by_job(config)
        if section and together and not record.cells:
            parts = [f"{{model}}/{dataset}" for dataset in section.covered]
            yield Evaluation(f"{name}_together", name, _results(name, parts), "{model}", together)


def _results(protocol: str, parts: Iterable[str]) -> list[str]:
    return [f"results/{protocol}/{part}.parquet" for part in parts]
