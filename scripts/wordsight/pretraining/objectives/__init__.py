"""Objectives: what an encoder is trained for, while everything else stays the same. One file each.

An objective is a module of this package with a class ``Objective``; the configuration names the module.
"""

import importlib

import torch

from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives.base import Objective

__all__ = ["Objective", "build"]


def build(name: str, feature_size: int, images: ImageSet, seed: int) -> Objective:
    """Objective by its name, its own layers initialised under ``seed``.

    Raises
    ------
    DataError
        When the images lack what it learns from: labels, captions or concepts.
    """
    module = importlib.import_module(f"wordsight.pretraining.objectives.{name}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return module.Objective(feature_size, images)
