"""Load a configuration: read the YAML, check the types, and check that the sections fit together."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from wordsight.catalogue import places
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.consistency import check
from wordsight.config.experiment import Config
from wordsight.config.messages import one_line
from wordsight.config.models import PretrainNetwork, with_traits
from wordsight.config.pretraining import PretrainingSection
from wordsight.errors import ConfigError


def read(path: Path | str) -> dict[str, Any]:
    """Plain values of a configuration.

    Raises
    ------
    ConfigError
        When the file can't be read, isn't YAML as :mod:`wordsight.config.strict_yaml` reads it, or has no
        keys. The error names the file and the line.
    """
    from wordsight.config import strict_yaml  # imported here to save 15 ms in jobs, which get plain values

    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: {'this is no file' if path.exists() else 'there is no such file'}")
    try:
        with path.open(encoding="utf-8") as file:
            values = strict_yaml.parse(file.read(strict_yaml.LARGEST + 1))
    except OSError as error:
        raise ConfigError(f"{path}: the configuration can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the file isn't text in UTF-8; save it in that encoding") from None
    except strict_yaml.StrictError as error:
        line = f", line {error.line}" if error.line else ""
        raise ConfigError(f"{path}{line}: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a configuration needs keys at its top level; see config/README.md")
    return values


def load(values: Mapping[str, Any]) -> Config:
    """Check a configuration, and add the models that the workflow trains.

    Raises
    ------
    ConfigError
        For the first mistake. The error names the key and, for an unknown name, the nearest valid one.
    """
    _check_texts(values)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(one_line(error, values)) from None
    if not config.protocols.running:
        raise ConfigError(f"config: protocols: there is none; set one or more of {', '.join(PROTOCOLS)}")
    config = _with_read_outs(_with_trained_models(config))
    check(config)
    return config


def _check_texts(values: Any, path: str = "config") -> None:
    """Refuse a key that isn't text, and half of a character, which can't be written to any file."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if not isinstance(key, str):
                raise ConfigError(f"{path}: the key {key!r} isn't text; quote it where it is written")
            _check_texts(key, path)
            _check_texts(value, f"{path}: {key}" if path == "config" else f"{path}.{key}")
    elif isinstance(values, list):
        for place, value in enumerate(values):
            _check_texts(value, f"{path}.{place}")
    elif isinstance(values, str):
        try:
            values.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{path}: {values[:60]!r} has half of a character; write the whole character"
            ) from None


def _with_read_outs(config: Config) -> Config:
    """Add a model for each further place where an entry reads features.

    It has the name of the entry and of the place. All places of an entry are one family, since they are of
    one training.
    """
    models: dict[str, Any] = {}
    networks: dict[str, str] = {}
    for name, section in config.models.items():
        if not isinstance(section.features, list):
            models[name] = section
            continue
        family = {"family": section.family or name} if len(section.features) > 1 else {}
        for number, place in enumerate(section.features):
            model = f"{name}-{places.slug(place)}" if number else name
            if place in section.features[:number]:
                raise ConfigError(
                    f"config: models.{name}.features: {places.word(place)} is listed twice; remove one"
                )
            if number and model in config.models:
                raise ConfigError(
                    f"config: models.{model}: this name is taken by a place in models.{name}.features; "
                    "choose another one"
                )
            models[model] = section.model_copy(update={"features": place, **family})
            networks |= {model: name} if number else {}
    return config.reading(models, networks)


def _with_trained_models(config: Config) -> Config:
    """Add a model for each seed of each objective of ``pretraining``."""
    trained = dict(_trained_models(config.pretraining)) if config.pretraining else {}
    objectives = set(config.pretraining.objectives) if config.pretraining else set()
    twice = sorted((trained.keys() | objectives) & config.models.keys())
    if twice:
        raise ConfigError(
            f"config: models.{twice[0]}: this name is taken by a model of pretraining; choose another one"
        )
    if not trained and not config.models:
        raise ConfigError("config: models: there is no model; add one here, or under pretraining.objectives")
    return config.model_copy(update={"models": {**config.models, **trained}})


def _trained_models(section: PretrainingSection) -> Iterator[tuple[str, Any]]:
    for objective, budget in section.objectives.items():
        untrained = objective == "untrained"
        for seed in range(budget.seeds):
            yield (
                f"{objective}-{seed}",
                with_traits(PretrainNetwork)(
                    source="pretrain",
                    architecture=section.architecture,
                    objective=objective,
                    seed=seed,
                    learning_rate=budget.learning_rate,
                    language=OBJECTIVES[objective].language,
                    pretraining_images=0 if untrained else section.images_seen,
                    pretraining_data="none" if untrained else section.images,
                    robust=OBJECTIVES[objective].robust,
                ),
            )


def validate(kind: Any, values: Mapping[str, Any]) -> Any:
    """Typed section from the plain values that a step gets; ``kind`` is one of this package's types."""
    return TypeAdapter(kind).validate_python(values)


def protocol_parameters(protocol: str, values: Mapping[str, Any]) -> Any:
    """Typed parameters of a protocol from the plain values that its step gets."""
    return validate(PROTOCOLS[protocol].parameters, values)
