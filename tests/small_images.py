"""A captioned image set of drawn shapes in two styles, small enough to train on in a test."""

import json
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from wordsight.config.datasets import CaptionedFolderDataset
from wordsight.config.models import PreprocessingSection, PretrainNetwork
from wordsight.config.pretraining import TrainingSection
from wordsight.datasets import building, writing
from wordsight.datasets.reading import Split, open_split
from wordsight.datasets.source import Item, Source
from wordsight.files.pixels import encode
from wordsight.pretraining.job import TrainingJob
from wordsight.pretraining.loop import Task
from wordsight.seeds import derive_seed

SHAPES = ["bar", "circle", "cross", "triangle"]  # the classes
COLOURS = {
    "red": (215, 40, 40), "green": (40, 170, 60), "blue": (50, 70, 220), "yellow": (235, 200, 30),
    "violet": (150, 50, 190), "black": (20, 20, 20),
}  # fmt: skip
SIZES = {"small": 6, "large": 10}
STYLES = ["filled", "outline"]
SIDE = 24


def draw(shape, colour, size, style, side=SIDE):
    """Pixels (side, side, 3) of a shape: filled on white, or its outline on grey."""
    image = Image.new("RGB", (SIDE, SIDE), "white" if style == "filled" else (190, 190, 190))
    paint = {"fill": colour} if style == "filled" else {"outline": colour, "width": 2}
    canvas, middle, r = ImageDraw.Draw(image), SIDE // 2, SIZES[size]
    box = (middle - r, middle - r, middle + r, middle + r)
    if shape == "circle":
        canvas.ellipse(box, **paint)
    elif shape == "bar":
        canvas.rectangle((middle - r, middle - r // 3, middle + r, middle + r // 3), **paint)
    elif shape == "triangle":
        canvas.polygon([(middle, middle - r), (middle + r, middle + r), (middle - r, middle + r)], **paint)
    else:
        canvas.line((middle - r, middle - r, middle + r, middle + r), fill=colour, width=r // 2)
        canvas.line((middle - r, middle + r, middle + r, middle - r), fill=colour, width=r // 2)
    return np.asarray(image.resize((side, side)))


def items():
    """96 training images of 48 concepts, a quarter of which are held out."""
    concepts = [(shape, colour, size) for size in SIZES for colour in COLOURS for shape in SHAPES]
    return [
        Item(
            id=f"{size}-{colour}-{shape}/{style}",
            label=SHAPES.index(shape),
            read=lambda s=shape, c=colour, z=size, t=style: encode(draw(s, COLOURS[c], z, t)),
            caption=f"{size} {colour} {shape}",
            concept=f"{size}-{colour}-{shape}",
            style=style,
            held_out=place % 4 == place // 4 % 4,
        )
        for place, (shape, colour, size) in enumerate(concepts)
        for style in STYLES
    ]


def write(directory, change=lambda item: item, classes=tuple(SHAPES), row_group=256):
    """Write the set as a dataset is written, each item changed, and return its training split."""
    train = [change(item) for item in items()]
    test = [replace(item, id=f"test/{item.id}") for item in train[:4]]
    source = Source("drawn", "none", list(classes), train, test)
    section = CaptionedFolderDataset(source="captioned_folder", path=".")
    with mock.patch.object(writing, "ROW_GROUP", row_group):
        building.build(source, section, "shapes", 0, Path(directory))
    return open_split(directory, "train")


def write_vectors(path, split: Split):
    """Vectors of captions and class names as the step writes them: of a sentence, the mean of its words'."""

    def vector(sentence):
        words = [np.random.default_rng(derive_seed(0, word)).normal(size=32) for word in sentence.split()]
        return np.mean(words, axis=0)

    sentences = sorted({*split.captions, *split.classes})
    vectors = torch.from_numpy(np.array([vector(sentence) for sentence in sentences])).float()
    unit = torch.nn.functional.normalize(vectors, dim=1)
    save_file({"vectors": unit}, path, metadata={"sentences": json.dumps(sentences)})
    return path


def section(**changes):
    """What trainings of the tests share."""
    values = {
        "images": "shapes", "architecture": "small/resnet_w4", "resolution": 16, "images_seen": 144,
        "batch_size": 24, "device": "cpu", **changes,
    }  # fmt: skip
    return TrainingSection(**values)


def preprocessing(size=16):
    """Pictures of the tests' resolution, as they are."""
    return PreprocessingSection(image_size=size, resize=size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def network(objective="labels", seed=0, learning_rate=0.01, architecture="small/resnet_w4"):
    """A network to train."""
    return PretrainNetwork(
        source="pretrain",
        architecture=architecture,
        objective=objective,
        seed=seed,
        learning_rate=learning_rate,
    )


def task(split, vectors, checkpoint, objective="labels", seed=0, learning_rate=0.01, **changes):
    """A training of ``section(**changes)``."""
    return Task(
        network=network(objective, seed, learning_rate),
        section=section(**changes),
        split=split,
        sentences=vectors,
        seed=0,
        checkpoint=Path(checkpoint),
        fingerprint="f",
    )


def job(root, images, vectors, objective="labels", seed=0, learning_rate=0.01, **changes):
    """A job to train and write the model ``root/model``."""
    return TrainingJob(
        name="model",
        network=network(objective, seed, learning_rate),
        section=section(**changes),
        images=str(images),
        sentences=str(vectors),
        seed=0,
        checkpoint=str(root / "checkpoint.safetensors"),
        fingerprint="f",
        directory=str(root / "model"),
        curve=str(root / "model" / "training.csv"),
    )
