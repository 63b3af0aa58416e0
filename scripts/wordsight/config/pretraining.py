"""The key ``pretraining``: encoders that the workflow trains, which differ only in their objective."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from wordsight.catalogue.objectives import ObjectiveName
from wordsight.catalogue.section import SOUND, Count, Name, Positive, Section, Seed, Share
from wordsight.catalogue.values import UNIQUE
from wordsight.config.models import Architecture


class OptimiserSection(Section):
    """AdamW with a warm-up and half a cosine, the same for every objective except the learning rate."""

    weight_decay: Annotated[float, Field(ge=0), SOUND] = Field(
        default=0.05, description="Weight decay; biases and normalisation have none."
    )
    warmup: Share = Field(
        default=0.1,
        description="Share of the steps in which the learning rate rises; then it falls by half a cosine.",
    )
    clip_norm: Positive = Field(
        default=1.0, description="Largest norm of the gradient; a longer one is scaled down to it."
    )


class AugmentationSection(Section):
    """Random views: a resized crop, a flip, and changes of colour; the same for every objective."""

    smallest_crop: Annotated[float, Field(gt=0, le=1), SOUND] = Field(
        default=0.5, description="Smallest crop, as a share of the picture's area."
    )
    flip: bool = Field(
        default=True, description="Whether half of the pictures are flipped from left to right."
    )
    brightness: Share = Field(default=0.3, description="Largest change of the brightness, as a share of it.")
    contrast: Share = Field(default=0.3, description="Largest change of the contrast, as a share of it.")
    saturation: Share = Field(default=0.3, description="Largest change of the saturation, as a share of it.")
    greyscale: Annotated[float, Field(ge=0, le=1), SOUND] = Field(
        default=0.1, description="Share of the pictures that lose their colour."
    )


class ObjectiveSection(Section):
    """How often an objective is trained, and at which learning rate."""

    # Loading the configuration creates a model for each seed, so a typo must not ask for millions.
    seeds: Annotated[int, Field(ge=1, le=1000), SOUND] = Field(
        default=3, description="Number of models of this objective; their seeds are 0, 1 and so on."
    )
    learning_rate: Positive = Field(default=1e-3, description="Highest learning rate.")
    job_ends: list[Annotated[int, Field(ge=1), SOUND]] = Field(
        default=[],
        description=(
            "With `jobs_by: objective`, numbers of seeds at which a job ends, whatever `seeds_per_job` is. "
            "With the number of seeds of a finished run in it, more seeds leave the finished jobs as they "
            "are; `make plan` writes it. Every look of `statistics.looks` ends a job too."
        ),
    )


class SearchSection(Section):
    """Learning rates to choose from, on concepts of the training images that are held out of training."""

    learning_rates: Annotated[list[Positive], Field(min_length=2), UNIQUE] = Field(
        default=[3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
        description=(
            "Learning rates that are tried for each objective. If the best one is the smallest or the "
            "largest, try more beyond it."
        ),
    )
    seeds: Annotated[int, Field(ge=1, le=1000), SOUND] = Field(
        default=3, description="Networks that are trained for each learning rate; their mean counts."
    )
    seed: Seed = Field(
        default=1000, description="Seed of the first of these networks; the others have the next ones."
    )


class TrainingSection(Section):
    """What all objectives share: images, architecture, budget, optimiser and augmentation."""

    images: Name = Field(description="Dataset to train on; its training split is used.")
    styles: list[str] | None = Field(
        default=None, description="Styles of that dataset to train on; all when left out."
    )
    architecture: Architecture = Field(
        default="small/patch_resnet_w32",
        description=(
            "Architecture, `family/name`, such as `timm/resnet18`. `small/patch_resnet_wN` and the slower "
            "`small/resnet_wN` are residual networks for small pictures, whose first stage has width N."
        ),
    )
    resolution: Count = Field(default=32, description="Side of the network's input, in pixels.")
    images_seen: Count = Field(
        default=40_000, description="Images seen in all steps together, the same for every objective."
    )
    batch_size: Annotated[int, Field(ge=2), SOUND] = Field(
        default=128, description="Images in one step, over all devices."
    )
    micro_batch_size: Annotated[int, Field(ge=2), SOUND] | None = Field(
        default=None,
        description=(
            "Images that pass through the network together; the whole batch when left out. Fewer need less "
            "memory and don't change the loss."
        ),
    )
    optimiser: OptimiserSection = Field(
        default=OptimiserSection(), description="Settings of AdamW, the same for every objective."
    )
    augmentation: AugmentationSection = Field(
        default=AugmentationSection(), description="Random views, the same for every objective."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Precision; `bfloat16` is faster on devices that are made for it."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Device to train on; `auto` takes a GPU where there is one."
    )
    devices: Count = Field(
        default=1, description="Processes that share every batch, one per device, started by torchrun."
    )
    workers: Annotated[int, Field(ge=0), SOUND] = Field(
        default=0, description="Processes that load images ahead."
    )
    memory_mb: Count = Field(
        default=500,
        description=(
            "Keep the decoded images in memory if they need at most this many megabytes; otherwise, decode "
            "each when it is needed."
        ),
    )

    @model_validator(mode="after")
    def _share_batches(self) -> Self:
        if self.batch_size % self.devices or self.batch_size < 2 * self.devices:
            raise PydanticCustomError(
                "batch_size",
                "batch_size must be a multiple of devices ({devices}), with at least two images for each",
                {"devices": self.devices},
            )
        return self


class PretrainingSection(TrainingSection):
    """Encoders that differ only in their objective: one model for each seed of each objective."""

    objectives: Annotated[dict[ObjectiveName, ObjectiveSection], Field(min_length=1)] = Field(
        description="What to train, by name of the objective."
    )
    search: SearchSection = Field(
        default=SearchSection(), description="What `make search` tries, to choose learning rates."
    )
