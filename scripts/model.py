"""Fetch a model, verify it, and write its weights and a description of its network."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.models import Network
    from wordsight.models.building import fetch

    section = validate(Network, snakemake.params.section)
    fetch(section, snakemake.wildcards.model, Path(snakemake.output.network).parent)
