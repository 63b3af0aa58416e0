"""The key ``protocols``: which measurements run, on what, and what each of them reads."""

from typing import Annotated, Literal

from pydantic import Field

from wordsight.config.section import Count, Fraction, Name, Section
from wordsight.config.selector import Selector

Mode = Literal["sound", "paper"]


class ProtocolSection(Section):
    """Where a protocol runs. A mode given here takes precedence over the configuration's."""

    datasets: list[Name]
    models: Selector = Selector()
    mode: Mode | None = None


class ClusteringParameters(Section):
    """What spectral clustering of the test features reads."""

    seeds: Count = 5
    memory_mb: Count = 1000


class ClusteringSection(ClusteringParameters, ProtocolSection):
    """Spectral clustering of the test features."""


class FewShotParameters(Section):
    """What classification by the nearest prototype reads."""

    shots: Annotated[list[Count], Field(min_length=1)] = [1, 5, 10]
    trials: Count = 20


class FewShotSection(FewShotParameters, ProtocolSection):
    """Nearest class prototype from a few labelled images."""


class ProbeParameters(Section):
    """How a linear classifier is fitted on features."""

    regularisation: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = [
        1e-3,
        1e-2,
        1e-1,
        1.0,
        10.0,
        100.0,
    ]
    validation_fraction: Fraction = 0.2
    max_iterations: Count = 1000


class TransferParameters(ProbeParameters):
    """What the linear probe reads."""

    epochs: Count = 20


class TransferSection(TransferParameters, ProtocolSection):
    """Linear probe on the features."""


class RobustnessParameters(ProbeParameters):
    """What the attack reads, and the fit of the heads that it attacks."""

    epsilons: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)] = [
        1e-4,
        2e-4,
        5e-4,
        8e-4,
        1e-3,
        5e-3,
        1e-2,
        5e-2,
        0.1,
        0.5,
        1.0,
    ]
    steps: Count = 20
    relative_step: Annotated[float, Field(gt=0)] | None = None
    batch_size: Count = 16


class RobustnessDataset(Section):
    """Which classifier is attacked on a dataset, and on how many of its test images."""

    head: Literal["own", "fitted"]
    images: Count = 20


class RobustnessSection(RobustnessParameters):
    """Linf projected gradient descent in pixel space, over a grid of radii."""

    datasets: dict[Name, RobustnessDataset]
    models: Selector = Selector()
    mode: Mode | None = None


class CrossStyleSection(Section):
    """A dataset of concepts in several styles, in whose four cells a protocol runs; the paper has none."""

    datasets: Annotated[list[Name], Field(min_length=1, max_length=1)]
    models: Selector = Selector()
    mode: Literal["sound"] = "sound"


class CrossStyleFewShotSection(FewShotParameters, CrossStyleSection):
    """Nearest class prototype from a few drawings of one style, for drawings of another."""


class CrossStyleProbeSection(ProbeParameters, CrossStyleSection):
    """Linear probe fitted in one style and tested in another."""


class CrossStyleRetrievalSection(CrossStyleSection):
    """Find the same concept in another style."""


class ProtocolsSection(Section):
    """The protocols to run; one that is left out does not run."""

    clustering: ClusteringSection | None = None
    few_shot: FewShotSection | None = None
    transfer: TransferSection | None = None
    robustness: RobustnessSection | None = None
    cross_style_few_shot: CrossStyleFewShotSection | None = None
    cross_style_probe: CrossStyleProbeSection | None = None
    cross_style_retrieval: CrossStyleRetrievalSection | None = None
