"""Train one encoder or several on one objective, resuming what was stopped."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.load import validate
    from wordsight.config.models import PretrainNetwork
    from wordsight.config.pretraining import TrainingSection
    from wordsight.pretraining.job import TrainingJob, fingerprint
    from wordsight.pretraining.launch import train_and_write

    params, output = snakemake.params, snakemake.output
    sentences = next(iter(snakemake.input.get("sentences", [])), None)
    images = Path(snakemake.input.images).parent
    shared = {"code": params.code, "section": params.section, "seed": params.seed}
    jobs = [
        TrainingJob(
            name=model,
            network=validate(PretrainNetwork, network),
            section=validate(TrainingSection, params.section),
            images=str(images),
            sentences=sentences,
            seed=params.seed,
            checkpoint=str(Path(curve).with_name("checkpoint.safetensors")),
            fingerprint=fingerprint({**shared, "network": network}, images, sentences),
            directory=str(Path(curve).parent),
            curve=curve,
            threads=snakemake.threads,
        )
        for (model, network), curve in zip(params.networks.items(), output.curve, strict=True)
    ]
    train_and_write(*jobs)
