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

    rows = clustering.evaluate(
        test=read_features(snakemake.input.test),
        classes=len(read_card(Path(snakemake.input.dataset).parent).classes),
        section=revive(ClusteringParameters, snakemake.params.parameters),
        mode=snakemake.params.mode,
        seed=snakemake.params.seed,
        model=snakemake.wildcards.model,
        dataset=snakemake.wildcards.dataset,
    )
    write_rows(snakemake.output[0], rows)
