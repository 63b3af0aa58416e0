"""Read a model as a frozen encoder, from the files that are the same for every source."""

from pathlib import Path

from wordsight.models import architectures, tensors
from wordsight.models.card import read_network
from wordsight.models.encoder import Encoder, resolve_device


def load(directory: Path | str, device: str = "cpu") -> Encoder:
    """Encoder from the files of a model: frozen, in evaluation mode, channels last.

    Parameters
    ----------
    directory : folder with ``weights.safetensors`` and ``network.json``
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``

    Raises
    ------
    WeightsError
        When a file is missing, or the weights do not have the SHA-256 in the card.
    ConfigError
        When the machine has no such device.
    """
    card, path = read_network(directory), Path(directory) / "weights.safetensors"
    weights = tensors.read(path, card.weights_sha256)
    backbone, _ = architectures.build(card.architecture, configuration=card.configuration)
    backbone.keep_head(card.classifier, card.name)
    backbone.load(weights, str(path))
    return Encoder(backbone, card).to(resolve_device(device))
