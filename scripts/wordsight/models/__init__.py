"""Models: every source becomes the same files, ``weights.safetensors``, ``network.json`` and ``card.json``.

A source is a module of this package with ``acquire(section) -> Pretrained``, found by its name in the
configuration.
"""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wordsight.config import Network, Traits, architecture_of
from wordsight.errors import ConfigError, WeightsError
from wordsight.models.card import ModelCard, NetworkCard, TrainingCard, read_card, read_network
from wordsight.storage import sha256, write_json

if TYPE_CHECKING:  # reading a card takes no torch
    from wordsight.models.encoder import Backbone, Encoder
    from wordsight.models.weights import Pretrained

__all__ = ["ModelCard", "NetworkCard", "TrainingCard", "describe", "fetch", "load", "read_card", "save"]


def fetch(section: Network, name: str, directory: Path | str) -> NetworkCard:
    """Bring a network into the form that every step reads. The same arguments give the same bytes.

    Parameters
    ----------
    section : the model's section of the configuration, with its traits or without
    name : its key there
    directory : where ``weights.safetensors`` and ``network.json`` go

    Raises
    ------
    WeightsError
        When the weights are missing, damaged, unsafe or do not fit the architecture.
    ConfigError
        When the library has no such network or weights, the network does not take images of that size, or
        ``classifier`` is set and the network has none.
    """
    from wordsight.models import architectures

    pretrained = importlib.import_module(f"wordsight.models.{section.source}").acquire(section)
    if section.sha256 and not pretrained.sha256.startswith(section.sha256):
        found = pretrained.sha256 or "no file"
        raise WeightsError(f"{pretrained.origin}: expected SHA-256 {section.sha256}, found {found}")
    backbone, usual = architectures.build(architecture_of(section), configuration=pretrained.configuration)
    _keep_or_drop_head(backbone, section.classifier, name)
    preprocessing = pretrained.preprocessing or usual
    if preprocessing.resize < preprocessing.image_size:
        raise ConfigError(f"config: models.{name}.preprocessing.resize: expected at least image_size")
    backbone.load(pretrained.tensors, pretrained.origin)
    backbone.check(preprocessing.image_size, name)
    return save(backbone, section, name, directory, replace(pretrained, preprocessing=preprocessing))


def save(
    backbone: "Backbone",
    section: Network,
    name: str,
    directory: Path | str,
    pretrained: "Pretrained",
    training: TrainingCard | None = None,
) -> NetworkCard:
    """Write the files of a network that has its weights.

    Parameters
    ----------
    pretrained : where the weights are from, with the preprocessing that goes with them
    training : how the workflow trained it
    """
    from wordsight.models import weights

    directory = Path(directory)
    weights.write(directory / "weights.safetensors", backbone.tensors())
    assert pretrained.preprocessing is not None
    card = NetworkCard(
        name=name,
        source=section.source,
        architecture=architecture_of(section),
        origin=pretrained.origin,
        licence=pretrained.licence,
        sha256=pretrained.sha256,
        weights_sha256=sha256(directory / "weights.safetensors"),
        preprocessing=pretrained.preprocessing,
        feature_size=backbone.feature_size,
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        classifier=section.classifier,
        seed=pretrained.seed,
        training=training,
        configuration=backbone.configuration,
    )
    write_json(directory / "network.json", card.model_dump(mode="json"))
    return card


def describe(traits: Traits, directory: Path | str) -> ModelCard:
    """Write ``card.json`` of a fetched network: what it is, and what it learned from.

    A licence in the configuration takes the place of what the source states.
    """
    network = read_network(directory)
    card = ModelCard(**network.model_dump() | traits.model_dump(exclude_none=True))
    write_json(Path(directory) / "card.json", card.model_dump(mode="json"))
    return card


def load(directory: Path | str, device: str = "cpu") -> "Encoder":
    """Encoder from what :func:`fetch` wrote: frozen, in evaluation mode, channels last.

    Parameters
    ----------
    directory : with ``weights.safetensors`` and ``network.json``
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``

    Raises
    ------
    WeightsError
        When a file is missing or its bytes are not those that the card records.
    ConfigError
        When the machine has no such device.
    """
    from wordsight.models import architectures, weights
    from wordsight.models.encoder import Encoder, resolve_device

    card, path = read_network(directory), Path(directory) / "weights.safetensors"
    tensors = weights.read(path, card.weights_sha256)
    backbone, _ = architectures.build(card.architecture, configuration=card.configuration)
    _keep_or_drop_head(backbone, card.classifier, card.name)
    backbone.load(tensors, str(path))
    return Encoder(backbone, card).to(resolve_device(device))


def _keep_or_drop_head(backbone: "Backbone", classifier: str | None, name: str) -> None:
    if classifier is None:
        backbone.drop_head()
    elif backbone.head is None:
        raise ConfigError(
            f"config: models.{name}.classifier: expected no classifier, since this network has none to keep"
        )
