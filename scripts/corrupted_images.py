"""Make corrupted versions of the test images of one dataset, for all encoders."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.datasets.corrupting import render
    from wordsight.datasets.reading import open_split

    params = snakemake.params
    versions = dict(params.versions)
    kinds = [*versions.pop("kinds"), *versions.pop("extra_kinds")]
    render(
        open_split(Path(snakemake.input.dataset).parent, "test"),
        Path(snakemake.output.card).parent,
        kinds=kinds,
        seed=params.seed,
        **versions,
    )
