"""Unpack or download a dataset, fix its splits, and write its card."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.datasets import Dataset
    from wordsight.config.load import validate
    from wordsight.datasets.building import prepare

    section = validate(Dataset, snakemake.params.section)
    directory = Path(snakemake.output.card).parent
    prepare(section, snakemake.wildcards.dataset, snakemake.params.seed, directory)
