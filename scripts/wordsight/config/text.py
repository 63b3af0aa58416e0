"""The keys ``text_models`` and ``corpora``: where language models and running text come from.

How class names are worded is no matter of a model's files, so it is put apart: a step that fetches a model
isn't given these keys, and a step that words the names is given them alone.
"""

from typing import Annotated, Literal

from pydantic import Field

from wordsight.catalogue.section import Count, Digest, Origin, Section

TEMPLATE = r"^[^{}]*\{class\}[^{}]*$"
Pooling = Literal["class_name", "class_token", "mean", "cls", "last"]


class Templated(Section):
    """What is said of a class."""

    template: Annotated[str, Field(pattern=TEMPLATE)] = Field(
        default="a photo of {class}.",
        description="What is said of a class; underscores of its name become spaces.",
    )


class Pooled(Section):
    """How the vectors of a text's tokens become one."""

    pooling: Pooling = Field(
        default="class_name",
        description=(
            "Tokens of the last layer that are averaged: those of the class name (`class_name`), the first "
            "of them, as in the paper (`class_token`), all (`mean`), `[CLS]` (`cls`) or the last (`last`)."
        ),
    )


class Normalised(Section):
    """Whether vectors have unit length."""

    normalise: bool = Field(default=False, description="Whether vectors are brought to unit length.")


class Wording(Templated, Pooled, Normalised):
    """How class names are put to a text model; each source takes some of these keys."""


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
    """A language model of the Hugging Face hub by ``name``, or of a local folder with the hub's files."""

    source: Literal["huggingface"]
    name: str = Field(description="Name of the model on the hub, such as `openai-community/gpt2`.")
    revision: str | None = Field(
        default=None, description="Commit, tag or branch of the model; the newest when left out."
    )
    path: str | None = Field(
        default=None, description="Local folder with the files of the hub; downloaded when left out."
    )


class OpenClipText(TextSection, Templated, Normalised):
    """The text tower of an open_clip model, from a pretrained tag or from a local file."""

    source: Literal["open_clip"]
    name: str = Field(description="Name of the model in open_clip, such as `ViT-B-32`.")
    pretrained: str | None = Field(
        default=None, description="Tag of the weights, which are downloaded; this or `path` is required."
    )
    path: str | None = Field(
        default=None,
        description="Local file of weights; with `pretrained`, it takes the place of the download.",
    )


class Word2vecText(PublishedFile):
    """Word vectors in the binary format of word2vec."""

    source: Literal["word2vec"]
    limit: Count | None = Field(
        default=None, description="Number of the most frequent words that are kept; all when left out."
    )


TextModel = Annotated[HuggingfaceText | OpenClipText | Word2vecText, Field(discriminator="source")]


class WikipediaCorpus(PublishedFile):
    """The articles of a dump of Wikipedia as plain text."""

    source: Literal["wikipedia"] = Field(description="A dump of Wikipedia, `...-pages-articles.xml.bz2`.")
    limit: Count | None = Field(
        default=None, description="Number of the first articles that are kept; all when left out."
    )


Corpus = WikipediaCorpus
