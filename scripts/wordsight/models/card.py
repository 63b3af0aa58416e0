"""The cards of a model: ``network.json`` describes the network, and ``card.json`` adds the model's traits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from wordsight.catalogue.places import Layer, ReadOut, default, word
from wordsight.catalogue.section import Section
from wordsight.config.models import PreprocessingSection, Traits
from wordsight.errors import DataError, WeightsError
from wordsight.files import cards
from wordsight.files.disk import write_json


class TrainingCard(Section):
    """How the workflow trained a network.

    Attributes
    ----------
    images : training images
    images_seen : images of all steps together; each training image counts as often as it was seen
    flops : floating-point operations of the whole training, all views and attacks included
    final_loss : mean over the last epoch
    measure : name of the measure that shows whether the objective was learned
    measured, at_start : share of the images that meet it, after and before training
    chance : the same share for an encoder that knows nothing
    learned : whether ``measured`` is above both ``at_start`` and ``chance`` by more than two standard errors
    """

    objective: str
    seed: int
    images: Annotated[int, Field(ge=0)]
    images_seen: Annotated[int, Field(ge=0)]
    flops: Annotated[int, Field(ge=0)]
    learning_rate: float | None = None
    final_loss: float | None = None
    measure: str | None = None
    measured: float | None = None
    at_start: float | None = None
    chance: float | None = None
    learned: bool | None = None


class NetworkCard(Section):
    """What is known of a fetched network, for the steps that run it.

    Attributes
    ----------
    name : its key in the configuration
    source : module of ``wordsight.models.sources`` that fetched it, or ``pretrain``
    architecture : ``family/name``; equal for trained and untrained networks
    origin : address, path or ``package==version``
    sha256 : of the origin's file; empty for a network that came from no file
    weights_sha256 : of ``weights.safetensors``
    preprocessing : how an image becomes the network's input
    feature_size : width d of the features at the default place
    places : width of the features at every place where they can be read; each layer is listed with its mean
    parameters : number of trainable values in the part that is kept
    classifier : label space of the network's own last layer, None if that layer is not kept
    seed : of the initialisation; None for networks that were fetched with trained weights
    training : how the workflow trained it, None for fetched networks
    configuration : settings that its family needs besides the name to build it, None if the name is enough
    """

    name: str
    source: str
    architecture: str
    origin: str
    licence: str
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    preprocessing: PreprocessingSection
    feature_size: Annotated[int, Field(ge=1)]
    places: dict[str, int]
    parameters: Annotated[int, Field(ge=0)]
    classifier: str | None
    seed: int | None
    training: TrainingCard | None = None
    configuration: dict[str, Any] | None = None


class ModelCard(NetworkCard, Traits):
    """Card of a model: its network, where its features are read, and its traits as configured.

    It is separate from :class:`NetworkCard`, so that correcting a trait reruns no network, and because
    several models may read one network.

    Attributes
    ----------
    features : place where the features are read
    """

    licence: str
    features: str

    @property
    def passes(self) -> int | None:
        """Passes of an image through the network in its training; None where they are not known."""
        return self.images_seen * self.views if self.images_seen and self.views else None


Card = TypeVar("Card", bound=NetworkCard)


def read_network(directory: Path | str) -> NetworkCard:
    """Read the card of a fetched network; raises :class:`WeightsError` if the file is not such a card."""
    return _read(Path(directory) / "network.json", NetworkCard)


def read_card(directory: Path | str) -> ModelCard:
    """Read the card of a model; raises :class:`WeightsError` if the file is not such a card."""
    return _read(Path(directory) / "card.json", ModelCard)


def read_cards(paths: Iterable[Path | str]) -> dict[str, ModelCard]:
    """Cards of models by name, in the order of the files."""
    return {card.name: card for card in (read_card(Path(path).parent) for path in paths)}


def _read(path: Path, kind: type[Card]) -> Card:
    try:
        return cards.read(path, kind, "the card of a model")
    except DataError as error:
        raise WeightsError(str(error)) from None


def read_at(network: NetworkCard, name: str, place: ReadOut) -> dict[str, Any]:
    """Values of a network's card for the model ``name``, which reads its features at one place."""
    width = network.places[word(Layer(layer=place.layer)) if isinstance(place, Layer) else place]
    return network.model_dump() | {"name": name, "feature_size": width}


def describe(
    traits: Traits, directory: Path | str, *, network: Path | str | None = None, place: ReadOut | None = None
) -> ModelCard:
    """Write ``card.json`` of a model: the card of its network, where it is read, and the model's traits.

    A licence in the configuration replaces the one that the source states.

    Parameters
    ----------
    directory : folder of the model
    network : folder of its network, if that is another one, whose name is then not the model's
    place : where the features are read; the network's default place if None
    """
    found = read_network(network or directory)
    place = place or default(found.architecture)
    values = read_at(found, Path(directory).name if network else found.name, place)
    card = ModelCard(**values | {"features": word(place)} | traits.model_dump(exclude_none=True))
    write_json(Path(directory) / "card.json", card.model_dump(mode="json"))
    return card
