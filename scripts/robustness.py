"""Attack a classifier on one encoder or several with the images of one dataset."""

import sys
from itertools import zip_longest
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.experiment import FeaturesSection
    from wordsight.config.load import protocol_parameters, validate
    from wordsight.datasets.reading import open_split
    from wordsight.files.feature_sets import read_features
    from wordsight.models.reading import load_all, readings
    from wordsight.protocols import robustness
    from wordsight.protocols.rows import write_rows
    from wordsight.protocols.task import Task

    files, params = snakemake.input, snakemake.params
    device = validate(FeaturesSection, params.features).device
    section = protocol_parameters("robustness", params.parameters)
    test = open_split(Path(files.dataset).parent, "test")
    # There are no training features where the models' own classifiers are attacked.
    places = readings(files.weights, params.models, params.places)
    for model, place, train, output in zip_longest(params.models, places, files.train, snakemake.output):
        (encoder,) = load_all([place], device)
        rows = robustness.evaluate_encoder(
            Task(
                "robustness",
                model,
                snakemake.wildcards.dataset,
                params.mode,
                params.seed,
                tuple(test.classes),
            ),
            section,
            encoder=encoder,
            test=test,
            images=params.attacked["images"],
            train=read_features(train) if train else None,
        )
        write_rows(output, rows)
