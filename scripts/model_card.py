"""Write the cards of one model or several: the network, and what it learned from."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.models import Traits
    from wordsight.models.card import describe

    for traits, card in zip(snakemake.params.traits, snakemake.output.card, strict=True):
        describe(validate(Traits, traits), Path(card).parent)
