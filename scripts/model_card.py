"""Write the cards of one model or several: the network, and what it learned from."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.catalogue.places import ReadOut
    from wordsight.config.load import validate
    from wordsight.config.models import Traits
    from wordsight.models.card import describe

    params, files = snakemake.params, zip(snakemake.input.network, snakemake.output.card, strict=True)
    for traits, place, (network, card) in zip(params.traits, params.places, files, strict=True):
        describe(
            validate(Traits, traits),
            Path(card).parent,
            network=Path(network).parent,
            place=validate(ReadOut, place),
        )
