"""Estimate the cost of a configuration's matched training on this machine, from a few steps per objective.

    python benchmarks/pretraining_cost.py config/pretraining_cc3m.yaml
    python benchmarks/pretraining_cost.py config/config.yaml --steps 40 --output cost.csv

Each objective trains for ``--steps`` steps, and then for four times as many, with the configured network,
batch, devices and loading. The difference between the two times, divided by three times ``--steps``, is the
time of a step. The training is the real one, with images read from the prepared file. The images are drawn
pictures in JPEG files, somewhat larger than the input of the network.
"""

import argparse
import csv
import io
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from wordsight.catalogue.objectives import reads_sentences
from wordsight.config.datasets import ImageFolderDataset
from wordsight.config.load import load
from wordsight.config.models import PretrainNetwork
from wordsight.config.pretraining import TrainingSection
from wordsight.datasets.building import build
from wordsight.datasets.reading import open_split
from wordsight.datasets.source import Item, Source
from wordsight.pretraining.job import TrainingJob
from wordsight.pretraining.launch import train_and_write
from wordsight.pretraining.sentence_encoder import write_sentences

WORDS = ["red", "green", "blue", "round", "square", "large", "small", "bright", "dark", "cat", "dog", "tree"]
CLASSES = 10


def picture(number: int, side: int) -> bytes:
    """JPEG file of smooth random colours."""
    generator = np.random.default_rng(number)
    coarse = generator.integers(0, 256, size=(8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((side * 4 // 3, side), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def prepare(folder: Path, count: int, side: int) -> None:
    """Build a dataset of ``count`` captioned pictures, as the workflow does."""
    generator = np.random.default_rng(0)
    items = [
        Item(
            id=f"{number:06d}",
            label=number % CLASSES,
            read=partial(picture, number, side),
            caption=" ".join(generator.choice(WORDS, size=5)),
            concept=f"{number // 2:06d}",
            style="ab"[number % 2],
            held_out=number % 20 == 0,
        )
        for number in range(count)
    ]
    classes = [f"class {label}" for label in range(CLASSES)]
    section = ImageFolderDataset(source="image_folder", path="drawn")
    build(
        Source("drawn", "none", classes, items, [Item("test", 0, partial(picture, count, side), "x")]),
        section,
        "drawn",
        0,
        folder,
    )


def seconds(folder: Path, section: TrainingSection, objective: str, steps: int) -> float:
    """Time of a training of this many steps, with its start and end."""
    job = TrainingJob(
        name=objective,
        network=PretrainNetwork(
            source="pretrain",
            architecture=section.architecture,
            objective=objective,
            seed=0,
            learning_rate=1e-4,
        ),
        section=section.model_copy(update={"images_seen": steps * section.batch_size}),
        images=str(folder / "drawn"),
        sentences=str(folder / "sentences.safetensors") if reads_sentences(objective) else None,
        seed=0,
        checkpoint=str(folder / "checkpoint.safetensors"),
        fingerprint=f"{objective} {steps}",
        directory=str(folder / "model"),
        curve=str(folder / "training.csv"),
    )
    started = time.perf_counter()
    train_and_write(job)
    return time.perf_counter() - started


def main() -> None:
    """Time every objective of the configuration; print and write the cost of all its seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", nargs="?", default="config/config.yaml", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    pretraining = load(yaml.safe_load(options.config.read_text(encoding="utf-8"))).pretraining
    if pretraining is None:
        parser.error(f"{options.config}: the section `pretraining` is missing")
    section = TrainingSection(**pretraining.model_dump(include=set(TrainingSection.model_fields)))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder / "drawn", max(1000, 2 * section.batch_size), max(64, section.resolution * 8 // 7))
        write_sentences(folder / "sentences.safetensors", open_split(folder / "drawn", "train"))
        for objective, budget in pretraining.objectives.items():
            if objective == "untrained":
                continue
            few, many = (
                seconds(folder, section, objective, steps) for steps in (options.steps, 4 * options.steps)
            )
            if many <= few:
                parser.error(f"{objective}: four times the steps took no longer; set a larger --steps")
            step = (many - few) / (3 * options.steps)
            hours = step * section.images_seen / section.batch_size / 3600 * section.devices * budget.seeds
            rows.append(
                {
                    "objective": objective,
                    "images_per_second": round(section.batch_size / step, 1),
                    "seeds": budget.seeds,
                    "device_hours": round(hours, 3),
                }
            )
            print(*(f"{key} {value}" for key, value in rows[-1].items()), sep=", ", flush=True)
    total = sum(row["device_hours"] for row in rows)
    print(f"{options.config}: {total:.2f} device hours in all, on {section.devices} {section.device}")
    if options.output:
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
