"""Whether sections fit together: names stand for something, and nothing is tested that was trained on."""

from collections.abc import Mapping

from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.section import nearest
from wordsight.config.datasets import EmojiDataset
from wordsight.config.experiment import Config
from wordsight.config.models import PretrainModel
from wordsight.config.pretraining import PretrainingSection
from wordsight.config.protocols import CellsSection
from wordsight.config.selector import Selector
from wordsight.errors import ConfigError


def check(config: Config) -> None:
    """Check that every name stands for a declared dataset or model, and that no selector is empty."""

    def known(path: str, names: list[str], valid: list[str], kind: str) -> None:
        for name in names:
            if name not in valid:
                raise ConfigError(f"config: {path}: unknown {kind} {name!r}; {nearest(name, valid)}")

    def selects(path: str, selector: Selector) -> None:
        known(f"{path}.models", selector.models or [], list(config.models), "model")
        if not config.select(selector):
            wanted = selector.model_dump(exclude_none=True)
            raise ConfigError(f"config: {path}: expected at least one model, but none matches {wanted}")

    for protocol, section in config.protocols.running.items():
        path = f"protocols.{protocol}"
        key = "dataset" if isinstance(section, CellsSection) else "datasets"
        known(f"{path}.{key}", section.covered, list(config.datasets), "dataset")
        selects(f"{path}.models", section.models)
    if config.pretraining:
        known("pretraining.images", [config.pretraining.images], list(config.datasets), "dataset")
        _check_leaks(config, config.pretraining)
    for name, contrast in config.contrasts.items():
        for side in ("treatment", "control"):
            selects(f"contrasts.{name}.{side}", getattr(contrast, side))
    metrics = sorted({record.primary for record in PROTOCOLS.values()})
    known("statistics.margins", list(config.statistics.margins), metrics, "metric")
    for family, names in config.statistics.families.items():
        known(f"statistics.families.{family}", names, list(config.contrasts), "contrast")
    _check_families(config.statistics.families)


def _check_families(families: Mapping[str, list[str]]) -> None:
    taken: dict[str, str] = {}
    for family, names in families.items():
        for name in names:
            if taken.setdefault(name, family) != family:
                raise ConfigError(
                    f"config: statistics.families.{family}: expected each contrast in one family, "
                    f"but {name!r} is in {taken[name]!r} too"
                )


def _check_leaks(config: Config, section: PretrainingSection) -> None:
    """Refuse evaluations whose unseen images or styles training may have seen, or seen styles it has not."""
    trained = {name for name, model in config.models.items() if isinstance(model, PretrainModel)}
    drawings = [name for name, dataset in config.datasets.items() if isinstance(dataset, EmojiDataset)]
    if section.images in drawings:
        drawings += [n for n, d in config.datasets.items() if getattr(d, "name", "") == "openmoji"]
    for protocol, part in config.protocols.running.items():
        if not trained & set(config.select(part.models)):
            continue
        if isinstance(part, CellsSection) and section.styles and section.images == part.dataset:
            raise ConfigError(
                f"config: pretraining.styles: expected none beside protocols.{protocol}, which takes all "
                f"styles of the training split of {section.images}; use datasets.{section.images}.styles"
            )
        shared = [name for name in part.covered if name in drawings and name != section.images]
        if shared and section.images in drawings:
            raise ConfigError(
                f"config: protocols.{protocol}.datasets: {shared[0]!r} shares drawings with "
                f"{section.images!r}, on which pretraining trains; leave it out, or those models"
            )
