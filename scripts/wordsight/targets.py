"""Which files a configuration asks for."""

from wordsight.cells import CELLS
from wordsight.config import Config, CrossStyleSection
from wordsight.statistics.pairs import Comparison, resolve

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
    """One figure for each protocol that runs, and those of all protocols, of single images, of training."""
    overall = ["ranks", "pretraining_size"]
    training = ["training"] if trained_models(config) else []
    return [*protocol_names(config), *overall, *example_names(config), *training, "margins", "summary"]


def example_names(config: Config) -> list[str]:
    """Figures of single images, which have data of their own."""
    asked = {
        "features": bool(embedded_models(config)),
        "robust_images": config.protocols.robustness is not None,
        "confusions": bool(confused(config)),
    }
    return [name for name, wanted in asked.items() if wanted]


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
        for protocol in protocol_names(config)
        if protocol != "robustness" and dataset in getattr(config.protocols, protocol).datasets
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
    section = config.protocols.transfer
    if section is None or config.protocol_mode("transfer") != "sound" or not section.datasets:
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
            used |= set(getattr(config.protocols, protocol).datasets)
    return [name for name in config.datasets if name in used]


def _languages(config: Config, comparison: Comparison) -> list[set[str]]:
    return [{config.models[model].language for model in side} for side in comparison.sides]


def protocol_names(config: Config) -> list[str]:
    """Protocols that run, in the order of the report."""
    return [
        name for name in type(config.protocols).model_fields if getattr(config.protocols, name) is not None
    ]


def protocol_results(config: Config) -> list[str]:
    """Results of every protocol, for every model it applies to and every dataset or cell it measures."""
    return [
        f"results/{protocol}/{model}/{part}.parquet"
        for protocol in protocol_names(config)
        for dataset in getattr(config.protocols, protocol).datasets
        for part in measured_parts(config, protocol, dataset)
        for model in models_for(config, protocol, dataset)
    ]


def measured_parts(config: Config, protocol: str, dataset: str) -> list[str]:
    """What the rows of a protocol name as their dataset: it, or its four cells across styles."""
    crossed = isinstance(getattr(config.protocols, protocol), CrossStyleSection)
    return list(CELLS) if crossed else [dataset]


def crossed_inputs(config: Config, protocol: str, model: str) -> dict[str, str]:
    """What a protocol across styles reads: features of both splits, and the dataset, which names concepts."""
    dataset = getattr(config.protocols, protocol).datasets[0]
    features, images = f"results/features/{model}/{dataset}", f"resources/datasets/{dataset}"
    return {
        "train": f"{features}/train.safetensors",
        "test": f"{features}/test.safetensors",
        "dataset": f"{images}/card.json",
        "train_images": f"{images}/train.parquet",
        "test_images": f"{images}/test.parquet",
    }


def models_for(config: Config, protocol: str, dataset: str) -> list[str]:
    """Models that a protocol applies to: all, but an attack on their own classifier needs one that fits."""
    section = getattr(config.protocols, protocol)
    models = config.select(section.models)
    if protocol == "robustness" and section.datasets[dataset].head == "own":
        space = config.datasets[dataset].label_space
        models = [name for name in models if config.models[name].classifier == space]
    return models


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
        for protocol in protocol_names(config)
        if protocol != "robustness"  # which runs the encoder itself, and not on every model
        for dataset in getattr(config.protocols, protocol).datasets
        if asked <= set(models_for(config, protocol, dataset))
    }
    return [name for name in config.datasets if name in used]


def evaluated_datasets(config: Config) -> list[str]:
    """Datasets that at least one protocol runs on, in the order of the configuration."""
    used = {
        name for protocol in protocol_names(config) for name in getattr(config.protocols, protocol).datasets
    }
    return [name for name in config.datasets if name in used]
