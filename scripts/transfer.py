"""Fit a linear classifier on the features of one model on one dataset."""

import sys
from itertools import islice
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import TransferParameters, revive
    from wordsight.datasets import read_card
    from wordsight.protocols import transfer
    from wordsight.rows import write_rows
    from wordsight.storage import read_features

    views = iter(snakemake.input.views)
    passes = len(snakemake.input.views) // len(snakemake.output)
    for train, test, card, output in zip(
        snakemake.input.train, snakemake.input.test, snakemake.input.dataset, snakemake.output, strict=True
    ):
        dataset = read_card(Path(card).parent)
        rows = transfer.evaluate(
            train=read_features(train),
            test=read_features(test),
            views=[read_features(path) for path in islice(views, passes)],
            classes=len(dataset.classes),
            section=revive(TransferParameters, snakemake.params.parameters),
            mode=snakemake.params.mode,
            seed=snakemake.params.seed,
            model=snakemake.wildcards.model,
            dataset=dataset.name,
        )
        write_rows(output, rows)
