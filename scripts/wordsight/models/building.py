"""Fetch a network from its source, and write the files that every other step reads.

A source is a module of :mod:`wordsight.models.sources` with ``acquire(section) -> Pretrained``. The key
``source`` of the configuration names it.
"""

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wordsight.catalogue.architectures import architecture_of
from wordsight.catalogue.places import Layer, ReadOut, word
from wordsight.config.models import LibraryNetwork, Network, PreprocessingSection
from wordsight.errors import ConfigError, WeightsError
from wordsight.models import architectures
from wordsight.models.card import NetworkCard
from wordsight.models.read_outs import listed
from wordsight.models.writing import save


def fetch(section: Network, name: str, directory: Path | str) -> NetworkCard:
    """Fetch a network and write its files. The same arguments give the same bytes.

    Parameters
    ----------
    section : the model's section of the configuration, with or without its traits
    name : its key there
    directory : where ``weights.safetensors`` and ``network.json`` go

    Raises
    ------
    WeightsError
        When the weights are missing, damaged or unsafe, or do not fit the architecture.
    ConfigError
        When the library has no such network or weights, the network does not take images of that size,
        ``classifier`` or ``features`` asks for what the network doesn't have, or an entry contradicts what
        the library states.
    """
    pretrained = importlib.import_module(f"wordsight.models.sources.{section.source}").acquire(section)
    if section.sha256 and not pretrained.sha256.startswith(section.sha256):
        found = pretrained.sha256 or "no file"
        raise WeightsError(
            f"{pretrained.origin}: expected SHA-256 {section.sha256}, found {found}; get the file again, or "
            "correct `sha256`"
        )
    backbone, default = architectures.build_to_load(architecture_of(section), pretrained.configuration)
    backbone.keep_head(section.classifier, name)
    preprocessing = _preprocessing(section, name, pretrained.preprocessing or default)
    if preprocessing.resize < preprocessing.image_size:
        raise ConfigError(f"config: models.{name}.preprocessing.resize: expected at least image_size")
    backbone.load(pretrained.tensors, pretrained.origin, getattr(section, "prefix", None))
    backbone.check(preprocessing.image_size, name)
    _check_places(section, name, backbone.places(preprocessing.image_size))
    return save(backbone, section, name, directory, replace(pretrained, preprocessing=preprocessing))


def _check_places(section: Network, name: str, places: Mapping[str, int]) -> None:
    """Refuse places that this network doesn't have. Its layers are pooled as its last tokens are."""
    wanted = section.features if isinstance(section.features, list) else [section.features]
    for place in wanted:
        needed: list[ReadOut] = [] if place is None else [place]
        if isinstance(place, Layer):
            needed = [Layer(layer=place.layer), *([] if place.pool == "mean" else [place.pool])]
        if place is not None and not set(map(word, needed)) <= places.keys():
            raise ConfigError(
                f"config: models.{name}.features: this network has no {word(place)}; it has {listed(places)}"
            )


def _preprocessing(section: Network, name: str, stated: PreprocessingSection) -> PreprocessingSection:
    """Preprocessing that the library states, with the changes of the entry.

    Published weights expect one normalisation, so that another is a mistake. The weights in a file of the
    user's own may have been trained with another.
    """
    changes = section.preprocessing if isinstance(section, LibraryNetwork) else None
    if changes is None:
        return stated
    preprocessing = changes.applied_to(stated)
    for key in ("mean", "std"):
        wanted, found = getattr(stated, key), getattr(preprocessing, key)
        if wanted != found and getattr(section, "path", None) is None:
            raise ConfigError(
                f"config: models.{name}.preprocessing.{key}: {section.source} states {list(wanted)} for "
                f"these weights, found {list(found)}; leave the key out"
            )
    return preprocessing
