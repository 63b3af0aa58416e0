"""How plain values become the typed configuration, and in which line a mistake is told."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.section import nearest
from wordsight.config.consistency import check
from wordsight.config.experiment import Config
from wordsight.config.models import PretrainModel
from wordsight.config.pretraining import PretrainingSection
from wordsight.errors import ConfigError


def load(values: Mapping[str, Any]) -> Config:
    """Check and complete a configuration.

    Raises
    ------
    ConfigError
        One line: the key's path, what was expected, the nearest valid name.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    config = _with_trained_models(config)
    check(config)
    return config


def _with_trained_models(config: Config) -> Config:
    """Add a model for each seed of each objective of ``pretraining``."""
    by_hand = [name for name, model in config.models.items() if isinstance(model, PretrainModel)]
    if by_hand:
        raise ConfigError(
            f"config: models.{by_hand[0]}.source: expected no 'pretrain' here; an objective and its seeds "
            "under pretraining.objectives make such models"
        )
    trained = dict(_trained_models(config.pretraining)) if config.pretraining else {}
    objectives = set(config.pretraining.objectives) if config.pretraining else set()
    twice = sorted((trained.keys() | objectives) & config.models.keys())
    if twice:
        raise ConfigError(
            f"config: models.{twice[0]}: expected another name, since pretraining makes models of this one"
        )
    if not trained and not config.models:
        raise ConfigError("config: models: expected at least one model, here or by pretraining.objectives")
    return config.model_copy(update={"models": {**config.models, **trained}})


def _trained_models(section: PretrainingSection) -> Iterator[tuple[str, PretrainModel]]:
    for objective, budget in section.objectives.items():
        for seed in range(budget.seeds):
            yield (
                f"{objective}-{seed}",
                PretrainModel(
                    source="pretrain",
                    architecture=section.architecture,
                    objective=objective,
                    seed=seed,
                    learning_rate=budget.learning_rate,
                    language=OBJECTIVES[objective].language,
                    pretraining_images=0 if objective == "untrained" else section.images_seen,
                    pretraining_data="none" if objective == "untrained" else section.images,
                    robust=OBJECTIVES[objective].robust,
                ),
            )


def validate(kind: Any, values: Mapping[str, Any]) -> Any:
    """Typed section from the plain values that a step was given; ``kind`` is one of this package's types."""
    return TypeAdapter(kind).validate_python(values)


def protocol_parameters(protocol: str, values: Mapping[str, Any]) -> Any:
    """What the step of a protocol reads, typed, from the plain values that it was given."""
    return validate(PROTOCOLS[protocol].parameters, values)


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    # Members of unions are no keys of the file.
    path = [str(part) for part in first["loc"] if "[" not in str(part)]
    if path[:1] in (["datasets"], ["models"], ["text_models"]) and first["type"] not in (
        "union_tag_invalid",
        "union_tag_not_found",
    ):
        del path[2:3]  # the member of the union, which is not a key of the file
    message = first["msg"][0].lower() + first["msg"][1:]
    given = first.get("input")
    context = first.get("ctx", {})
    if first["type"] == "missing":
        message = "this key is required"
    elif first["type"] == "literal_error":
        valid = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        message = f"unknown value {given!r}; {nearest(str(given), valid)}"
    elif first["type"] == "union_tag_invalid":
        valid = [word.strip("' ") for word in str(context["expected_tags"]).split(",")]
        path.append("source")
        message = f"unknown value {context['tag']!r}; {nearest(str(context['tag']), valid)}"
    elif first["type"] == "union_tag_not_found":
        path.append("source")
        message = "this key is required"
    elif not isinstance(given, Mapping):
        message += f", not {given!r}"
    return f"config: {'.'.join(path) or 'top level'}: {message}"
