"""The cards of a fetched text model and of a prepared corpus, ``card.json``."""

from typing import Annotated

from pydantic import Field

from wordsight.catalogue.section import Section

WEIGHTS, TOKENIZER = "weights.safetensors", "tokenizer"  # file and folder of a text model
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class OriginCard(Section):
    """What is known of a published file.

    Attributes
    ----------
    name : its key in the configuration
    source : its key ``source`` in the configuration
    origin : address, path or tag
    sha256 : of the published file
    """

    name: str
    source: str
    origin: str
    licence: str
    sha256: Sha256


class TextCard(OriginCard):
    """Card of a text model.

    Attributes
    ----------
    architecture : kind of the network, or of the vectors
    files : SHA-256 of every other file in the folder, by its path there
    size : width d of the vectors
    words : number of words in the vocabulary
    """

    architecture: str
    files: dict[str, Sha256]
    size: Annotated[int, Field(ge=1)]
    words: Annotated[int, Field(ge=1)]


class CorpusCard(OriginCard):
    """Card of a corpus.

    Attributes
    ----------
    text_sha256 : of ``articles.txt.gz``
    articles, characters : number that was kept
    redirects, empty : number of pages that were left out as redirects, or because no text remained
    other_pages : number of pages that were left out for their namespace or content model
    """

    text_sha256: Sha256
    articles: Annotated[int, Field(ge=1)]
    characters: Annotated[int, Field(ge=1)]
    redirects: Annotated[int, Field(ge=0)]
    other_pages: Annotated[int, Field(ge=0)]
    empty: Annotated[int, Field(ge=0)]
