"""Architectures by name: ``family/name``, where a family is a library of networks."""

import importlib
from typing import Any

import torch

from wordsight.config.models import PreprocessingSection
from wordsight.models.encoder import Backbone
from wordsight.models.undrawn import Undrawn


def build(
    architecture: str, seed: int = 0, configuration: dict[str, Any] | None = None
) -> tuple[Backbone, PreprocessingSection]:
    """Freshly initialised network, and its default preprocessing.

    The state of torch's random generator on the CPU is the same before and after.

    Parameters
    ----------
    architecture : ``family/name``; a family is a module of this package with ``build(name)``
    seed : of the initialisation
    configuration : settings that some families need besides the name: those in the card of such a network

    Raises
    ------
    ConfigError
        When the family has no network of that name.
    """
    family, name = architecture.split("/", maxsplit=1)
    module = importlib.import_module(f"wordsight.models.architectures.{family}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return module.build(name) if configuration is None else module.build(name, configuration)


def build_to_load(
    architecture: str, configuration: dict[str, Any] | None = None
) -> tuple[Backbone, PreprocessingSection]:
    """Network for weights that are loaded next, and its default preprocessing.

    The weights that it has until then are none of its own. See :func:`build` for the parameters and errors.
    """
    if architecture.startswith("python/"):  # a function of the user's own may need its weights
        return build(architecture, configuration=configuration)
    with Undrawn():
        return build(architecture, configuration=configuration)
