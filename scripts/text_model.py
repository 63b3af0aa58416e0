"""Fetch a text model, verify it, and write its weights and its tokenizer."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.text import TextModel
    from wordsight.text.building import fetch

    section = validate(TextModel, snakemake.params.section)
    fetch(section, snakemake.wildcards.text_model, Path(snakemake.output.card).parent)
