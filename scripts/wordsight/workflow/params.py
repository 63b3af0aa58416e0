"""The params of each step: the values that it reads of the configuration. A change of them runs it again."""

from collections.abc import Iterable
from typing import Any

from wordsight.catalogue import display
from wordsight.catalogue.fitting import ProbeParameters
from wordsight.catalogue.places import Layer
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.corruptions import Versions
from wordsight.catalogue.protocols.record import Protocol
from wordsight.catalogue.section import nearest
from wordsight.config.experiment import Config
from wordsight.config.models import NetworkSection, PretrainNetwork, Traits
from wordsight.config.pretraining import PretrainingSection, TrainingSection
from wordsight.config.text import Wording
from wordsight.errors import ConfigError
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.measures import Measure
from wordsight.workflow import targets
from wordsight.workflow.targets import Cut, attacked, group, head, running

Values = dict[str, Any]
Wildcards = Any  # of Snakemake: attributes and `get`


def values_of(config: Config, *path: str) -> Values:
    """Values of one section of the configuration, as its step reads them."""
    value: Any = config
    for key in path:
        value = value[key] if isinstance(value, dict) else getattr(value, key)
    return value.model_dump(mode="json")


# Models


def network(config: Config, model: str) -> Values:
    """Values of a model's section that decide its weights, and where this network is read if that is set."""
    values = _network(config.models[model])
    if config.models[model].features is None:
        return values
    return values | {"features": [place(config, reading) for reading in config.readings(model)]}


def _network(section: NetworkSection) -> Values:
    """Values of a network's section without its traits and without where it is read."""
    return section.model_dump(mode="json", exclude={*Traits.model_fields, "features"})


def networks(config: Config, w: Wildcards, cut: Cut) -> dict[str, Values]:
    """Network of each model of a job, by name."""
    return {model: network(config, model) for model in cut.covered(w)}


def place(config: Config, model: str) -> Any:
    """Where a model's features are read, as a plain value."""
    found = config.read_out(model)
    return found.model_dump(mode="json") if isinstance(found, Layer) else found


def places(config: Config, w: Wildcards, cut: Cut) -> list[Any]:
    """Where the features of each model of a job are read."""
    return [place(config, model) for model in cut.covered(w)]


def traits(config: Config, model: str) -> Values:
    """Values of a model's section that say what it learned from."""
    return config.models[model].model_dump(mode="json", include=set(Traits.model_fields))


def traits_of_job(config: Config, w: Wildcards, cut: Cut) -> list[Values]:
    """What each model of a job learned from."""
    return [traits(config, model) for model in cut.covered(w)]


def models(_: Config, w: Wildcards, cut: Cut) -> list[str]:
    """Names of the models of a job."""
    return cut.covered(w)


def text_network(config: Config, text_model: str) -> Values:
    """Values of a text model's section that decide its files: all except the wording."""
    return config.text_models[text_model].model_dump(mode="json", exclude=set(Wording.model_fields))


def wording(config: Config, text_model: str) -> Values:
    """Values of a text model's section that say how class names are worded and encoded."""
    return config.text_models[text_model].model_dump(mode="json", include=set(Wording.model_fields))


def groups(config: Config) -> dict[str, str]:
    """Group of each model: all seeds of an objective are one group, every other model is its own."""
    return {name: group(config, name) for name in config.models}


def questions(config: Config, comparisons: Iterable[Comparison]) -> dict[str, str]:
    """What each contrast asks: as configured, or what its two sides learned from, or its name."""
    return {one.name: one.question or _sides(config, one) or one.name for one in comparisons}


def without_questions(comparisons: Iterable[Comparison]) -> list[Values]:
    """Contrasts for the steps that compute: another question gives no other number."""
    return [one.model_dump(mode="json", exclude={"question"}) for one in comparisons]


def _sides(config: Config, comparison: Comparison) -> str:
    """Both sides in words; nothing where a side has models of several groups, which have no common name."""
    sides = [{group(config, model) for model in side} for side in comparison.sides]
    if any(len(side) > 1 for side in sides):
        return ""
    treatment, control = (display.group(side.pop()) for side in sides)
    return f"{treatment[0].upper()}{treatment[1:]} against {control}"


# Training


def pretraining(config: Config) -> PretrainingSection:
    """The section ``pretraining``; raises :class:`ConfigError` if it is missing."""
    if config.pretraining is None:
        raise ConfigError("config: pretraining: this key is required to train encoders")
    return config.pretraining


def objective_of(config: Config, w: Wildcards) -> str:
    """Objective of a training job: from its wildcards in a search for learning rates, else from its model."""
    objective: str = w.get("objective") or group(config, w.model)
    trained = list(pretraining(config).objectives)
    if objective not in trained:
        hint = nearest(objective, trained)
        raise ConfigError(f"config: pretraining.objectives: unknown objective {objective!r}; {hint}")
    return objective


def training(config: Config, _: Wildcards) -> Values:
    """What all trainings share: the section ``pretraining`` without its objectives and its search."""
    return pretraining(config).model_dump(mode="json", include=set(TrainingSection.model_fields))


def training_device(config: Config, _: Wildcards) -> str:
    """Device to train on."""
    return pretraining(config).device


def candidates(config: Config, w: Wildcards) -> list[Values]:
    """Networks that a search trains with one learning rate, one for each of its seeds."""
    section, objective = pretraining(config), objective_of(config, w)
    first = section.search.seed
    try:
        return [
            _network(
                PretrainNetwork(
                    source="pretrain",
                    architecture=section.architecture,
                    objective=objective,
                    seed=seed,
                    learning_rate=float(w.learning_rate),
                )
            )
            for seed in range(first, first + section.search.seeds)
        ]
    except ValueError:
        raise ConfigError(f"config: {w.learning_rate!r} is no learning rate to search with") from None


def probe() -> Values:
    """Settings of the linear probe that a learning rate is judged by."""
    return ProbeParameters().model_dump(mode="json")


# Protocols and statistics


def of_protocol(config: Config, _: Wildcards, protocol: str) -> Values:
    """Parameters of a protocol, without where it runs, so that a new dataset reruns no finished step."""
    section, parameters = running(config, protocol), PROTOCOLS[protocol].parameters
    return section.model_dump(mode="json", include=set(parameters.model_fields))


def versions(config: Config, w: Wildcards) -> Values:
    """Corrupted versions that are made of a dataset's images, whichever model is the baseline."""
    values = of_protocol(config, w, "corruptions")
    return {key: values[key] for key in Versions.model_fields}


def heads(config: Config, w: Wildcards, protocol: str, cut: Cut) -> list[str]:
    """Classifier of each model of a job that is attacked: ``own``, ``fitted``, ``text``, or none.

    Raises
    ------
    ConfigError
        When the protocol doesn't attack images of the job's dataset.
    """
    of_dataset(config, w, protocol)
    return [head(config, protocol, w.dataset, model) for model in cut.covered(w)]


def of_dataset(config: Config, w: Wildcards, protocol: str) -> Values:
    """Settings of a protocol for the dataset of a job; :class:`ConfigError` if it doesn't run there."""
    datasets = attacked(config, protocol)
    if w.dataset not in datasets:
        hint = nearest(w.dataset, list(datasets))
        raise ConfigError(f"config: protocols.{protocol}.datasets: {w.dataset!r} is not among them; {hint}")
    return datasets[w.dataset].model_dump(mode="json")


def piece(config: Config, w: Wildcards, protocol: str) -> tuple[int, int]:
    """First and last place of the images of a job in the draw of its dataset's images.

    Raises
    ------
    ConfigError
        When there is no such piece.
    """
    of_dataset(config, w, protocol)
    pieces = targets.pieces(config, protocol, w.dataset)
    if int(w.piece) >= len(pieces):
        raise ConfigError(
            f"config: images_per_job: {w.dataset} has {counted(len(pieces), 'piece')}, and {w.piece} is none"
        )
    return pieces[int(w.piece)]


def mode(config: Config, _: Wildcards, protocol: str) -> str:
    """Mode of a protocol."""
    running(config, protocol)
    return config.protocol_mode(protocol)


def conclusions(config: Config) -> dict[str, Values]:
    """What is to be concluded from several contrasts, by name."""
    return {name: conclusion.model_dump(mode="json") for name, conclusion in config.conclusions.items()}


def measures() -> dict[str, Values]:
    """What the statistics need to know of each protocol, in the order of the report."""
    return {name: _measure(record).model_dump(mode="json") for name, record in PROTOCOLS.items()}


def _measure(record: Protocol) -> Measure:
    def metrics(statistic: str) -> tuple[str, ...]:
        return tuple(name for name, metric in record.metrics.items() if metric.statistic == statistic)

    return Measure(
        primary=record.primary,
        curves=record.drawing.curves,
        fixed_trials=record.fixed_trials,
        chance={name: metric.chance for name, metric in record.metrics.items() if metric.chance != "unknown"},
        labelled="label" in record.metrics,
        authors=record.authors,
        medians=metrics("median"),
        without_mean=metrics("none"),
    )


# Modules that a step imports by a name in the configuration, for its digest


# Families whose networks are built from a description that their source provides.
DESCRIBED = {"huggingface"}


def model_modules(config: Config, model: str) -> list[str]:
    """Modules that fetch a model and build its network."""
    family = config.architecture(model).split("/")[0]
    sources = {config.models[model].source} | ({family} & DESCRIBED)
    return [*(f"models.sources.{source}" for source in sorted(sources)), *network_modules(config, [model])]


def network_modules(config: Config, models: Iterable[str]) -> list[str]:
    """Modules that build the networks of fetched models."""
    families = {config.architecture(model).split("/")[0] for model in models}
    return [f"models.architectures.{family}" for family in sorted(families)]


def training_modules(config: Config, w: Wildcards) -> list[str]:
    """Modules that a training imports by a name in the configuration."""
    objective = objective_of(config, w)
    family = pretraining(config).architecture.split("/")[0]
    loss = [] if objective == "untrained" else [f"pretraining.objectives.{objective}"]
    return [f"models.architectures.{family}", *loss]
