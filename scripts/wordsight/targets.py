"""Which files a configuration asks for."""

from wordsight.config import Config

FIGURE_FORMATS = ("json", "svg", "png", "pdf")


def targets(config: Config) -> list[str]:
    """Files of ``rule all``: the report, the tables, and every figure in every format."""
    figures = [
        f"results/figures/{name}.{suffix}" for name in figure_names(config) for suffix in FIGURE_FORMATS
    ]
    return ["results/report.html", "results/verdicts.txt", "results/tables/results.csv", *figures]


def figure_names(config: Config) -> list[str]:
    """One figure for each protocol that runs, and the summary."""
    return [*protocol_names(config), "summary"]


def protocol_names(config: Config) -> list[str]:
    """Protocols that run, in the order of the report."""
    return [
        name for name in type(config.protocols).model_fields if getattr(config.protocols, name) is not None
    ]


def protocol_results(config: Config) -> list[str]:
    """Results of every protocol, for every model it applies to and every dataset it runs on."""
    return [
        f"results/{protocol}/{model}/{dataset}.parquet"
        for protocol in protocol_names(config)
        for dataset in getattr(config.protocols, protocol).datasets
        for model in models_for(config, protocol, dataset)
    ]


def models_for(config: Config, protocol: str, dataset: str) -> list[str]:
    """Models that a protocol applies to: all, but an attack on their own classifier needs one that fits."""
    section = getattr(config.protocols, protocol)
    models = getattr(section, "models", None) or list(config.models)
    if protocol == "robustness" and section.datasets[dataset].head == "own":
        space = config.datasets[dataset].label_space
        models = [name for name in models if config.models[name].classifier == space]
    return list(models)


def evaluated_datasets(config: Config) -> list[str]:
    """Datasets that at least one protocol runs on, in the order of the configuration."""
    used = {
        name for protocol in protocol_names(config) for name in getattr(config.protocols, protocol).datasets
    }
    return [name for name in config.datasets if name in used]
