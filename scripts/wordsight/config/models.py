"""The key ``models``: where encoders come from, one type a source, and what each learned from."""

from typing import Annotated, Literal

from pydantic import Field

from wordsight.catalogue.objectives import ObjectiveName
from wordsight.catalogue.section import Count, Digest, Language, Name, Origin, Positive, Section

Architecture = Annotated[
    str,
    Field(
        pattern=r"^((small|packaged|torchvision|timm|open_clip|tsm|slip)/[A-Za-z0-9._-]+|huggingface/[A-Za-z0-9._/-]+)$"
    ),
]


class PreprocessingSection(Section):
    """How an image becomes the network's input."""

    image_size: Count
    resize: Count
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bicubic"
    squash: bool = False
    mean: tuple[float, float, float]
    std: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Traits(Section):
    """What an encoder learned from: it decides on which side of a contrast the encoder stands."""

    language: Language
    pretraining_images: Annotated[int, Field(ge=0)]
    pretraining_data: str = "unknown"
    images_seen: Count | None = None
    robust: bool = False
    group: Name | None = None
    licence: str | None = None


class NetworkSection(Section):
    """Keys of every network: what the step reads that fetches it, which is everything but the traits."""

    classifier: str | None = None
    sha256: Digest | None = None


class PackagedNetwork(NetworkSection):
    """Weights that ship inside a registry package."""

    source: Literal["packaged"]
    name: Literal["efficientnet_lite0", "squeezenet1_1"]


class TorchvisionNetwork(NetworkSection):
    """Weights of torchvision by their name, or from a local file in torchvision's layout."""

    source: Literal["torchvision"]
    name: str
    weights: str = "DEFAULT"
    path: str | None = None


class TimmNetwork(NetworkSection):
    """Weights of timm by their name, or from a local file in timm's layout."""

    source: Literal["timm"]
    name: str
    path: str | None = None


class OpenClipNetwork(NetworkSection):
    """The image tower of an open_clip model, from a pretrained tag or from a local file."""

    source: Literal["open_clip"]
    name: str
    pretrained: str | None = None
    path: str | None = None


class RandomNetwork(NetworkSection):
    """A network that was never trained: the baseline of its architecture."""

    source: Literal["random"]
    architecture: Architecture
    seed: Annotated[int, Field(ge=0)]


class HuggingfaceNetwork(NetworkSection):
    """The image encoder of a transformers model of the Hugging Face hub by ``name``, or of a local folder."""

    source: Literal["huggingface"]
    name: str
    revision: str | None = None
    path: str | None = None


class PythonNetwork(NetworkSection):
    """A network that the user's own Python file builds: a function under ``@encoder``."""

    source: Literal["python"]
    name: str
    path: str
    weights: str | None = None


class CheckpointNetwork(Origin, NetworkSection):
    """A file of weights for a named architecture, from an address or a local path."""

    source: Literal["checkpoint"]
    architecture: Architecture
    layout: Literal["torch", "bit", "mmv"] = "torch"
    key: str | None = None
    prefix: str = ""
    preprocessing: PreprocessingSection


class PretrainNetwork(NetworkSection):
    """A network that the workflow trains; the section ``pretraining`` makes one a seed of each objective."""

    source: Literal["pretrain"]
    architecture: Architecture
    objective: ObjectiveName
    seed: Annotated[int, Field(ge=0)]
    learning_rate: Positive


class PackagedModel(PackagedNetwork, Traits):
    """A packaged network and what it learned from."""


class TorchvisionModel(TorchvisionNetwork, Traits):
    """A network of torchvision and what it learned from."""


class TimmModel(TimmNetwork, Traits):
    """A network of timm and what it learned from."""


class OpenClipModel(OpenClipNetwork, Traits):
    """An image tower of open_clip and what it learned from."""


class RandomModel(RandomNetwork, Traits):
    """An untrained network, which learned from nothing."""

    language: Literal["none"] = "none"
    pretraining_images: Literal[0] = 0
    pretraining_data: str = "none"


class HuggingfaceModel(HuggingfaceNetwork, Traits):
    """An image encoder of transformers and what it learned from."""


class PythonModel(PythonNetwork, Traits):
    """A network of the user's own code and what it learned from."""


class CheckpointModel(CheckpointNetwork, Traits):
    """A network of a local file and what it learned from."""


class PretrainModel(PretrainNetwork, Traits):
    """A network that the workflow trains and what it learned from; ``pretraining_images`` are those seen."""


Network = Annotated[
    PackagedNetwork
    | TorchvisionNetwork
    | TimmNetwork
    | OpenClipNetwork
    | HuggingfaceNetwork
    | PythonNetwork
    | RandomNetwork
    | CheckpointNetwork
    | PretrainNetwork,
    Field(discriminator="source"),
]
Model = Annotated[
    PackagedModel
    | TorchvisionModel
    | TimmModel
    | OpenClipModel
    | HuggingfaceModel
    | PythonModel
    | RandomModel
    | CheckpointModel
    | PretrainModel,
    Field(discriminator="source"),
]
