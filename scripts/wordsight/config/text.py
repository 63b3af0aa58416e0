"""The keys ``text_models`` and ``corpora``: where language models and running text come from.

How class names are worded doesn't affect a model's files, so these keys have types of their own: the step
that fetches a model doesn't get them, and the step that encodes class names gets only them.
"""

from typing import Annotated, Literal

from pydantic import Field

from wordsight.catalogue.section import Count, Digest, LocalPath, Name, Origin, Section, Text
from wordsight.catalogue.values import Repository, Revision

TEMPLATE = r"^[^{}]*\{class\}[^{}]*$"
Template = Annotated[str, Field(pattern=TEMPLATE)]
Pooling = Literal["class_name", "class_token", "mean", "cls", "last"]


class Named(Section):
    """What the classes of a dataset are called."""

    names: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(
        default={},
        description=(
            "Names of the classes of single datasets in the order of their labels, such as `zero` and `one` "
            "for digits, in place of those in the dataset."
        ),
    )


class Templated(Named):
    """The sentence that names a class."""

    template: Template = Field(
        default="a photo of {class}.",
        description="Sentence for each class; underscores in the name of the class become spaces.",
    )
    templates: dict[Name, Template] = Field(
        default={}, description="Sentences for the classes of single datasets, by the name of the dataset."
    )


class Pooled(Section):
    """How the vectors of a text's tokens become one vector."""

    pooling: Pooling = Field(
        default="class_name",
        description=(
            "Tokens of the last layer that are averaged: those of the class name (`class_name`), its first "
            "token, as in the paper (`class_token`), all (`mean`), `[CLS]` (`cls`) or the last (`last`)."
        ),
    )


class Normalised(Section):
    """Whether vectors have unit length."""

    normalise: bool = Field(default=False, description="Whether vectors are scaled to unit length.")


class Wording(Templated, Pooled, Normalised):
    """How class names are given to a text model; each source has some of these keys."""


class TextSection(Section):
    """Keys of every text model and corpus."""

    sha256: Digest | None = Field(
        default=None,
        description="SHA-256 that the file must have; its first 8 digits or more are enough.",
    )
    licence: str = Field(default="unknown", description="Licence of the file, for the card.")


class PublishedFile(Origin, TextSection):
    """A file from an address or a local path."""


class HuggingfaceText(TextSection, Templated, Pooled):
    """A language model, from the Hugging Face hub or a local folder with the hub's files."""

    source: Literal["huggingface"]
    name: Repository = Field(description="Name of the model on the hub, such as `openai-community/gpt2`.")
    revision: Revision | None = Field(
        default=None, description="Commit, tag or branch of the model; the newest when left out."
    )
    path: LocalPath | None = Field(
        default=None, description="Local folder with the hub's files; they are downloaded when left out."
    )


class OpenClipText(TextSection, Templated, Normalised):
    """The text tower of an open_clip model, from a pretrained tag or from a local file."""

    source: Literal["open_clip"]
    name: Text = Field(description="Name of the model in open_clip, such as `ViT-B-32`.")
    pretrained: Text | None = Field(
        default=None, description="Tag of the weights, which are downloaded; this or `path` is required."
    )
    path: LocalPath | None = Field(
        default=None,
        description="Local file of weights; with `pretrained`, it is used instead of the download.",
    )


class Word2vecText(PublishedFile, Named):
    """Word vectors in the binary format of word2vec."""

    source: Literal["word2vec"]
    limit: Count | None = Field(
        default=None, description="Number of words to keep, the most frequent first; all when left out."
    )


TextModel = Annotated[HuggingfaceText | OpenClipText | Word2vecText, Field(discriminator="source")]


class WikipediaCorpus(PublishedFile):
    """The articles of a dump of Wikipedia as plain text."""

    source: Literal["wikipedia"] = Field(description="A dump of Wikipedia, `...-pages-articles.xml.bz2`.")
    limit: Count | None = Field(
        default=None, description="Number of articles to keep, from the first on; all when left out."
    )


Corpus = WikipediaCorpus
