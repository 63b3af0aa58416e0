"""Classify the images of one dataset from a few labelled ones, on the features of one model."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import FewShotParameters, revive
    from wordsight.datasets import read_card
    from wordsight.protocols import few_shot
    from wordsight.rows import write_rows
    from wordsight.storage import read_features

    for train, test, card, output in zip(
        snakemake.input.train, snakemake.input.test, snakemake.input.dataset, snakemake.output, strict=True
    ):
        dataset = read_card(Path(card).parent)
        rows = few_shot.evaluate(
            train=read_features(train),
            test=read_features(test),
            classes=len(dataset.classes),
            section=revive(FewShotParameters, snakemake.params.parameters),
            mode=snakemake.params.mode,
            seed=snakemake.params.seed,
            model=snakemake.wildcards.model,
            dataset=dataset.name,
        )
        write_rows(output, rows)
