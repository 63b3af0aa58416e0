"""Write the files of a network: its weights and its card."""

from pathlib import Path

from wordsight.catalogue.architectures import architecture_of
from wordsight.config.models import Network
from wordsight.files.disk import write_json
from wordsight.files.hashing import sha256
from wordsight.models import tensors
from wordsight.models.card import NetworkCard, TrainingCard
from wordsight.models.encoder import Backbone
from wordsight.models.pretrained import Pretrained


def save(
    backbone: Backbone,
    section: Network,
    name: str,
    directory: Path | str,
    pretrained: Pretrained,
    training: TrainingCard | None = None,
) -> NetworkCard:
    """Write ``weights.safetensors`` and ``network.json``.

    Parameters
    ----------
    pretrained : where the weights are from, and their preprocessing
    training : how the workflow trained the network, None for fetched networks

    Raises
    ------
    ValueError
        When ``pretrained`` has no preprocessing.
    """
    if pretrained.preprocessing is None:
        raise ValueError(f"{name}: the weights have no preprocessing")
    directory = Path(directory)
    tensors.write(directory / "weights.safetensors", backbone.tensors())
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
        places=backbone.places(pretrained.preprocessing.image_size),
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        classifier=section.classifier,
        seed=pretrained.seed,
        training=training,
        configuration=backbone.configuration,
    )
    write_json(directory / "network.json", card.model_dump(mode="json"))
    return card
