"""A training job: everything that a training needs, in a form that can be written to a file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from wordsight.catalogue.section import Section
from wordsight.config.models import PretrainNetwork
from wordsight.config.pretraining import TrainingSection
from wordsight.datasets.reading import Split, read_card
from wordsight.files.hashing import digest_of, sha256
from wordsight.models.encoder import resolve_device
from wordsight.pretraining.loop import Task, Trained, train


class TrainingJob(Section):
    """What to train, on what, and where to write the results.

    Attributes
    ----------
    name : of the model
    images : folder of the image set
    sentences : file of sentence vectors, None if the objective does not read them
    checkpoint : file for the state after each epoch, which is kept while the training runs
    fingerprint : digest of everything that the weights depend on
    directory : folder for the model's files
    curve : file for the learning curve
    threads : of each process
    """

    name: str
    network: PretrainNetwork
    section: TrainingSection
    images: str
    sentences: str | None
    seed: int
    checkpoint: str
    fingerprint: str
    directory: str
    curve: str
    threads: int = 1


def fingerprint(values: Mapping[str, Any], images: Path | str, sentences: Path | str | None) -> str:
    """Digest of everything that weights depend on: a step's params, the training images, sentence vectors.

    The digest of the images is read from their card; :func:`wordsight.datasets.reading.open_split` checks
    that the file has it.
    """
    vectors = [sha256(sentences)] if sentences else []
    return digest_of(values, read_card(images).splits.train.sha256, *vectors)


def run_job(job: TrainingJob, split: Split) -> Trained:
    """Train in this process, on its share of each batch if torchrun started several processes.

    Parameters
    ----------
    split : training split of ``job.images``; jobs that are given the same one share its decoded images
    """
    torch.set_num_threads(job.threads)
    if resolve_device(job.section.device).type == "cuda":
        # On a CPU the operations used are deterministic anyway, and this call would import torch's compiler.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    task = Task(
        network=job.network,
        section=job.section,
        split=split,
        sentences=Path(job.sentences) if job.sentences else None,
        seed=job.seed,
        checkpoint=Path(job.checkpoint),
        fingerprint=job.fingerprint,
    )
    return train(task)
