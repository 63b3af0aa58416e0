"""Gather the data of the figures that show single images."""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.datasets.reading import open_split
    from wordsight.figures.images.adversarial_examples import adversarial_examples
    from wordsight.figures.images.confusions import confusions
    from wordsight.figures.images.features import features
    from wordsight.figures.images.robust_images import robust_images
    from wordsight.files.disk import write_json
    from wordsight.files.feature_sets import read_features
    from wordsight.statistics.comparison import Comparison

    files, params = snakemake.input, snakemake.params
    splits = {Path(card).parent.name: open_split(Path(card).parent, "test") for card in files.datasets}
    comparisons = [validate(Comparison, values) for values in params.comparisons]
    gather = {
        "features": lambda: features(map(read_features, files.features), splits[params.dataset], params.seed),
        "robust_images": partial(robust_images, files.robustness, splits, params.groups),
        "adversarial_examples": partial(adversarial_examples, files.examples, splits, params.groups),
        "confusions": partial(confusions, files.transfer, comparisons, splits),
    }
    for output in map(Path, snakemake.output):
        write_json(output, gather[output.stem]())
