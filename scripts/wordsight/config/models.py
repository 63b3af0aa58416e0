"""The key ``models``: where encoders come from, one class per source, and what each learned from.

A step that fetches or trains a network only gets the keys of its source, so that correcting a trait reruns no
network. A model's section in the configuration has the traits as well: :func:`with_traits` adds them to each
class.
"""

from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, create_model

from wordsight.catalogue.architectures import FAMILIES
from wordsight.catalogue.objectives import ObjectiveName
from wordsight.catalogue.places import ReadOut
from wordsight.catalogue.prose import join
from wordsight.catalogue.section import (
    SOUND,
    Count,
    Digest,
    Language,
    LocalPath,
    Name,
    Number,
    Origin,
    Positive,
    Section,
    Seed,
    Text,
)
from wordsight.catalogue.values import Repository, Revision

# A name on the Hugging Face hub contains a slash.
_PLAIN = "|".join(family for family in FAMILIES if family != "huggingface")
ARCHITECTURE = rf"^(({_PLAIN})/[A-Za-z0-9._-]+|huggingface/[A-Za-z0-9._/-]+)$"
Architecture = Annotated[
    str,
    Field(
        pattern=ARCHITECTURE,
        description=(
            "`family/name`, such as `timm/resnet50`. The families are "
            f"{join([f'`{family}`' for family in FAMILIES])}."
        ),
    ),
]


Interpolation = Literal["nearest", "bilinear", "bicubic"]


class PreprocessingSection(Section):
    """How an image becomes the network's input."""

    image_size: Count = Field(description="Side of the network's input, in pixels.")
    resize: Count = Field(
        description="Length of the image's shorter side, in pixels, before the centre is cut out."
    )
    interpolation: Interpolation = Field(default="bicubic", description="How the image is resized.")
    squash: bool = Field(
        default=False, description="Whether both sides become `resize` pixels long, ignoring the shape."
    )
    mean: tuple[Number, Number, Number] = Field(
        description="Subtracted from the red, green and blue channels of pixels between 0 and 1."
    )
    std: tuple[Positive, Positive, Positive] = Field(
        description="What the three channels are then divided by."
    )


class PreprocessingChanges(Section):
    """Keys of a library's preprocessing that an entry replaces; the others stay as they are."""

    image_size: Count | None = Field(
        default=None,
        description=(
            "Side of the network's input, in pixels, for networks that take several; without `resize`, that "
            "changes in proportion."
        ),
    )
    resize: Count | None = Field(
        default=None,
        description="Length of the image's shorter side, in pixels, before the centre is cut out.",
    )
    interpolation: Interpolation | None = Field(default=None, description="How the image is resized.")
    squash: bool | None = Field(
        default=None, description="Whether both sides become `resize` pixels long, ignoring the shape."
    )
    mean: tuple[Number, Number, Number] | None = Field(
        default=None,
        description="As for a checkpoint; only for a `path`, since published weights come with their own.",
    )
    std: tuple[Positive, Positive, Positive] | None = Field(default=None, description="As `mean`.")

    def applied_to(self, stated: PreprocessingSection) -> PreprocessingSection:
        """Replace what is set here in the preprocessing that a library states."""
        changes = self.model_dump(exclude_none=True)
        if self.image_size and not self.resize:
            changes["resize"] = round(stated.resize * self.image_size / stated.image_size)
        return PreprocessingSection.model_validate(stated.model_dump() | changes)


class Traits(Section):
    """What an encoder learned from; contrasts select models by it."""

    language: Language = Field(
        description=(
            "What the encoder learned from: `none` (pixels alone, or nothing), `labels` (classes, by name or "
            "number) or `captions` (free text)."
        )
    )
    pretraining_images: Annotated[int, Field(ge=0), SOUND] = Field(
        description="Number of images that it learned from."
    )
    pretraining_data: str = Field(default="unknown", description="Name of the data that it learned from.")
    images_seen: Count | None = Field(
        default=None,
        description="Images seen in the whole training: steps times batch size. Unknown when left out.",
    )
    views: Count | None = Field(
        default=None,
        description=(
            "Views of an image that pass through the network in one step of its training: 1 for a classifier "
            "or CLIP, 2 for SimCLR. Unknown when left out."
        ),
    )
    recipe: str | None = Field(
        default=None,
        description=(
            "How it was trained otherwise, in a few words: optimiser, learning rate, weight decay, "
            "augmentation. Unknown when left out."
        ),
    )
    robust: bool = Field(default=False, description="Whether it was trained against adversarial examples.")
    top1: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None,
        description=(
            "Accuracy of its own classifier on ImageNet's validation images that its publisher states, in "
            "percent. `make fetch` compares with it where you have these images."
        ),
    )
    group: Name | None = Field(
        default=None,
        description=(
            "Name of a group of encoders that differ in little besides what a contrast asks about. A "
            "contrast can match by it, and the mixed model uses it instead of the architecture."
        ),
    )
    family: Name | None = Field(
        default=None,
        description=(
            "Name of a family of encoders that depend on each other, such as fine-tunings or several "
            "read-outs of one training. On a side of a contrast they count once, within each matched group."
        ),
    )
    licence: str | None = Field(
        default=None, description="Licence of the weights, for the card; the source's own when left out."
    )


class Untrained(Traits):
    """An encoder that learned from nothing."""

    language: Literal["none"] = Field(default="none", description="Always `none`.")
    pretraining_images: Literal[0] = Field(default=0, description="Always 0.")
    pretraining_data: str = Field(default="none", description="Name of the data that it learned from.")


class NetworkSection(Section):
    """Keys of every network, whatever its source."""

    classifier: Text | None = Field(
        default=None,
        description=(
            "Label space of the network's own classifier, such as `imagenet-1k`. If it is set, the "
            "classifier is kept, and can be attacked on datasets with the same `label_space`."
        ),
    )
    sha256: Digest | None = Field(
        default=None,
        description="SHA-256 that the file of weights must have; its first 8 digits or more are enough.",
    )
    features: ReadOut | Annotated[list[ReadOut], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Where features are read: `pooled`, as the network itself pools, before any projection into a "
            "space shared with texts, which is the default; `embedding`, after that projection; `cls`, the "
            "class token; `mean`, over places or patches; `tokens_mean`, over all tokens; or the output of a "
            "`layer`. Several places in a list are read in one pass; contrasts compare the first."
        ),
    )


class LibraryNetwork(NetworkSection):
    """Keys of networks whose library states how they see images."""

    preprocessing: PreprocessingChanges | None = Field(
        default=None,
        description=(
            "What to change of the preprocessing that the library states, where the publisher evaluates with "
            "another."
        ),
    )


class PackagedNetwork(NetworkSection):
    """Weights that ship inside a registry package."""

    source: Literal["packaged"]
    name: Literal["efficientnet_lite0", "squeezenet1_1"] = Field(description="Which network.")


class TorchvisionNetwork(LibraryNetwork):
    """Weights of torchvision by their name, or from a local file in torchvision's layout."""

    source: Literal["torchvision"]
    name: Text = Field(description="Name of the network in torchvision, such as `resnet50`.")
    weights: Text = Field(default="DEFAULT", description="Name of its weights in torchvision.")
    path: LocalPath | None = Field(
        default=None, description="Local file of weights; they are downloaded when left out."
    )


class TimmNetwork(LibraryNetwork):
    """Weights of timm by their name, or from a local file in timm's layout."""

    source: Literal["timm"]
    name: Text = Field(
        description="Name of the network in timm with the tag of its weights, such as `resnet50.a1_in1k`."
    )
    path: LocalPath | None = Field(
        default=None, description="Local file of weights; they are downloaded when left out."
    )


class OpenClipNetwork(LibraryNetwork):
    """The image tower of an open_clip model, from a pretrained tag or from a local file."""

    source: Literal["open_clip"]
    name: Text = Field(description="Name of the model in open_clip, such as `ViT-B-32`.")
    pretrained: Text | None = Field(
        default=None, description="Tag of the weights, which are downloaded; this or `path` is required."
    )
    path: LocalPath | None = Field(
        default=None,
        description="Local file of weights; with `pretrained`, it is used instead of the download.",
    )


class RandomNetwork(NetworkSection):
    """An untrained network: the baseline of its architecture."""

    source: Literal["random"]
    architecture: Architecture
    seed: Seed = Field(description="Seed of the initial values.")


class HuggingfaceNetwork(LibraryNetwork):
    """The image encoder of a transformers model, from the Hugging Face hub or a local folder."""

    source: Literal["huggingface"]
    name: Repository = Field(description="Name of the model on the hub, `owner/model`.")
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit of the model; the newest when left out."
    )
    path: LocalPath | None = Field(
        default=None,
        description=(
            "Local folder with `config.json`, `preprocessor_config.json`, and `model.safetensors` or "
            "`pytorch_model.bin`; it is downloaded when left out."
        ),
    )


class PythonNetwork(NetworkSection):
    """A network that your own Python file builds, by a function decorated with ``@encoder``."""

    source: Literal["python"]
    name: Text = Field(description="Name of the function.")
    path: LocalPath = Field(
        description=(
            "The Python file. Its code is run, so name only files that you would run yourself, and look here "
            "before you run the configuration of somebody else."
        )
    )
    weights: LocalPath | None = Field(
        default=None, description="File of weights that is passed to the function; none when left out."
    )


class CheckpointNetwork(Origin, NetworkSection):
    """A file of weights for a named architecture, from an address or a local path."""

    source: Literal["checkpoint"]
    architecture: Architecture
    layout: Literal["torch", "bit", "mmv"] = Field(
        default="torch",
        description=(
            "How the file holds its tensors: `torch` (written by `torch.save`, TorchScript or safetensors), "
            "`bit` (Big Transfer's `.npz`) or `mmv` (DeepMind's MMV)."
        ),
    )
    key: Text | Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Entry of the file that holds the tensors, such as `state_dict`, or the entries that lead to it, "
            "such as `[model, state_dict]`; left out when the file holds them directly."
        ),
    )
    prefix: str = Field(
        default="", description="What the names of the tensors begin with, such as `module.`."
    )
    preprocessing: PreprocessingSection = Field(description="How an image becomes the network's input.")


class PretrainNetwork(NetworkSection):
    """A network that the workflow trains; ``pretraining`` makes one for each seed of each objective."""

    source: Literal["pretrain"]
    architecture: Architecture
    objective: ObjectiveName = Field(description="What it is trained on.")
    seed: Seed = Field(description="Seed of the training, from 0.")
    learning_rate: Positive = Field(description="Highest learning rate.")


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


@cache
def with_traits(network: type[NetworkSection]) -> type[Any]:
    """Type of a model's section in the configuration: the keys of its source, and what it learned from."""
    return create_model(
        network.__name__.replace("Network", "Model"),
        __base__=(network, Untrained if network is RandomNetwork else Traits),
        __doc__=network.__doc__,
    )


if TYPE_CHECKING:

    class Model(NetworkSection, Traits):
        """Keys that the sections of all sources have."""

        source: str

else:
    # Trained models come from the section ``pretraining``, and can't be configured here.
    _CONFIGURABLE = [network for network in get_args(get_args(Network)[0]) if network is not PretrainNetwork]
    Model = Annotated[reduce(or_, map(with_traits, _CONFIGURABLE)), Field(discriminator="source")]
