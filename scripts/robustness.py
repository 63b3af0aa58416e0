"""Attack a classifier on one encoder or several with the images of one dataset."""

import sys
from itertools import islice
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.experiment import FeaturesSection
    from wordsight.config.load import protocol_parameters, validate
    from wordsight.datasets.reading import open_split
    from wordsight.files.example_sets import write_examples
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
    # There are training features of models with a fitted head, and class names of those with one of text.
    train, texts = iter(files.train), iter(files.texts)
    pieces = iter(files.pieces)
    several = len(files.pieces) // len(params.models)
    kept = []
    outputs = zip(snakemake.output.rows, snakemake.output.examples, strict=True)
    for model, place, head, (output, shown) in zip(params.models, places, params.heads, outputs, strict=True):
        (encoder,) = load_all([place], device)
        finished = robustness.Finished.of_job(output, params, files)
        finished.add(islice(pieces, several))
        tables, examples = robustness.evaluate_encoder(
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
            texts=read_features(next(texts)) if head == "text" else None,
            named=params.attacked["head"] == "own_or_fitted",
            finished=finished,
        )
        finished.save()  # if a later model is stopped, Snakemake deletes the rows of this one
        kept.append(finished)
        write_examples(shown, examples)
        write_rows(output, tables)
    for finished in kept:
        finished.remove()
