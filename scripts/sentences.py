"""Encode the captions and class names of a dataset with a frozen sentence encoder."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.datasets.reading import open_split
    from wordsight.pretraining.sentence_encoder import write_sentences

    split = open_split(Path(snakemake.input.dataset).parent, "train")
    write_sentences(snakemake.output[0], split, snakemake.params.device)
