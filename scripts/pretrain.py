"""Train an encoder on one objective, resuming a run that was stopped."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config.load import validate
    from wordsight.config.models import PretrainNetwork
    from wordsight.config.pretraining import TrainingSection
    from wordsight.pretraining.job import TrainingJob, fingerprint
    from wordsight.pretraining.launch import train_and_write

    sentences = next(iter(snakemake.input.get("sentences", [])), None)
    images = Path(snakemake.input.images).parent
    train_and_write(
        TrainingJob(
            name=snakemake.wildcards.model,
            network=validate(PretrainNetwork, snakemake.params.network),
            section=validate(TrainingSection, snakemake.params.section),
            images=str(images),
            sentences=sentences,
            seed=snakemake.params.seed,
            checkpoint=snakemake.params.checkpoint,
            fingerprint=fingerprint(dict(snakemake.params.items()), images, sentences),
            directory=str(Path(snakemake.output.network).parent),
            curve=snakemake.output.curve,
            threads=snakemake.threads,
        )
    )
