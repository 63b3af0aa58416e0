"""Read a model as a frozen encoder, from the files that are the same for every source."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wordsight.catalogue.places import ReadOut
from wordsight.config.load import validate
from wordsight.models import architectures, tensors
from wordsight.models.card import NetworkCard, read_at, read_network
from wordsight.models.encoder import Backbone, Encoder, resolve_device

Reading = tuple[Path, str, ReadOut]  # folder of a network, name of the model, and where it is read


def readings(weights: Sequence[str], models: Sequence[str], places: Sequence[Any]) -> list[Reading]:
    """Readings of the models of a job, from files of weights and from plain values of its places."""
    return [
        (Path(path).parent, model, validate(ReadOut, place))
        for path, model, place in zip(weights, models, places, strict=True)
    ]


def load(
    directory: Path | str, device: str = "cpu", *, name: str | None = None, place: ReadOut | None = None
) -> Encoder:
    """Encoder from the files of a network: frozen, in evaluation mode, channels last.

    Parameters
    ----------
    directory : folder with ``weights.safetensors`` and ``network.json``
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``
    name : of the model, if it isn't that of the network
    place : where the features are read; the network's default place if None

    Raises
    ------
    WeightsError
        When a file is missing, or the weights do not have the SHA-256 in the card.
    ConfigError
        When the machine has no such device.
    """
    card = read_network(directory)
    backbone = _backbone(card, Path(directory) / "weights.safetensors")
    return _encoder(backbone, card, name or card.name, place or backbone.default, device)


def load_all(readings: Iterable[Reading], device: str = "cpu") -> list[Encoder]:
    """Several encoders. Those that read the same network share it, so that one pass serves them all."""
    cards: dict[Path, NetworkCard] = {}
    backbones: dict[Path, Backbone] = {}
    encoders = []
    for directory, name, place in readings:
        if directory not in cards:
            cards[directory] = read_network(directory)
            backbones[directory] = _backbone(cards[directory], Path(directory) / "weights.safetensors")
        encoders.append(_encoder(backbones[directory], cards[directory], name, place, device))
    return encoders


def _backbone(card: NetworkCard, path: Path) -> Backbone:
    weights = tensors.read(path, card.weights_sha256)
    backbone, _ = architectures.build_to_load(card.architecture, card.configuration)
    backbone.keep_head(card.classifier, card.name)
    backbone.load(weights, str(path))
    return backbone


def _encoder(backbone: Backbone, card: NetworkCard, name: str, place: ReadOut, device: str) -> Encoder:
    return Encoder(backbone, NetworkCard(**read_at(card, name, place)), place).to(resolve_device(device))
