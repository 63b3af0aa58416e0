"""Cluster the features of one model on one dataset."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import ClusteringParameters, revive
    from wordsight.datasets import read_card
    from wordsight.protocols import clustering
    from wordsight.rows import write_rows
    from wordsight.storage import read_features

    for test, card, output in zip(
        snakemake.input.test, snakemake.input.dataset, snakemake.output, strict=True
    ):
        dataset = read_card(Path(card).parent)
        rows = clustering.evaluate(
            test=read_features(test),
            classes=len(dataset.classes),
            section=revive(ClusteringParameters, snakemake.params.parameters),
            mode=snakemake.params.mode,
            seed=snakemake.params.seed,
            model=snakemake.wildcards.model,
            dataset=dataset.name,
        )
        write_rows(output, rows)
