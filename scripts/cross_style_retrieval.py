"""Look for drawings of one style among those of another, on the features of one model."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.cells import CELLS
    from wordsight.datasets import open_split
    from wordsight.protocols import cross_style_retrieval
    from wordsight.rows import write_rows
    from wordsight.storage import read_features

    folder = Path(snakemake.input.dataset).parent
    rows = cross_style_retrieval.evaluate(
        splits=(open_split(folder, "train"), open_split(folder, "test")),
        features=(read_features(snakemake.input.train), read_features(snakemake.input.test)),
        seed=snakemake.params.seed,
        model=snakemake.wildcards.model,
        dataset=snakemake.params.dataset,
    )
    for path, cell in zip(snakemake.output, CELLS, strict=True):
        write_rows(path, rows[cell])
