"""Train with one of the learning rates to choose from, and measure it on held-out concepts."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.logs import step

with step(snakemake.log[0], snakemake.threads):
    from wordsight.config import PretrainNetwork, TrainingSection, revive
    from wordsight.datasets import open_split
    from wordsight.pretraining.launch import Order, fingerprint, perform
    from wordsight.pretraining.search import held_out
    from wordsight.storage import write_json

    sentences = next(iter(snakemake.input.get("sentences", [])), None)
    network = revive(PretrainNetwork, snakemake.params.network)
    section = revive(TrainingSection, snakemake.params.section)
    images = Path(snakemake.input.images).parent
    trained = perform(
        Order(
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
    loss, accuracy = held_out(trained, open_split(images, "train"), section.styles)
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
