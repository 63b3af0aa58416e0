"""Which files each step reads, for the values of a job's wildcards."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wordsight.catalogue.figures import FIGURES
from wordsight.catalogue.objectives import reads_sentences
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.section import nearest
from wordsight.config.experiment import Config
from wordsight.errors import ConfigError
from wordsight.workflow import params, targets
from wordsight.workflow.targets import Cut

CLIP = "open_clip/"  # the family of the networks that the authors didn't augment images for
Wildcards = Any  # of Snakemake: attributes and `get`
Files = dict[str, list[str]]


def of_known_model(config: Config, w: Wildcards, file: str) -> str:
    """File of the network of the model that a target names; ConfigError if the model isn't configured."""
    if w.model not in config.models:
        hint = nearest(w.model, list(config.models))
        raise ConfigError(f"config: models: unknown model {w.model!r}; {hint}")
    return f"resources/models/{config.network(w.model)}/{file}"


def of_models(config: Config, w: Wildcards, cut: Cut, file: str) -> list[str]:
    """A file of the network of each model of a job; twice where a job reads a network in two places."""
    return [f"resources/models/{config.network(model)}/{file}" for model in cut.covered(w)]


# Prepared things


def dataset_files(datasets: Iterable[str], file: str) -> list[str]:
    """The same file of several datasets."""
    return [f"resources/datasets/{dataset}/{file}" for dataset in datasets]


def dataset_cards(config: Config) -> list[str]:
    """Cards of the datasets that some protocol runs on."""
    return dataset_files(targets.evaluated_datasets(config), "card.json")


def clustered_items(config: Config) -> list[str]:
    """Test splits whose images of one concept count once, if they have any; cells count concepts anyway."""
    evaluated = {
        name
        for protocol, section in config.protocols.running.items()
        if not PROTOCOLS[protocol].cells
        for name in section.covered
    }
    together = [name for name in config.datasets if config.statistics.clusters.get(name) != "items"]
    return dataset_files([name for name in together if name in evaluated], "test.parquet")


def model_cards(config: Config) -> list[str]:
    """Cards of all models."""
    return [f"resources/models/{model}/card.json" for model in config.models]


def feature_files(model: str, datasets: Iterable[str], split: str) -> list[str]:
    """A model's features of one split of several datasets."""
    return [f"results/features/{model}/{dataset}/{split}.safetensors" for dataset in datasets]


# Features and protocols


def images(config: Config, w: Wildcards, file: str) -> list[str]:
    """A file of each dataset of a feature job: the one in its wildcards, or all of its models."""
    one = w.get("dataset")
    return dataset_files([one] if one else targets.passed_by_all(config), file)


def covered(config: Config, w: Wildcards, protocol: str) -> list[str]:
    """Datasets of a protocol's job: the dataset in its wildcards, or all that the protocol runs on."""
    section, one = targets.running(config, protocol), w.get("dataset")
    return [one] if one else section.covered


def measured(config: Config, w: Wildcards, protocol: str, cut: Cut) -> Files:
    """Features that a protocol reads, by model and then by dataset, with the card of each dataset.

    Protocols across styles also read the image files for their concepts and styles, without decoding images.
    """
    record, datasets, models = PROTOCOLS[protocol], covered(config, w, protocol), cut.covered(w)
    files = {"dataset": dataset_files(datasets, "card.json")}
    for split in ("train", "test", "corrupted"):
        if split in record.reads:
            files[split] = [path for model in models for path in feature_files(model, datasets, split)]
    if record.cells:
        for split in ("train", "test"):
            files[f"{split}_images"] = dataset_files(datasets, f"{split}.parquet")
    if "baseline" in record.reads:
        files["baseline"] = _baseline(config, models, datasets, protocol)
    if "views" in record.reads:
        files["views"] = [path for model in models for path in _views(config, model, datasets, protocol)]
    return files


def _views(config: Config, model: str, datasets: Iterable[str], protocol: str) -> list[str]:
    """Features of augmented training images, by dataset and then by epoch; only paper mode reads them.

    The authors' code doesn't augment the images of a CLIP: the transform that comes with the network takes no
    notice of it.
    """
    augments = config.protocol_mode(protocol) == "paper" and not config.architecture(model).startswith(CLIP)
    epochs = params.of_protocol(config, None, protocol)["epochs"] if augments else 0
    return [
        path
        for dataset in datasets
        for epoch in range(epochs)
        for path in feature_files(model, [dataset], f"augmented/{epoch}")
    ]


def _baseline(config: Config, models: list[str], datasets: Iterable[str], protocol: str) -> list[str]:
    """Rows of the baseline, for every model but the baseline itself."""
    baseline = params.of_protocol(config, None, protocol)["baseline"]
    others = [model for model in models if model != baseline]
    return [f"results/{protocol}/{baseline}/{dataset}.parquet" for _ in others for dataset in datasets]


def head_features(config: Config, w: Wildcards, protocol: str, cut: Cut) -> list[str]:
    """Features that the attacked classifier of each model is fitted on; none of models with an own one."""
    heads = zip(cut.covered(w), params.heads(config, w, protocol, cut), strict=True)
    models = [model for model, head in heads if head == "fitted"]
    return [path for model in models for path in feature_files(model, [w.dataset], "train")]


def head_texts(config: Config, w: Wildcards, protocol: str, cut: Cut) -> list[str]:
    """Vectors of the class names that each model of a job classifies by; none of those with another head."""
    heads = zip(cut.covered(w), params.heads(config, w, protocol, cut), strict=True)
    towers = [config.text_tower(model) for model, head in heads if head == "text"]
    return [f"results/text_features/{tower}/{w.dataset}.safetensors" for tower in towers]


def pieces(config: Config, w: Wildcards, protocol: str, cut: Cut) -> list[str]:
    """What was found out about the pieces of the images, for each model of a job; none without pieces."""
    number = len(targets.pieces(config, protocol, w.dataset))
    return [
        f"results/{protocol}_pieces/{model}/{w.dataset}/{piece}.json"
        for model in cut.covered(w)
        for piece in range(number)
    ]


# Training


def image_set(config: Config, _: Wildcards, file: str) -> str:
    """File of the dataset that encoders are trained on."""
    return f"resources/datasets/{params.pretraining(config).images}/{file}"


def sentences(config: Config, w: Wildcards) -> list[str]:
    """Sentence vectors of captions and class names; empty for an objective that doesn't read them."""
    read = reads_sentences(params.objective_of(config, w))
    return [f"resources/sentences/{params.pretraining(config).images}.safetensors"] if read else []


def searched(config: Config) -> list[str]:
    """Results of the search for learning rates: every objective with every candidate."""
    section = config.pretraining
    if section is None:
        return []
    return [
        f"results/search/{objective}/{rate}.json"
        for objective in section.objectives
        if objective != "untrained"
        for rate in section.search.learning_rates
    ]


def learning_curves(config: Config, w: Wildcards) -> list[str]:
    """Learning curves of the models that the workflow trains; only the figure ``training`` shows them."""
    shown = targets.trained_models(config) if w.figure == "training" else []
    return [f"resources/models/{model}/training.csv" for model in shown]


# Figures


def compared(config: Config, w: Wildcards, table: str) -> list[str]:
    """Table about contrasts; empty for figures that show none, which no contrast changes."""
    shown = w.figure in FIGURES and FIGURES[w.figure].compares
    return [f"results/tables/{table}.csv"] if shown else []


def figure_examples(config: Config, w: Wildcards) -> list[str]:
    """Data file of a figure of single images; empty for other figures."""
    shown = w.figure in targets.example_names(config)
    return [f"results/figures/data/{w.figure}.json"] if shown else []


def embedded_features(config: Config) -> list[str]:
    """Test features that the figure ``features`` shows in the plane."""
    dataset = targets.embedded_dataset(config)
    return [
        path
        for model in targets.embedded_models(config)
        if dataset
        for path in feature_files(model, [dataset], "test")
    ]


def attacked_results(config: Config) -> list[str]:
    """Robustness results of every model and dataset."""
    return [path for path in targets.protocol_results(config) if path.startswith("results/robustness/")]


def adversarial_examples(config: Config) -> list[str]:
    """Adversarial examples by the models that the figure of them shows, by dataset."""
    shown = targets.attacked_models(config)
    results = [path for path in map(Path, attacked_results(config)) if path.parent.name in shown]
    return [str(path.with_suffix(".safetensors")) for path in results]


def confused_results(config: Config) -> list[str]:
    """Transfer results of all models in the contrasts whose confusions are shown."""
    shown = targets.confused(config)
    models = sorted({model for contrast in shown for pair in contrast.pairs for model in pair})
    datasets = config.protocols.running["transfer"].covered if shown else []
    return [f"results/transfer/{model}/{dataset}.parquet" for model in models for dataset in datasets]


def pictured(config: Config, file: str) -> list[str]:
    """A file of every dataset whose images or classes the figures of single images show."""
    return dataset_files(targets.pictured_datasets(config), file)
