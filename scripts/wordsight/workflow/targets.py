"""Which files a run of a configuration makes."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from wordsight.catalogue import jobs
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.figures import FIGURES
from wordsight.catalogue.label_spaces import label_space_of
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.experiment import Config
from wordsight.config.pretraining import PretrainingSection
from wordsight.config.protocols import ProtocolSection
from wordsight.errors import ConfigError
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
    return _one_of_each_group(config, passing(config, dataset)) if dataset else []


def attacked_models(config: Config) -> list[str]:
    """Encoders whose adversarial examples are shown: one seed of each objective, those of contrasts first."""
    section = config.protocols.running.get("robustness")
    if section is None:
        return []
    measured = {model for name in section.covered for model in models_for(config, "robustness", name)}
    return _one_of_each_group(config, measured)


def _one_of_each_group(config: Config, models: Collection[str]) -> list[str]:
    """One model of each group, those of the contrasts first, as many as a figure of single images shows."""
    compared = [model for comparison in resolve(config) for pair in comparison.pairs for model in pair]
    first: dict[str, str] = {}
    for model in [*compared, *config.models]:
        if model in models:
            first.setdefault(group(config, model), model)
    return list(first.values())[:MOST_PANELS]


def passing(config: Config, dataset: str) -> list[str]:
    """Models for which some protocol reads the features of a dataset's test images."""
    read = {
        model
        for protocol, section in config.protocols.running.items()
        if "test" in PROTOCOLS[protocol].reads and dataset in section.covered
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
    protocols = {
        "robust_images": "robustness",
        "adversarial_examples": "robustness",
        "confusions": "transfer",
    }
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
    space, and if it attacks by class names, only those with a text tower. The classifier of a network is
    attacked once, wherever its features are read.
    """
    models = config.select(config.protocols.running[protocol].models)
    if dataset not in attacked(config, protocol):
        return models
    heads = {name: head(config, protocol, dataset, name) for name in models}
    once = {name for name in models if heads[name] == "own" and config.network(name) == name}
    return [name for name in models if heads[name] in ("fitted", "text") or name in once]


def head(config: Config, protocol: str, dataset: str, model: str) -> str:
    """Classifier of a model that a protocol attacks on a dataset: ``own``, ``fitted``, ``text``, or none."""
    wanted, space = attacked(config, protocol)[dataset].head, label_space_of(config.datasets[dataset])
    if wanted == "fitted":
        return "fitted"
    if wanted == "text":
        return "text" if config.text_tower(model) else ""
    if space is not None and config.models[model].classifier == space:
        return "own"
    return "fitted" if wanted == "own_or_fitted" else ""


def running(config: Config, protocol: str) -> ProtocolSection:
    """Section of a protocol; raises :class:`ConfigError` if it doesn't run."""
    section = config.protocols.running.get(protocol)
    if section is None:
        raise ConfigError(f"config: protocols.{protocol}: this key is required to run the protocol")
    return section


def attacked(config: Config, protocol: str) -> dict[str, Any]:
    """Settings for each dataset of a protocol that runs the encoder; empty for other protocols."""
    section: Any = running(config, protocol)
    return dict(section.datasets) if PROTOCOLS[protocol].runs_encoder else {}


def pieces(config: Config, protocol: str, dataset: str) -> list[tuple[int, int]]:
    """First and last place, in the draw of a dataset's images, of the pieces that have jobs of their own.

    The last place doesn't belong to the piece. There are no pieces where one job attacks all images.
    """
    if (most := config.images_per_job) is None:
        return []
    images = attacked(config, protocol)[dataset].images
    return [(first, min(first + most, images)) for first in range(0, images, most)]


def trained_models(config: Config) -> list[str]:
    """Models that the workflow trains itself."""
    return [name for name, model in config.models.items() if model.source == "pretrain"]


def passed_by_all(config: Config) -> list[str]:
    """Datasets whose features are read for every model of a job that covers all datasets."""
    models = {model for cut in cuts(config) if cut.whole for model in cut.all_models}
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


# How jobs are cut


@dataclass(frozen=True)
class Cut:
    """Which models and datasets one job of a step covers. Each cut has a rule of its own.

    Attributes
    ----------
    suffix : what the rule adds to the name of the step
    models : models of a job, with the wildcard ``model`` or ``objective``
    names : values that the wildcard may have
    whole : whether a job covers all datasets of its models
    """

    suffix: str
    models: tuple[str, ...]
    names: list[str]
    whole: bool = False

    def rule(self, step: str) -> str:
        """Name of the rule that makes a step with this cut."""
        return f"{step}{self.suffix}"

    @property
    def several(self) -> bool:
        """Whether a job covers seeds of an objective, rather than one model."""
        return self.models != ("{model}",)

    @property
    def all_models(self) -> list[str]:
        """Models of all jobs together."""
        return [model.format(model=name, objective=name) for name in self.names for model in self.models]

    def among(self, models: Collection[str]) -> "Cut":
        """The same cut for those jobs whose models are all among ``models``."""
        kept = [name for name in self.names if set(replace(self, names=[name]).all_models) <= set(models)]
        return replace(self, names=kept)

    def covered(self, w: Any) -> list[str]:
        """Models of the job with these wildcards."""
        return [model.format(model=w.get("model"), objective=w.get("objective")) for model in self.models]

    def job(self, *, dataset: bool = True) -> str:
        """Path of a file that each job has one of, such as its log; with a dataset unless it covers all."""
        return self.models[0] + ("/{dataset}" if dataset and not self.whole else "")

    def files(self, pattern: str, **values: Iterable[str]) -> list[str]:
        """Pattern of a file for each model of a job, and for each of the ``values`` of another wildcard.

        >>> Cut("", ("{model}",), []).files("{model}/{dataset}", dataset=["mnist", "faces"])
        ['{model}/mnist', '{model}/faces']
        """
        found = [pattern.replace("{model}", model) for model in self.models]
        for key, names in values.items():
            found = [path.replace(f"{{{key}}}", name) for path in found for name in names]
        return found


ALONE = Cut("", ("{model}",), [])  # of rules whose jobs are of any one model


def cuts(config: Config) -> list[Cut]:
    """Every cut that a step may have. The first one, with a job for each model alone, is for every step."""
    alone = replace(ALONE, names=list(config.models))
    if config.jobs_by == "objective" and config.pretraining:
        return [alone, *_cuts_by_seeds(config.pretraining, config)]
    if config.jobs_by == "model":
        names = trained_models(config) or list(config.models)
        return [alone, Cut(jobs.TOGETHER, ("{model}",), names, whole=True)]
    return [alone]


def _cuts_by_seeds(section: PretrainingSection, config: Config) -> list[Cut]:
    """Cuts whose jobs cover ``seeds_per_job`` seeds of an objective, or fewer for its last seeds."""
    objectives: dict[tuple[int, int], list[str]] = {}
    for name, objective in section.objectives.items():
        ends = [*objective.job_ends, *config.statistics.looks]
        for first, last in jobs.cut_seeds(objective.seeds, config.seeds_per_job, ends):
            objectives.setdefault((first, last), []).append(name)
    return [
        Cut(
            jobs.of_seeds(first, last),
            tuple(f"{{objective}}-{seed}" for seed in range(first, last + 1)),
            names,
            whole=True,
        )
        for (first, last), names in sorted(objectives.items())
    ]


def cuts_of_models(config: Config) -> list[Cut]:
    """Cuts of a step that a model passes once, whatever its datasets."""
    alone, *others = cuts(config)
    return [alone, *(cut for cut in others if cut.several)]


def cuts_of_training(config: Config) -> list[Cut]:
    """Cuts of the step that trains models."""
    trained = trained_models(config)
    return [cut.among(trained) for cut in cuts_of_models(config)]


def cuts_of_protocol(config: Config, protocol: str) -> list[Cut]:
    """Cuts of a protocol. A job covers several models only where the protocol measures all of them.

    A job covers one model where it reads the rows of another one, the baseline.
    """
    record, section = PROTOCOLS[protocol], config.protocols.running.get(protocol)
    alone, *others = cuts_of_models(config) if record.cells or record.runs_encoder else cuts(config)
    if section is None or "baseline" in record.reads:
        return [alone]
    selected = config.select(section.models)
    narrowed = [replace(cut.among(selected), whole=not record.runs_encoder) for cut in others]
    return [alone, *(cut for cut in narrowed if cut.names)]


def cuts_of_features(config: Config) -> list[Cut]:
    """Cuts of the step that passes images through networks; a pass serves all places where one is read."""
    alone, *others = cuts(config)
    fetched = set(fetched_models(config))
    together = _cuts_by_places(config, whole=any(cut.whole and fetched & set(cut.names) for cut in others))
    once = {model for cut in together for model in cut.all_models}
    kept = [replace(cut, names=[name for name in cut.names if name not in once]) for cut in others]
    return [alone, *(cut for cut in kept if cut.names), *together]


def _cuts_by_places(config: Config, *, whole: bool) -> list[Cut]:
    """Cuts whose jobs read the features of a network in all of its places."""
    networks: dict[tuple[str, ...], list[str]] = {}
    for model in config.models:
        readings = config.readings(model)
        if len(readings) > 1:
            places = tuple(reading.removeprefix(model) for reading in readings)
            networks.setdefault(places, []).append(model)
    return [
        Cut(jobs.of_places(places[1:]), tuple(f"{{model}}{place}" for place in places), names, whole)
        for places, names in networks.items()
    ]


def fetched_models(config: Config) -> list[str]:
    """Models whose networks are fetched: all but those that the workflow trains, or that read another's."""
    trained = trained_models(config)
    return [name for name in config.models if name not in trained and config.network(name) == name]


def features(config: Config, cut: Cut, split: str) -> list[str]:
    """Files of features of a split that a job makes, as patterns."""
    datasets = passed_by_all(config) if cut.whole else ["{dataset}"]
    return cut.files(f"results/features/{{model}}/{{dataset}}/{split}.safetensors", dataset=datasets)


@dataclass(frozen=True)
class Evaluation:
    """A rule for a protocol that reads features.

    Attributes
    ----------
    protocol : name of the protocol
    rule : name of the rule
    cut : how its jobs are cut
    outputs : patterns of the files that it makes, by model and then by dataset or cell
    job : path of a file that each job has one of
    """

    protocol: str
    rule: str
    cut: Cut
    outputs: list[str]
    job: str


def evaluations(config: Config) -> Iterator[Evaluation]:
    """Rules of the protocols that read features, one for each protocol and cut."""
    for name, record in PROTOCOLS.items():
        if record.runs_encoder:
            continue
        for cut in cuts_of_protocol(config, name):
            datasets = config.protocols.running[name].covered if cut.whole else ["{dataset}"]
            parts = [part for dataset in datasets for part in measured_parts(name, dataset)]
            outputs = cut.files(f"results/{name}/{{model}}/{{part}}.parquet", part=parts)
            yield Evaluation(name, cut.rule(name), cut, outputs, cut.job(dataset=not record.cells))
