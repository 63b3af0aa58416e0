"""The keys ``text_models`` and ``corpora``: where language models and running text come from."""

from typing import Annotated, Literal

from pydantic import Field

from wordsight.catalogue.section import Count, Digest, Origin, Section

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


class PublishedFile(Origin, TextSection):
    """A file from an address, or from a local path where no address gives it to a program."""


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
