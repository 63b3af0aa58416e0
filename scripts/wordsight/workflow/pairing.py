"""Which models a contrast compares; from the configuration alone, since Snakemake needs it before any job."""

from collections.abc import Iterable, Sequence

from wordsight.catalogue.places import word
from wordsight.config.experiment import Config
from wordsight.config.selector import Selector
from wordsight.errors import ConfigError
from wordsight.statistics.comparison import Comparison


def pair(config: Config, name: str) -> list[tuple[str, str]]:
    """Pairs of a contrast: every treatment with every control of equal traits.

    Raises
    ------
    ConfigError
        When a model is on both sides, or no treatment and control match. The error names the contrast's key.
    """
    treatments, controls = _sides(config, name)
    both = [model for model in treatments if model in controls]
    if both:
        raise ConfigError(
            f"config: contrasts.{name}: {both[0]!r} is both a treatment and a control; narrow one of them"
        )
    pairs = [
        (t, c) for t in treatments for c in controls if _traits(config, name, t) == _traits(config, name, c)
    ]
    if not pairs:
        raise ConfigError(
            f"config: contrasts.{name}: no treatment and control have equal "
            f"{' and '.join(config.contrasts[name].match)} "
            f"(treatment {', '.join(treatments)}; control {', '.join(controls)})"
        )
    return pairs


def resolve(config: Config) -> list[Comparison]:
    """Comparisons of all contrasts, in the order of the configuration.

    Sides that are matched by seed alone are compared as a whole: the statistics pair them where that pays.
    """
    comparisons = []
    for name, contrast in config.contrasts.items():
        pairs = pair(config, name)
        models = [model for side in (0, 1) for model in dict.fromkeys(pair[side] for pair in pairs)]
        seeds: dict[str, int] = {}
        if contrast.match == ["seed"] and all(_seed(config, model) is not None for model in models):
            sides = _sides(config, name)
            pairs = [(treatment, control) for treatment in sides[0] for control in sides[1]]
            models = [*sides[0], *sides[1]]
            found = {model: _seed(config, model) for model in models}
            seeds = {model: seed for model, seed in found.items() if seed is not None}
        groups = ["" if seeds else _traits(config, name, treatment) for treatment, _ in pairs]
        families = {
            model: family for model in models if (family := _family(config, model, models)) is not None
        }
        comparisons.append(
            Comparison(
                name=name,
                question=contrast.question,
                pairs=pairs,
                groups=groups,
                seeds=seeds,
                families=families,
                elsewhere=_elsewhere(config, models),
                metrics=dict(contrast.metrics),
                baseline=any(_untrained(config, side) for side in zip(*pairs, strict=True)),
            )
        )
    return comparisons


def _sides(config: Config, name: str) -> tuple[list[str], list[str]]:
    """Models of a contrast's treatment and control."""
    contrast = config.contrasts[name]
    return _side(config, contrast.treatment), _side(config, contrast.control)


def _side(config: Config, selector: Selector) -> list[str]:
    """Models of a side: the first place where each network is read, unless the selector names places."""
    models = config.select(selector)
    if selector.features is not None or selector.models is not None:
        return models
    return [model for model in models if config.network(model) == model]


def _family(config: Config, model: str, compared: Sequence[str]) -> str | None:
    """Family of a model; None for a network of whose several places one alone is compared."""
    family = config.models[model].family
    several = len(config.readings(config.network(model))) > 1
    alone = [other for other in compared if config.models[other].family == family] == [model]
    return None if several and alone else family


def _elsewhere(config: Config, compared: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each further place where compared networks are read, the model there by the compared one."""
    found: dict[str, dict[str, str]] = {}
    for model in compared:
        for reading in config.readings(model)[1:]:
            if reading not in compared:
                found.setdefault(word(config.read_out(reading)), {})[model] = reading
    return found


def _untrained(config: Config, models: Iterable[str]) -> bool:
    return all(config.models[model].pretraining_images == 0 for model in models)


def _seed(config: Config, model: str) -> int | None:
    return getattr(config.models[model], "seed", None)


def _traits(config: Config, name: str, model: str) -> str:
    """Values of the traits that the two models of a pair must share, which ``match`` names."""
    section = config.models[model]
    values = {
        "architecture": config.architecture(model),
        "group": section.group,
        "seed": _seed(config, model),
    }
    return ", ".join(str(values[trait]) for trait in config.contrasts[name].match)
