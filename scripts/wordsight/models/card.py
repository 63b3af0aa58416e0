"""What a fetched model says of itself: ``network.json``, and with its traits ``card.json``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from wordsight.catalogue.section import Section
from wordsight.config.models import PreprocessingSection, Traits
from wordsight.errors import DataError, WeightsError
from wordsight.files import cards
from wordsight.files.disk import write_json


class TrainingCard(Section):
    """How a network was trained that the workflow trained itself.

    Attributes
    ----------
    images : training images, each of which was seen several times
    images_seen : images of all steps
    flops : floating-point operations of the whole training, all views and attacks included
    final_loss : mean over the last epoch
    measure : what shows that the objective was learned; the share of images that meet it is ``measured``,
        that before training ``at_start``, and that of an encoder that knows nothing ``chance``
    learned : whether ``measured`` is above both by more than two standard errors
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
    """What is known of a network once it is fetched, and all that the steps read which run it.

    Attributes
    ----------
    name : its key in the configuration
    source : module of ``wordsight.models`` that fetched it
    architecture : ``family/name``; equal for trained and untrained networks
    origin : address, path or ``package==version``
    sha256 : of the origin's file; empty for a network that was never trained
    weights_sha256 : of ``weights.safetensors``
    preprocessing : how an image becomes the network's input
    feature_size : width d of the features
    parameters : number of trainable values in what is kept
    classifier : label space of the network's own last layer, None where that is not kept
    seed : of the initialisation, None for trained networks
    training : how the workflow trained it, None for others
    configuration : what its family builds the network from besides the name, None where the name is enough
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
    parameters: Annotated[int, Field(ge=0)]
    classifier: str | None
    seed: int | None
    training: TrainingCard | None = None
    configuration: dict[str, Any] | None = None


class ModelCard(NetworkCard, Traits):
    """Card of a model: its network, and what it learned from as configured.

    Apart from :class:`NetworkCard`, so that a corrected trait runs no network again.
    """

    licence: str


Card = TypeVar("Card", bound=NetworkCard)


def read_network(directory: Path | str) -> NetworkCard:
    """Read the card of a fetched network; :class:`WeightsError` names a file that is none."""
    return _read(Path(directory) / "network.json", NetworkCard)


def read_card(directory: Path | str) -> ModelCard:
    """Read the card of a model; :class:`WeightsError` names a file that is none."""
    return _read(Path(directory) / "card.json", ModelCard)


def read_cards(paths: Iterable[Path | str]) -> dict[str, ModelCard]:
    """Cards of models by name, in the order of the files."""
    return {card.name: card for card in (read_card(Path(path).parent) for path in paths)}


def _read(path: Path, kind: type[Card]) -> Card:
    try:
        return cards.read(path, kind, "the card of a model")
    except DataError as error:
        raise WeightsError(str(error)) from None


def describe(traits: Traits, directory: Path | str) -> ModelCard:
    """Write ``card.json`` of a fetched network: what it is, and what it learned from.

    A licence in the configuration takes the place of what the source states.
    """
    network = read_network(directory)
    card = ModelCard(**network.model_dump() | traits.model_dump(exclude_none=True))
    write_json(Path(directory) / "card.json", card.model_dump(mode="json"))
    return card
