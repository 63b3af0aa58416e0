"""The key ``pretraining``: encoders that the workflow trains, which differ in their objective alone."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from wordsight.catalogue.objectives import ObjectiveName
from wordsight.catalogue.section import Count, Name, Positive, Section, Share
from wordsight.config.models import Architecture


class OptimiserSection(Section):
    """AdamW under a warm-up and half a cosine, the same for every objective but for the learning rate."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    warmup: Share = 0.1
    clip_norm: Positive = 1.0


class AugmentationSection(Section):
    """Random views: a resized crop, a flip, and changes of colour; the same for every objective."""

    smallest_crop: Annotated[float, Field(gt=0, le=1)] = 0.5
    flip: bool = True
    brightness: Share = 0.3
    contrast: Share = 0.3
    saturation: Share = 0.3
    greyscale: Annotated[float, Field(ge=0, le=1)] = 0.1


class ObjectiveSection(Section):
    """How often an objective is trained, and at which learning rate."""

    seeds: Count = 3
    learning_rate: Positive = 1e-3


class SearchSection(Section):
    """Learning rates to choose from, on concepts of the training images that are held out of training."""

    learning_rates: Annotated[list[Positive], Field(min_length=2)] = [1e-3, 3e-3, 1e-2]
    seed: Annotated[int, Field(ge=0)] = 1000


class TrainingSection(Section):
    """What all objectives share: images, architecture, budget, optimiser and augmentation."""

    images: Name
    styles: list[str] | None = None
    architecture: Architecture = "small/resnet_w16"
    resolution: Count = 32
    images_seen: Count = 40_000
    batch_size: Annotated[int, Field(ge=2)] = 128
    micro_batch_size: Annotated[int, Field(ge=2)] | None = None
    optimiser: OptimiserSection = OptimiserSection()
    augmentation: AugmentationSection = AugmentationSection()
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Count = 1
    workers: Annotated[int, Field(ge=0)] = 0
    memory_mb: Count = 500

    @model_validator(mode="after")
    def _share_batches(self) -> Self:
        if self.batch_size % self.devices or self.batch_size < 2 * self.devices:
            raise PydanticCustomError(
                "batch_size",
                "expected a batch_size that {devices} devices share in equal parts, of two images or more",
                {"devices": self.devices},
            )
        return self


class PretrainingSection(TrainingSection):
    """Encoders that differ in their objective alone: one model a seed of each."""

    objectives: Annotated[dict[ObjectiveName, ObjectiveSection], Field(min_length=1)]
    search: SearchSection = SearchSection()
