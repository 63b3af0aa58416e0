"""Fit a linear classifier on the features of one model on one dataset."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import TransferParameters, revive
    from wordsight.datasets import read_card
    from wordsight.protocols import transfer
    from wordsight.rows import write_rows
    from wordsight.storage import read_features

    rows = transfer.evaluate(
        train=read_features(snakemake.input.train),
        test=read_features(snakemake.input.test),
        views=[read_features(path) for path in snakemake.input.views],
        classes=len(read_card(Path(snakemake.input.dataset).parent).classes),
        section=revive(TransferParameters, snakemake.params.parameters),
        mode=snakemake.params.mode,
        seed=snakemake.params.seed,
        model=snakemake.wildcards.model,
        dataset=snakemake.wildcards.dataset,
    )
    write_rows(snakemake.output[0], rows)
