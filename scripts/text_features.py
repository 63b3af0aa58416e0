"""Encode the class names of every dataset with one text model."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.text import Wording
    from wordsight.datasets.reading import read_card
    from wordsight.files.feature_sets import write_features
    from wordsight.text.reading import features, load

    wording = validate(Wording, snakemake.params.wording)
    model = load(Path(snakemake.input.card).parent, snakemake.params.device)
    for dataset, output in zip(snakemake.input.datasets, snakemake.output, strict=True):
        card = read_card(Path(dataset).parent)
        found = features(model, card.name, card.classes, wording)
        found.metadata["code"] = snakemake.params.code
        write_features(output, found)
