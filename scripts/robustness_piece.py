"""Attack a classifier on an encoder with a piece of the images of a dataset."""

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
    from wordsight.protocols.task import Task

    files, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    test = open_split(Path(files.dataset).parent, "test")
    (place,) = readings(files.weights, [wildcards.model], params.places)
    (encoder,) = load_all([place], validate(FeaturesSection, params.features).device)
    (output,) = snakemake.output
    finished = robustness.Finished.of_job(output, params, files)
    robustness.attack_piece(
        Task("robustness", wildcards.model, wildcards.dataset, params.mode, params.seed, tuple(test.classes)),
        protocol_parameters("robustness", params.parameters),
        encoder=encoder,
        test=test,
        piece=params.piece,
        train=read_features(files.train[0]) if files.train else None,
        texts=read_features(files.texts[0]) if files.texts else None,
        finished=finished,
    )
    finished.write(output)
    finished.remove()
