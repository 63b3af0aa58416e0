"""Attack a classifier on one encoder or several with the images of one dataset."""

import sys
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
    places = readings(files.weights, params.models, params.places)
    # There are no training features of models whose own classifiers are attacked.
    train = iter(files.train)
    for model, place, head, output in zip(params.models, places, params.heads, snakemake.output, strict=True):
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
            train=read_features(next(train)) if head == "fitted" else None,
            named=params.attacked["head"] == "own_or_fitted",
        )
        write_rows(output, rows)
