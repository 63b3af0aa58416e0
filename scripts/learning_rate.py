"""Train with one candidate learning rate from several seeds, and measure the results on held-out concepts."""

import sys
from pathlib import Path

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.catalogue.fitting import ProbeParameters
    from wordsight.config.load import validate
    from wordsight.config.models import PretrainNetwork
    from wordsight.config.pretraining import TrainingSection
    from wordsight.datasets.reading import open_split
    from wordsight.files.disk import write_json
    from wordsight.pretraining.job import TrainingJob, fingerprint, run_job
    from wordsight.pretraining.learning_rate import held_out

    params = snakemake.params
    sentences = next(iter(snakemake.input.get("sentences", [])), None)
    section = validate(TrainingSection, params.section)
    probe = validate(ProbeParameters, params.probe)
    images = Path(snakemake.input.images).parent
    split = open_split(images, "train")
    shared = {"code": params.code, "section": params.section, "seed": params.seed}
    found, checkpoints = [], []
    for values in params.networks:
        network = validate(PretrainNetwork, values)
        checkpoints.append(Path(f"{Path(snakemake.output[0]).with_suffix('')}.{network.seed}.safetensors"))
        trained = run_job(
            TrainingJob(
                name=f"{network.objective} at {network.learning_rate:g}",
                network=network,
                section=section,
                images=str(images),
                sentences=sentences,
                seed=params.seed,
                checkpoint=str(checkpoints[-1]),
                fingerprint=fingerprint({**shared, "network": values}, images, sentences),
                directory="",
                curve="",
                threads=snakemake.threads,
            ),
            split,
        )
        loss, accuracy = held_out(trained, split, section.styles, probe)
        found.append(
            {
                "held_out_loss": loss,
                "held_out_accuracy": accuracy,
                **trained.card.model_dump(mode="json"),
                "curve": trained.curve,
            }
        )
    write_json(snakemake.output[0], found)
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
