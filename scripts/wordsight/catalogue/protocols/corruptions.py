"""The record of corruptions."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from wordsight.catalogue.fitting import ProbeParameters, fitted_on
from wordsight.catalogue.prose import Cite, Sentence, counted
from wordsight.catalogue.protocols.record import Drawing, Metric, Mode, Protocol
from wordsight.catalogue.section import SOUND, Count, Name, Section
from wordsight.catalogue.values import UNIQUE

Kind = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
]
ExtraKind = Literal["speckle_noise", "gaussian_blur", "spatter", "saturate"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXTRA_KINDS: tuple[ExtraKind, ...] = get_args(ExtraKind)
SMALLEST = 32  # pixels of the shorter side, below which some kinds leave nothing of an image


class Versions(Section):
    """Which corrupted versions are made of which images."""

    kinds: Annotated[list[Kind], Field(min_length=1), UNIQUE] = Field(
        default=[*KINDS], description="Kinds of corruption that means are over; the 15 of ImageNet-C."
    )
    extra_kinds: Annotated[list[ExtraKind], UNIQUE] = Field(
        default=[],
        description="Of the four further kinds of ImageNet-C, those to measure too; no mean counts them.",
    )
    severities: Annotated[list[Annotated[int, Field(ge=1, le=5), SOUND]], Field(min_length=1), UNIQUE] = (
        Field(default=[1, 2, 3, 4, 5], description="Severities of each kind, from 1 to 5.")
    )
    images: Count = Field(
        default=200,
        description="Test images to draw, the same for every model; all of them if there are fewer.",
    )
    pixels: Annotated[int, Field(ge=SMALLEST), SOUND] = Field(
        default=256,
        description=(
            "Shorter side that images are scaled to before they are corrupted. The kinds are made for 256; "
            "less takes less time and makes those stronger that change many pixels at once, such as blur."
        ),
    )


class Parameters(Versions, ProbeParameters):
    """A linear probe of clean images, tested on corrupted ones."""

    baseline: Name = Field(
        description="Model, among those measured, whose errors are the unit of the mean corruption error."
    )


def method(section: Mapping[str, Any], _: Mode) -> Sentence:
    """Sentence for a paper."""
    kinds = counted(len(section["kinds"]), "kind")
    extra = f" (and {counted(len(section['extra_kinds']), 'further one')})" if section["extra_kinds"] else ""
    severities = counted(len(section["severities"]), "severity", "severities")
    images = counted(section["images"], "test image")
    return [
        f"{images} of a dataset, or all if there were fewer, were scaled to {section['pixels']} pixels on "
        f"the shorter side and corrupted by {kinds}{extra} at {severities}",
        Cite(("hendrycks2019", "michaelis2019")),
        f"; {fitted_on(dict(section), 'features of the training split, which was not corrupted')}; the mean "
        f"corruption error is relative to {section['baseline']}",
    ]


PROTOCOL = Protocol(
    name="corruptions",
    title="Corruptions",
    question="Does a classifier hold when noise, blur, weather or compression spoil the image?",
    parameters=Parameters,
    reads=("train", "corrupted", "baseline"),
    sound_only=True,
    primary="corrupted_accuracy",
    metrics={
        "corrupted_accuracy": Metric(
            words="accuracy on corrupted images",
            meaning="share of the kinds and severities at which the image is classified right",
            chance="most_frequent",
        ),
        "accuracy": Metric(
            words="accuracy",
            meaning=(
                "with the parameter `severity`: share of the kinds under which the image is right at that "
                "severity; at 0, 1 when it is right without corruption, else 0. With the name of a kind as "
                "the parameter: 1 when the image is right under it at that severity, else 0"
            ),
        ),
        "corruption_error": Metric(
            words="mean corruption error",
            meaning=(
                "the image's share of wrong severities, each kind over the baseline's share of errors under "
                "that kind, averaged over kinds. Its mean is the mean corruption error (mCE): 1 for the "
                "baseline, less is better. Kinds without an error of the baseline are left out"
            ),
            unit="of the baseline's errors",
        ),
        "kinds_compared": Metric(
            words="kinds in the mean corruption error",
            meaning="number of kinds under which the baseline makes errors",
            observed="trial",
            unit="kinds",
        ),
        "converged": Metric(
            words="converged (1 = yes)",
            meaning="1 when the logistic regression converged, 0 when it stopped before",
            observed="trial",
            unit="",
        ),
    },
    method=method,
    limit=(
        "Corruptions are made by programs, at five set strengths. Photographs that were taken in fog or "
        "out of focus may be harder or easier."
    ),
    drawing=Drawing(kind="own", curves=("accuracy", "severity")),
    caption=(
        "Accuracy over the severity of corruptions, by dataset. Each mark is a mean over images and kinds of "
        "corruption; severity 0 is the same images, scaled alike but not corrupted. The classifier was "
        "fitted on features of clean training images. More is better, and a curve that falls less is more "
        "robust. Bars are confidence intervals over images, and over training runs where there are several. "
        "The dashed line is guessing: always naming the most frequent class. Models are moved sideways a "
        "little so that none hides another; many models have a row each instead, with a large mark for the "
        "largest severity and small ones for the others. The tables of accuracy by kind say which "
        "corruptions an encoder withstands."
    ),
)
