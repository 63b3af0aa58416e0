"""One training as an order on paper, carried out here or by several processes of torchrun.

``python -m wordsight.pretraining.launch ORDER.json`` is what each of those processes runs.
"""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from wordsight import models
from wordsight.config import PretrainNetwork, Section, TrainingSection
from wordsight.datasets import open_split, read_card
from wordsight.errors import WordsightError
from wordsight.models.encoder import resolve_device
from wordsight.models.weights import Pretrained
from wordsight.pretraining.training import Task, Trained, train
from wordsight.provenance import digest_of
from wordsight.storage import sha256, write_json, write_text

COLUMNS = ["epoch", "loss", "held_out_loss", "measure"]


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

    The card has the digest of the images, which :func:`wordsight.datasets.open_split` compares with the file.
    """
    vectors = [sha256(sentences)] if sentences else []
    return digest_of(values, read_card(images).splits.train.sha256, *vectors)


def carry_out(order: Order) -> None:
    """Train and write the model, in this process or in as many as ``devices`` says."""
    if order.section.devices == 1:
        _write(order, perform(order))
        return
    path = Path(f"{order.checkpoint}.order.json")
    write_json(path, order.model_dump(mode="json"))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [
        "--nproc-per-node",
        str(order.section.devices),
        "-m",
        "wordsight.pretraining.launch",
        str(path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    path.unlink()
    if done.returncode:
        raise WordsightError(
            f"{order.name}: expected {order.section.devices} processes to train, but one failed (above)"
        )


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


def _write(order: Order, trained: Trained) -> None:
    network = order.network
    untrained = network.objective == "untrained"
    origin = "initialisation of" if untrained else f"training on {Path(order.images).name} of"
    pretrained = Pretrained(
        tensors=trained.backbone.tensors(),
        origin=f"{origin} {network.architecture}, objective {network.objective}, seed {network.seed}",
        licence="none",
        preprocessing=trained.preprocessing,
        seed=network.seed,
    )
    models.save(trained.backbone, network, order.name, order.directory, pretrained, trained.card)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(trained.curve)
    write_text(order.curve, buffer.getvalue())
    Path(order.checkpoint).unlink(missing_ok=True)


if __name__ == "__main__":
    given = Order.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        result = perform(given)
    except WordsightError as problem:
        print(f"wordsight: error: {problem}", file=sys.stderr)
        sys.exit(1)
    if os.environ.get("RANK", "0") == "0":
        _write(given, result)
