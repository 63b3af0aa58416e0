"""One training as an order on paper, carried out in this process."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from wordsight.catalogue.section import Section
from wordsight.config.models import PretrainNetwork
from wordsight.config.pretraining import TrainingSection
from wordsight.datasets.reading import open_split, read_card
from wordsight.files.hashing import digest_of, sha256
from wordsight.models.encoder import resolve_device
from wordsight.pretraining.loop import Task, Trained, train


class Order(Section):
    """What to train, on what, and where everything goes.

    Attributes
    ----------
    name : of the model
    images : folder of the image set
    sentences : file of sentence vectors, where the objective reads them
    checkpoint : where the state after each epoch is kept while the training runs
    fingerprint : of everything that the weights depend on
    directory : where the model's files go
    curve : where the learning curve goes
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

    The card has the digest of the images, which :func:`wordsight.datasets.reading.open_split` compares with
    the file.
    """
    vectors = [sha256(sentences)] if sentences else []
    return digest_of(values, read_card(images).splits.train.sha256, *vectors)


def perform(order: Order) -> Trained:
    """Train in this process; with others beside it, as one of them."""
    torch.set_num_threads(order.threads)
    if resolve_device(order.section.device).type == "cuda":
        # On a CPU the operations used are deterministic; asking for it imports torch's compiler.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    task = Task(
        network=order.network,
        section=order.section,
        split=open_split(order.images, "train"),
        sentences=Path(order.sentences) if order.sentences else None,
        seed=order.seed,
        checkpoint=Path(order.checkpoint),
        fingerprint=order.fingerprint,
    )
    return train(task)
