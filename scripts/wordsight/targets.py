"""Which files a configuration asks for."""

from wordsight.cells import CELLS
from wordsight.config import Config, CrossStyleSection

FIGURE_FORMATS = ("json", "svg", "png", "pdf")


def targets(config: Config) -> list[str]:
    """Files of ``rule all``: the report, the tables, and every figure in every format."""
    figures = [
        f"results/figures/{name}.{suffix}" for name in figure_names(config) for suffix in FIGURE_FORMATS
    ]
    return ["results/report.html", "results/verdicts.txt", "results/tables/results.csv", *figures]


def figure_names(config: Config) -> list[str]:
    """One figure for each protocol that runs, the learning curves of what is trained, and the summary."""
    training = ["training"] if trained_models(config) else []
    return [*protocol_names(config), *training, "summary"]


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


def passed_by_all(config: Config) -> list[str]:
    """Datasets whose features every trained model is asked for, in the order of the configuration."""
    trained = set(trained_models(config))
    used = {
        dataset
        for protocol in protocol_names(config)
        if protocol != "robustness"  # which runs the encoder itself, and not on every model
        for dataset in getattr(config.protocols, protocol).datasets
        if trained <= set(models_for(config, protocol, dataset))
    }
    return [name for name in config.datasets if name in used]


def evaluated_datasets(config: Config) -> list[str]:
    """Datasets that at least one protocol runs on, in the order of the configuration."""
    used = {
        name for protocol in protocol_names(config) for name in getattr(config.protocols, protocol).datasets
    }
    return [name for name in config.datasets if name in used]
