"""Check sections against each other: names must be known, and nothing is tested that was trained on."""

from collections.abc import Mapping
from typing import Any

from wordsight.catalogue.label_spaces import label_space_of
from wordsight.catalogue.prose import join
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.section import nearest
from wordsight.config.contrasts import Contrast
from wordsight.config.datasets import EmojiDataset
from wordsight.config.experiment import Config
from wordsight.config.models import PretrainNetwork
from wordsight.config.pretraining import PretrainingSection
from wordsight.config.protocols import CellsSection, ProtocolSection
from wordsight.config.selector import Selector
from wordsight.errors import ConfigError


def check(config: Config) -> None:
    """Check that sections fit together.

    Raises
    ------
    ConfigError
        When a name isn't that of a dataset, model, metric or contrast, a selector matches no model, no model
        has the classifier or the text tower that is to be attacked, a baseline isn't measured, no protocol
        measures both sides of a contrast, a contrast is in two families, a conclusion lists no contrast, jobs
        are to cover objectives of which there are none, an objective has a number of seeds at which no look
        is declared, or a protocol evaluates on images that were trained on.
    """

    def known(path: str, names: list[str], valid: list[str], kind: str) -> None:
        for name in names:
            if name not in valid:
                raise ConfigError(f"config: {path}: unknown {kind} {name!r}; {nearest(name, valid)}")

    def matches_a_model(path: str, selector: Selector) -> None:
        known(f"{path}.models", selector.models or [], list(config.models), "model")
        if not config.select(selector):
            wanted = ", ".join(
                f"{key}: {value}" for key, value in selector.model_dump(exclude_none=True).items()
            )
            raise ConfigError(f"config: {path}: no model has {wanted}; change these keys or add such a model")

    for protocol, section in config.protocols.running.items():
        path = f"protocols.{protocol}"
        key = "dataset" if isinstance(section, CellsSection) else "datasets"
        known(f"{path}.{key}", section.covered, list(config.datasets), "dataset")
        matches_a_model(f"{path}.models", section.models)
        if "baseline" in PROTOCOLS[protocol].reads:
            _check_baseline(config, path, section)
        if PROTOCOLS[protocol].per_dataset:
            _check_own_classifiers(config, path, section)
            _check_text_towers(config, path, section)
    if config.jobs_by == "objective" and not config.pretraining:
        raise ConfigError("config: jobs_by: `objective` needs the section `pretraining`; use `model` instead")
    if config.pretraining:
        known("pretraining.images", [config.pretraining.images], list(config.datasets), "dataset")
        _check_leaks(config, config.pretraining)
    for name, contrast in config.contrasts.items():
        for side in ("treatment", "control"):
            matches_a_model(f"contrasts.{name}.{side}", getattr(contrast, side))
        _check_measured(config, name, contrast)
        path = f"contrasts.{name}.metrics"
        known(path, list(contrast.metrics), list(config.protocols.running), "protocol")
        for protocol, metric in contrast.metrics.items():
            known(f"{path}.{protocol}", [metric], _metrics(config, protocol), "metric")
    for name, text_model in config.text_models.items():
        for key in ("names", "templates"):
            by_dataset = getattr(text_model, key, {})
            known(f"text_models.{name}.{key}", list(by_dataset), list(config.datasets), "dataset")
    metrics = sorted({metric for record in PROTOCOLS.values() for metric in record.comparable})
    known("statistics.margins", list(config.statistics.margins), metrics, "metric")
    known("statistics.clusters", list(config.statistics.clusters), list(config.datasets), "dataset")
    for family, names in config.statistics.families.items():
        known(f"statistics.families.{family}", names, list(config.contrasts), "contrast")
    _check_families(config.statistics.families)
    known("statistics.primary", config.statistics.primary, list(config.protocols.running), "protocol")
    _check_looks(config)
    for name, conclusion in config.conclusions.items():
        parts = {"helps": conclusion.helps, "equivalent": conclusion.equivalent}
        for key, names in parts.items():
            known(f"conclusions.{name}.{key}", names, list(config.contrasts), "contrast")
        if not any(parts.values()):
            raise ConfigError(
                f"config: conclusions.{name}: lists no contrast; set {' or '.join(parts)}, or both"
            )


def _metrics(config: Config, protocol: str) -> list[str]:
    """Metrics that a contrast may compare by, in the mode of the protocol."""
    record, mode = PROTOCOLS[protocol], config.protocol_mode(protocol)
    return [name for name in record.comparable if record.metrics[name].mode in (None, mode)]


def _check_own_classifiers(config: Config, path: str, section: ProtocolSection) -> None:
    """Refuse a dataset whose classes no measured model's own classifier has: no table would name it."""
    models = config.select(section.models)
    classifiers = sorted({found for name in models if (found := config.models[name].classifier)})
    for name, values in getattr(section, "datasets", {}).items():
        space = label_space_of(config.datasets[name])
        if values.head != "own" or space in classifiers:
            continue
        key = f"datasets.{name}.label_space"
        if not classifiers:
            problem = "no model that is measured keeps its classifier; set models.<name>.classifier"
        elif space is None:
            problem = f"{key} is required; valid: {', '.join(classifiers)}"
        else:
            problem = f"{key}: no measured model has the classifier {space!r}; {nearest(space, classifiers)}"
        raise ConfigError(f"config: {path}.datasets.{name}.head: {problem}; or attack with `head: fitted`")


def _check_text_towers(config: Config, path: str, section: ProtocolSection) -> None:
    """Refuse to attack by class names where no measured model has a text tower: no table would name it."""
    with_tower = [name for name in config.select(section.models) if config.text_tower(name)]
    for name, values in getattr(section, "datasets", {}).items():
        if values.head == "text" and not with_tower:
            raise ConfigError(
                f"config: {path}.datasets.{name}.head: no measured model has a text tower: a model of the "
                "source open_clip with `features: embedding`, and an entry of `text_models` with the same "
                "source, name, pretrained and path; or attack with `head: fitted`"
            )


def _check_baseline(config: Config, path: str, section: Any) -> None:
    """Refuse a baseline that is no model, or that isn't measured, since its errors are the unit of others."""
    name, measured = section.baseline, config.select(section.models)
    if name not in config.models:
        hint = nearest(name, measured)
        raise ConfigError(f"config: {path}.baseline: unknown model {name!r}; {hint}")
    if name not in measured:
        raise ConfigError(
            f"config: {path}.baseline: {name!r} is not among the models that are measured; choose one of "
            f"them, or add it to {path}.models"
        )


def _check_measured(config: Config, name: str, contrast: Contrast) -> None:
    """Refuse a contrast that no protocol measures: no table would name it."""
    for section in config.protocols.running.values():
        measured = set(config.select(section.models))
        if all(measured & set(config.select(side)) for side in (contrast.treatment, contrast.control)):
            return
    raise ConfigError(
        f"config: contrasts.{name}: no protocol measures models of both sides; see protocols.*.models"
    )


def _check_families(families: Mapping[str, list[str]]) -> None:
    taken: dict[str, str] = {}
    for family, names in families.items():
        for name in names:
            if taken.setdefault(name, family) != family:
                raise ConfigError(
                    f"config: statistics.families.{family}: the contrast {name!r} is in the family "
                    f"{taken[name]!r} too; remove it from one of them"
                )


def _check_looks(config: Config) -> None:
    """Refuse seeds between two looks: a verdict there would be one more look, and none would be a waste."""
    looks = config.statistics.looks
    budgets = config.pretraining.objectives if config.pretraining and looks else {}
    for name, contrast in config.contrasts.items():
        models = {model for side in (contrast.treatment, contrast.control) for model in config.select(side)}
        objectives = list(dict.fromkeys(getattr(config.models[m], "objective", "") for m in sorted(models)))
        compared = [one for one in budgets if one in objectives]
        if "untrained" in compared:  # a baseline has no verdict
            continue
        for objective in compared:
            seeds, first = budgets[objective].seeds, budgets[compared[0]].seeds
            key = f"config: pretraining.objectives.{objective}.seeds"
            if seeds not in looks:
                numbers = join(list(map(str, looks)), "or")
                raise ConfigError(
                    f"{key}: {seeds} is not among statistics.looks; set it to {numbers}, or change the looks "
                    "if no run has been looked at yet"
                )
            if seeds != first:
                raise ConfigError(
                    f"{key}: with statistics.looks, both sides of contrasts.{name} need the same number of "
                    f"seeds, but {compared[0]} has {first} and {objective} {seeds}"
                )


def _check_leaks(config: Config, section: PretrainingSection) -> None:
    """Refuse evaluations on images that count as unseen but were trained on, or as seen but were not."""
    trained = {name for name, model in config.models.items() if isinstance(model, PretrainNetwork)}
    drawings = [name for name, dataset in config.datasets.items() if isinstance(dataset, EmojiDataset)]
    if section.images in drawings:
        drawings += [n for n, d in config.datasets.items() if getattr(d, "name", "") == "openmoji"]
    for protocol, part in config.protocols.running.items():
        if not trained & set(config.select(part.models)):
            continue
        if isinstance(part, CellsSection) and section.styles and section.images == part.dataset:
            raise ConfigError(
                f"config: pretraining.styles: protocols.{protocol} counts every style of the training split "
                f"of {section.images!r} as seen, so pretraining must use them all; remove this key and "
                f"choose styles with datasets.{section.images}.styles instead"
            )
        shared = [name for name in part.covered if name in drawings and name != section.images]
        if shared and section.images in drawings:
            raise ConfigError(
                f"config: protocols.{protocol}.datasets: {shared[0]!r} has drawings of {section.images!r}, "
                f"which pretraining trains on; remove this dataset, or exclude the trained models with "
                f"protocols.{protocol}.models"
            )
