"""Where in a network features are read, and what a place is called."""

import re
from typing import Literal

from pydantic import Field

from wordsight.catalogue.section import Count, Section

Pool = Literal["cls", "mean", "tokens_mean"]
Place = Literal["pooled", "embedding", "cls", "mean", "tokens_mean"]

# The name of such a network asks for the space that video shares with audio, or with audio and text.
SPACE = re.compile(r"tsm/[^-]+-vat?(-f\d+)?")


class Layer(Section):
    """The output of a layer, instead of the end of the network."""

    layer: Count = Field(
        description="Number of the block of a transformer or the stage of a convolutional network, from 1."
    )
    pool: Pool = Field(
        default="mean",
        description="How its output becomes one vector; of a map, there is the `mean` over its places alone.",
    )


ReadOut = Place | Layer


def word(read_out: ReadOut) -> str:
    """Name of a place, for people.

    >>> word("pooled"), word(Layer(layer=6)), word(Layer(layer=6, pool="cls"))
    ('pooled', 'layer 6', 'layer 6 cls')
    """
    if not isinstance(read_out, Layer):
        return read_out
    return f"layer {read_out.layer}" + ("" if read_out.pool == "mean" else f" {read_out.pool}")


def slug(read_out: ReadOut) -> str:
    """Name of a place in names of models and files.

    >>> slug(Layer(layer=6, pool="cls"))
    'layer-6-cls'
    """
    return word(read_out).replace(" ", "-")


def default(architecture: str) -> Place:
    """Where the features of a network are read if the configuration doesn't say it.

    >>> default("timm/vit_base_patch16_clip_224.openai"), default("tsm/resnet50-vat-f1")
    ('pooled', 'embedding')
    """
    return "embedding" if SPACE.fullmatch(architecture) else "pooled"
