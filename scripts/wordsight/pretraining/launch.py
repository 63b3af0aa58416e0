"""Train models, in this process or in several that torchrun starts, and write their files.

Each of those processes runs ``python -m wordsight.pretraining.launch JOB.json``.
"""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

from wordsight.datasets.reading import open_split
from wordsight.errors import WordsightError
from wordsight.files.disk import write_json, write_text
from wordsight.models import writing
from wordsight.models.pretrained import Pretrained
from wordsight.pretraining.job import TrainingJob, run_job
from wordsight.pretraining.loop import Trained

COLUMNS = ["epoch", "loss", "held_out_loss", "measure"]


def train_and_write(*jobs: TrainingJob) -> None:
    """Train and write one model after another, each in this process or in one process per device.

    All jobs train on the same images, which are decoded once. Checkpoints stay until the last model is
    written: if the process is killed before, the next one only has to write the finished models again.
    """
    split = open_split(jobs[0].images, "train")
    for job in jobs:
        if job.section.devices == 1:
            _write(job, run_job(job, split))
        else:
            _launch(job)
    for job in jobs:
        Path(job.checkpoint).unlink(missing_ok=True)


def _launch(job: TrainingJob) -> None:
    """Train and write a model in one process per device."""
    path = Path(f"{job.checkpoint}.job.json")
    write_json(path, job.model_dump(mode="json"))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [
        "--nproc-per-node",
        str(job.section.devices),
        "-m",
        "wordsight.pretraining.launch",
        str(path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    path.unlink()
    if done.returncode:
        raise WordsightError(
            f"{job.name}: one of {job.section.devices} training processes failed; see its error above"
        )


def _write(job: TrainingJob, trained: Trained) -> None:
    network = job.network
    untrained = network.objective == "untrained"
    origin = "initialisation of" if untrained else f"training on {Path(job.images).name} of"
    pretrained = Pretrained(
        tensors=trained.backbone.tensors(),
        origin=f"{origin} {network.architecture}, objective {network.objective}, seed {network.seed}",
        licence="none",
        preprocessing=trained.preprocessing,
        seed=network.seed,
    )
    writing.save(trained.backbone, network, job.name, job.directory, pretrained, trained.card)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(trained.curve)
    write_text(job.curve, buffer.getvalue())


if __name__ == "__main__":
    given_job = TrainingJob.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        result = run_job(given_job, open_split(given_job.images, "train"))
    except WordsightError as problem:
        print(f"wordsight: error: {problem}", file=sys.stderr)
        sys.exit(1)
    if os.environ.get("RANK", "0") == "0":
        _write(given_job, result)
