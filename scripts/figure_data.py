"""Gather what the figures that show single images are drawn from."""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import revive
    from wordsight.datasets import open_split
    from wordsight.examples.confusions import confusions
    from wordsight.examples.features import features
    from wordsight.examples.robust_images import robust_images
    from wordsight.statistics.pairs import Comparison
    from wordsight.storage import read_features, write_json

    files, params = snakemake.input, snakemake.params
    splits = {Path(card).parent.name: open_split(Path(card).parent, "test") for card in files.datasets}
    comparisons = [revive(Comparison, values) for values in params.comparisons]
    made = {
        "features": lambda: features(map(read_features, files.features), splits[params.dataset], params.seed),
        "robust_images": partial(robust_images, files.robustness, splits, params.groups),
        "confusions": partial(confusions, files.transfer, comparisons, splits),
    }
    for output in map(Path, snakemake.output):
        write_json(output, made[output.stem]())
