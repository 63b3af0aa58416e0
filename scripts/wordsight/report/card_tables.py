"""The tables of datasets, of encoders that the workflow trained, and of all other encoders."""

from collections.abc import Callable, Iterable, Sequence

from wordsight.catalogue import display
from wordsight.catalogue.numbers import UNKNOWN, fixed, percent
from wordsight.config.models import PreprocessingSection
from wordsight.datasets.card import DatasetCard
from wordsight.models.card import ModelCard
from wordsight.report.run import Run, Trained
from wordsight.report.table import Table, tabulated

# Columns that are left out if all encoders have this value.
UNSAID = ("group", "images seen", "views", "image passes", "recipe")
OPTIONAL = dict.fromkeys(UNSAID, UNKNOWN) | {"features": "pooled"}
DAMAGED = "damaged, left out"  # a column that is left out if no image was


def dataset_table(run: Run) -> Table:
    """Where the images come from, how many there are, and how many test images have a twin in training."""
    cards = list(run.datasets.values())
    left_out = any(card.splits.train.damaged or card.splits.test.damaged for card in cards)
    columns = {title: write for title, write in DATASET.items() if left_out or title != DAMAGED}
    return tabulated("Datasets", columns, cards)


def _class_sizes(card: DatasetCard) -> str:
    counts = card.splits.test.images_per_class
    few, many = min(counts, default=0), max(counts, default=0)
    return f"{few:,} to {many:,}" if few < many else f"{many:,}" if counts else UNKNOWN


# Columns of the table of datasets.
DATASET: dict[str, Callable[[DatasetCard], str]] = {
    "dataset": lambda card: card.name,
    "origin": lambda card: card.origin,
    "licence": lambda card: card.licence,
    "classes": lambda card: f"{len(card.classes):,}",
    "training images": lambda card: f"{card.splits.train.items:,}",
    "test images": lambda card: f"{card.splits.test.items:,}",
    "test images of a class": _class_sizes,
    DAMAGED: lambda card: f"{len(card.splits.train.damaged) + len(card.splits.test.damaged):,}",
    "exact twins": lambda card: f"{card.duplicates.exact:,}",
    "near twins": lambda card: f"{card.duplicates.near:,}",
}


def training_table(run: Run) -> Table:
    """Encoders that the workflow trained: one row for each objective; the caption says what all share."""
    models = [model for group in run.trained().values() for model in group]
    images = max((model.training.images for model in models), default=0)
    shared = [*dict.fromkeys(model.card.architecture for model in models), f"{images:,} training images"]
    caption = f"Encoders that this workflow trained: {', '.join(shared)}"
    return tabulated(caption, TRAINING, list(run.trained().values()))


def _learned(models: Sequence[Trained]) -> str:
    learned = [model.training.learned for model in models if model.training.learned is not None]
    return f"{sum(learned)} of {len(learned)}" if learned else UNKNOWN


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of the known values, over the seeds."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _short(value: float | None, digits: str) -> str:
    return UNKNOWN if value is None else f"{value:{digits}}"


# Columns of the table of trained encoders; each gets all models of one objective.
TRAINING: dict[str, Callable[[Sequence[Trained]], str]] = {
    "objective": lambda models: display.group(models[0].training.objective),
    "runs": lambda models: str(len(models)),
    "language": lambda models: models[0].card.language,
    "learned": _learned,
    "reached": lambda models: percent(_mean(model.training.measured for model in models), 1),
    "chance": lambda models: percent(_mean(model.training.chance for model in models), 1),
    "own measure": lambda models: models[0].training.measure or UNKNOWN,
    "final loss": lambda models: _short(_mean(model.training.final_loss for model in models), ".3g"),
    "images seen": lambda models: f"{models[0].training.images_seen:,}",
    "learning rate": lambda models: _short(_mean(model.training.learning_rate for model in models), "g"),
    "TFLOP a run": lambda models: f"{models[0].training.flops / 1e12:,.3g}",
}


def model_table(run: Run) -> Table:
    """Encoders that the workflow did not train, and what is known about their training."""
    cards = run.not_trained_here()
    columns = {
        title: write
        for title, write in NOT_TRAINED_HERE.items()
        if title not in OPTIONAL or any(write(card) != OPTIONAL[title] for card in cards)
    }
    return tabulated("Encoders not trained by this workflow", columns, cards)


def _preprocessing(section: PreprocessingSection) -> str:
    mean, std = ("/".join(f"{value:.3g}" for value in values) for values in (section.mean, section.std))
    sides = f"{section.resize} x {section.resize}" if section.squash else section.resize
    size = f"{section.interpolation} to {sides}, centre {section.image_size} pixels"
    return f"{size}, mean {mean}, std {std}"


# Columns of the table of encoders that the workflow did not train.
NOT_TRAINED_HERE: dict[str, Callable[[ModelCard], str]] = {
    "model": lambda card: card.name,
    "architecture": lambda card: card.architecture,
    "group": lambda card: card.group or UNKNOWN,
    "training": lambda card: display.training(card.language, card.pretraining_images, card.robust),
    "training images": lambda card: f"{card.pretraining_images:,}",
    "images seen": lambda card: f"{card.images_seen:,}" if card.images_seen else UNKNOWN,
    "views": lambda card: str(card.views or UNKNOWN),
    "image passes": lambda card: f"{card.passes:,}" if card.passes else UNKNOWN,
    "recipe": lambda card: card.recipe or UNKNOWN,
    "training data": lambda card: card.pretraining_data,
    "parameters, millions": lambda card: fixed(card.parameters / 1e6),
    "features": lambda card: card.features,
    "feature size": lambda card: f"{card.feature_size:,}",
    "preprocessing": lambda card: _preprocessing(card.preprocessing),
    "origin": lambda card: f"{card.origin} ({card.source})",
    "licence": lambda card: card.licence,
    "SHA-256 of the source": lambda card: card.sha256[:12] or UNKNOWN,
    "SHA-256 of the weights": lambda card: card.weights_sha256[:12],
}
