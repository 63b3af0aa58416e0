"""Which models a contrast compares; from the configuration alone, since Snakemake needs it before any job."""

from wordsight.config.experiment import Config
from wordsight.errors import ConfigError
from wordsight.statistics.comparison import Comparison


def pair(config: Config, name: str) -> list[tuple[str, str]]:
    """Pairs of a contrast: every treatment with every control of equal traits.

    Raises
    ------
    ConfigError
        When a model is on both sides, or no treatment and control match. The error names the contrast's key.
    """
    contrast = config.contrasts[name]
    treatments, controls = config.select(contrast.treatment), config.select(contrast.control)
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
            f"config: contrasts.{name}: no treatment and control have equal {' and '.join(contrast.match)} "
            f"(treatment {', '.join(treatments)}; control {', '.join(controls)})"
        )
    return pairs


def resolve(config: Config) -> list[Comparison]:
    """Comparisons of all contrasts, in the order of the configuration."""
    comparisons = []
    for name, contrast in config.contrasts.items():
        pairs = pair(config, name)
        groups = [_traits(config, name, treatment) for treatment, _ in pairs]
        comparisons.append(Comparison(name=name, question=contrast.question, pairs=pairs, groups=groups))
    return comparisons


def _traits(config: Config, name: str, model: str) -> str:
    """Values of the traits that the two models of a pair must share, which ``match`` names."""
    section = config.models[model]
    values = {
        "architecture": config.architecture(model),
        "group": section.group,
        "seed": getattr(section, "seed", None),
    }
    return ", ".join(str(values[trait]) for trait in config.contrasts[name].match)
