"""Label spaces: classes in a fixed order, which a dataset and a network's own classifier can share."""

from typing import Any

IMAGENET = "imagenet-1k"
CLASSES = {IMAGENET: 1000}  # number of classes of those that are published
PACKAGED = {"imagenet_samples": IMAGENET}  # of the packaged datasets that have one


def label_space_of(section: Any) -> str | None:
    """Label space of a dataset's section of the configuration: as configured, or else that of its source."""
    return section.label_space or (PACKAGED.get(section.name) if section.source == "packaged" else None)
