"""What a protocol's record holds: everything that other code needs to know, except its mathematics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wordsight.catalogue.chance import Chance
from wordsight.catalogue.prose import Sentence
from wordsight.catalogue.section import Section

Mode = Literal["sound", "paper"]


class NoParameters(Section):
    """Section of a protocol that has nothing to set."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that a protocol records.

    Attributes
    ----------
    words : its name in figures and text
    meaning : what a value means, for the documentation
    observed : ``image`` for a value per test image (across styles, per concept), ``trial`` for one per trial
    unit : of the value
    mode : the only mode that records it; None when both do
    statistic : how observations become one number; ``none`` if they can't, as for predicted classes
    chance : level of guessing: ``most_frequent`` for the share of the test images in their most frequent
        class, ``classes`` for one over the number of classes with test images, ``recorded`` for the metric
        ``chance``
    compared : whether contrasts may choose it: each test image has a value, and more is better
    """

    words: str
    meaning: str
    observed: Literal["image", "trial"] = "image"
    unit: str = "of 1"
    mode: Mode | None = None
    statistic: Literal["mean", "median", "none"] = "mean"
    chance: Chance = "unknown"
    compared: bool = False


# Metrics of classifiers whose test images may be many of one class and few of another.
BALANCED_ACCURACY = Metric(
    words="balanced accuracy",
    meaning=(
        "mean recall of the classes, plus what the image differs from its class: the number of images over "
        "that of the classes times that of its class's images, times 1 when it is right, else 0, minus the "
        "recall of its class. The mean is the mean recall, in which each class counts the same, and its "
        "standard error counts differences within classes only"
    ),
    chance="classes",
    compared=True,
)
LABEL = Metric(
    words="class",
    meaning=(
        "index of the image's class, among the `classes` of the dataset's `card.json`; recall.csv has the "
        "share of each class's images that are right"
    ),
    unit="class",
    statistic="none",
)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How the figure of a protocol is drawn.

    Attributes
    ----------
    kind : module of :mod:`wordsight.figures` that draws it: ``dots`` or ``cells``, which several protocols
        share, or ``own`` for the module with the protocol's name
    value : title of the value's axis
    below : what the marks are, in the figure's subtitle
    alternative : what the figure shows, for readers who can't see it
    curves : metric and parameter of its curves, where these show another metric than the primary one
    guessing : whether the level of guessing, the share of the most frequent class, is marked
    """

    kind: Literal["dots", "cells", "own"] = "dots"
    value: str = "accuracy"
    below: str = ""
    alternative: str = ""
    curves: tuple[str, str] | None = None
    guessing: bool = True


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A protocol in words and values.

    Its mathematics is in the module of its name in :mod:`wordsight.protocols`.

    Attributes
    ----------
    name : also that of its rule, its key in the configuration, and its module
    title : its name in figures and text
    question : what it asks
    primary : the metric of ranks, the summary, and contrasts that choose no other
    metrics : everything that it records, by name
    method : sentence for a paper, from the values of its section and its mode
    caption : what its figure shows
    drawing : how its figure is drawn
    parameters : type of its section of the configuration
    per_dataset : type of its further section for each dataset, if it has one
    reads : ``train`` and ``test`` are the features of these splits; ``views`` are the features of augmented
        training images, which only paper mode needs; ``corrupted`` are the features of corrupted versions of
        test images; ``baseline`` are the protocol's own rows of the model that its section names
    cells : whether it runs on one dataset of concepts in styles, and has four cells instead of datasets
    runs_encoder : whether it runs the encoder itself, by its own rule, and reads no test features
    sound_only : whether it has one mode, as the paper has no such protocol; true of those with cells
    fixed_trials : whether its trials are conditions, such as pairs of styles, that a repetition would not
        draw anew
    authors : the metric by the authors' choice, which sound mode records in addition to ``primary``
    limit : what the report says about it among the limits of a run
    """

    name: str
    title: str
    question: str
    primary: str
    metrics: Mapping[str, Metric]
    method: Callable[[Mapping[str, Any], Mode], Sentence]
    caption: str
    drawing: Drawing = Drawing()
    parameters: type[Section] = NoParameters
    per_dataset: type[Section] | None = None
    reads: tuple[Literal["train", "test", "views", "corrupted", "baseline"], ...] = ("train", "test")
    cells: bool = False
    runs_encoder: bool = False
    sound_only: bool = False
    fixed_trials: bool = False
    authors: str | None = None
    limit: str = ""

    @property
    def comparable(self) -> list[str]:
        """Metrics that a contrast may compare by, the primary one first."""
        others = [name for name, metric in self.metrics.items() if metric.compared and name != self.primary]
        return [self.primary, *others]

    @property
    def heading(self) -> str:
        """Title and question in one line."""
        return f"{self.title}: {self.question[0].lower()}{self.question[1:]}"
