"""Writing the files of a model: weights, what they are, and what they were learned from."""

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
    """Write the files of a network that has its weights.

    Parameters
    ----------
    pretrained : where the weights are from, with the preprocessing that goes with them
    training : how the workflow trained it

    Raises
    ------
    ValueError
        When ``pretrained`` has no preprocessing.
    """
    if pretrained.preprocessing is None:
        raise ValueError(f"{name}: expected the preprocessing that goes with the weights")
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
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        classifier=section.classifier,
        seed=pretrained.seed,
        training=training,
        configuration=backbone.configuration,
    )
    write_json(directory / "network.json", card.model_dump(mode="json"))
    return card
