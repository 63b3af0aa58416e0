"""Attack a classifier on one encoder with the images of one dataset."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config.experiment import FeaturesSection
    from wordsight.config.load import protocol_parameters, validate
    from wordsight.datasets.reading import open_split
    from wordsight.files.feature_sets import read_features
    from wordsight.models.reading import load
    from wordsight.protocols import robustness
    from wordsight.protocols.rows import write_rows
    from wordsight.protocols.task import Task

    files, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    device = validate(FeaturesSection, params.features).device
    rows = robustness.evaluate_encoder(
        Task("robustness", wildcards.model, wildcards.dataset, params.mode, params.seed),
        protocol_parameters("robustness", params.parameters),
        encoder=load(Path(files.weights).parent, device),
        test=open_split(Path(files.dataset).parent, "test"),
        images=params.attacked["images"],
        train=read_features(files.train[0]) if files.train else None,
    )
    write_rows(snakemake.output[0], rows)
