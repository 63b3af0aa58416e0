"""Train with one candidate learning rate, and measure the result on held-out concepts."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.catalogue.fitting import ProbeParameters
    from wordsight.config.load import validate
    from wordsight.config.models import PretrainNetwork
    from wordsight.config.pretraining import TrainingSection
    from wordsight.datasets.reading import open_split
    from wordsight.files.disk import write_json
    from wordsight.pretraining.job import TrainingJob, fingerprint, run_job
    from wordsight.pretraining.learning_rate import held_out

    sentences = next(iter(snakemake.input.get("sentences", [])), None)
    network = validate(PretrainNetwork, snakemake.params.network)
    section = validate(TrainingSection, snakemake.params.section)
    probe = validate(ProbeParameters, snakemake.params.probe)
    images = Path(snakemake.input.images).parent
    trained = run_job(
        TrainingJob(
            name=f"{network.objective} at {network.learning_rate:g}",
            network=network,
            section=section,
            images=str(images),
            sentences=sentences,
            seed=snakemake.params.seed,
            checkpoint=snakemake.params.checkpoint,
            fingerprint=fingerprint(dict(snakemake.params.items()), images, sentences),
            directory="",
            curve="",
            threads=snakemake.threads,
        )
    )
    loss, accuracy = held_out(trained, open_split(images, "train"), section.styles, probe)
    write_json(
        snakemake.output[0],
        {
            "held_out_loss": loss,
            "held_out_accuracy": accuracy,
            **trained.card.model_dump(mode="json"),
            "curve": trained.curve,
        },
    )
    Path(snakemake.params.checkpoint).unlink(missing_ok=True)
