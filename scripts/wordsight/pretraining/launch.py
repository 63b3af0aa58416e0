"""Training a model: an order carried out here or by several processes of torchrun, and the files written.

``python -m wordsight.pretraining.launch ORDER.json`` is what each of those processes runs.
"""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

from wordsight.errors import WordsightError
from wordsight.files.disk import write_json, write_text
from wordsight.models import writing
from wordsight.models.pretrained import Pretrained
from wordsight.pretraining.loop import Trained
from wordsight.pretraining.order import Order, perform

COLUMNS = ["epoch", "loss", "held_out_loss", "measure"]


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
            f"{order.name}: one of {order.section.devices} training processes failed; its error is above"
        )


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
    writing.save(trained.backbone, network, order.name, order.directory, pretrained, trained.card)
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
