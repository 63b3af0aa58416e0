"""The figures that do not belong to a single protocol, with captions, in the order of the report."""

from dataclasses import dataclass
from typing import Literal

from wordsight.catalogue.protocols import PROTOCOLS


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, drawn by the module of its name in :mod:`wordsight.figures`.

    Attributes
    ----------
    caption : what it shows
    needs : what a configuration must have for this figure: contrasts with ``verdicts``, contrasts whose
        ``confusions`` can be shown, ``training`` of encoders, a protocol that reads ``features``, or
        ``attacks``; empty if every run has it
    images : whether it shows single images, gathered by the module of its name in
        :mod:`wordsight.figures.images`
    compares : whether it shows the contrasts, and so is drawn again when one of them changes
    """

    caption: str
    needs: Literal["", "verdicts", "training", "features", "attacks", "confusions"] = ""
    images: bool = False
    compares: bool = False


FIGURES = {
    "ranks": Figure(
        caption=(
            "Mean rank of each encoder, by protocol; 1 is the best. Encoders are ranked on each "
            "dataset by the main metric of the protocol, at its largest setting, and the ranks "
            "are averaged over the datasets that all its encoders ran on; across styles, they are ranked "
            "where neither the concepts nor the style was in training. The overall rank is the mean over "
            "the protocols that every encoder ran, and orders the rows. Cells are empty where an encoder "
            "did not run. Ranks do not show how large a difference is or whether it could be chance; the "
            "contrasts do."
        ),
    ),
    "pretraining_size": Figure(
        caption=(
            "Score of each encoder over the number of images that it was trained on, on a logarithmic scale, "
            "one panel for each protocol; higher is better. Each mark is the mean over the datasets that all "
            "encoders of the protocol share, with a confidence interval over test images, trials and, where "
            "there are several, training runs. Colour and shape show what the encoder learned from, and "
            "untrained encoders are set apart at the left. Encoders of equal size are moved sideways a "
            "little so that none hides another. Encoders that differ in size often differ in architecture, "
            "data and training as well, so a trend here need not be an effect of size."
        ),
    ),
    "features": Figure(
        needs="features",
        images=True,
        caption=(
            "Test images of one dataset, placed in the plane by t-SNE so that images whose features point "
            "in similar directions lie close together, one panel for each encoder, all with the same "
            "images. Colours and shapes show the class; with many classes there is no legend. If images of "
            "a class form a group, the encoder distinguishes it without having been trained to. t-SNE keeps "
            "neighbours and little else: the axes, the size of groups and the distance between them have no "
            "meaning and can't be compared between panels."
        ),
    ),
    "robust_images": Figure(
        needs="attacks",
        images=True,
        caption=(
            "The images that attacks break first and last, among those that were attacked in each dataset. "
            "They are ordered by the smallest change that makes the classifier wrong, on a logarithmic "
            "scale, averaged over encoders. Below each image are its class and the median over encoders "
            "of the radius, the largest change of a pixel as a share of its range; an image that is wrong "
            "without any attack counts as broken at radius 0. Point at an image for the radius of each "
            "encoder."
        ),
    ),
    "adversarial_examples": Figure(
        needs="attacks",
        images=True,
        caption=(
            "What attacks make of a few images, which were drawn and not chosen. The first row of each "
            "dataset has the images as they are. In each row below, on the left is the image after the "
            "smallest attack that makes the classifier on that encoder wrong, and on the right what the "
            "attack added, magnified so that its largest change is white or black and no change is grey. "
            "Below are the class that the image is then taken for, and the radius: the largest change of a "
            "pixel as a share of its range. If objectives have several seeds, the first is shown."
        ),
    ),
    "confusions": Figure(
        needs="confusions",
        images=True,
        caption=(
            "Where the two sides of a contrast predict different classes. Each contrast is shown on the "
            "dataset on which the accuracies of its two sides differ most, with the classes on which their "
            "predictions differ most and an image for each. A row is the true class and a column the class "
            "that a linear classifier predicts; the number is the share of the test images of the true "
            "class with that prediction, treatment minus control, in percentage points, averaged over the "
            "encoders of a side. Framed cells are correct predictions: blue in them, and orange in other "
            "cells, is better for the treatment. Classes have few test images and were chosen because they "
            "differ, so this figure is not evidence of a difference."
        ),
    ),
    "training": Figure(
        needs="training",
        caption=(
            "Loss over the epochs of training, one panel for each objective and one line for each seed, on "
            "the training images and on concepts held out of training. A falling line means that the "
            "objective is being learned; a line on held-out concepts that rises again means that the "
            "training images are being memorised. Each objective has a loss of its own, so heights in "
            "different panels can't be compared."
        ),
    ),
    "margins": Figure(
        compares=True,
        caption=(
            "How small a difference between treatment and control each comparison can rule out, in "
            "percentage points, one panel for each protocol and one row for each contrast. A line covers "
            "the margins within which two one-sided tests find the two sides equivalent, without a "
            "correction for the number of comparisons, and its mark is the smallest of them; a dashed line "
            "is the chosen margin. Green squares are verdicts of equivalence within that margin after "
            "correction; grey circles are comparisons that were not shown to be equivalent, which does not "
            "mean that they differ. A triangle at the right end means that the smallest margin lies beyond "
            "the panel. Each panel has its own scale."
        ),
    ),
    "overview": Figure(
        needs="verdicts",
        compares=True,
        caption=(
            "What each contrast changes, one panel for each contrast under its question and one row for each "
            "protocol, in percentage points: treatment minus control. To the right of zero the treatment is "
            "better. Bars are intervals, with an arrow where one is cut, and the green band holds the "
            "differences that count as none. Colours and shapes are verdicts after correction for all "
            "comparisons of a family: blue triangles that point up for better, orange ones that point down "
            "for worse, green squares for equivalent within the margin, and hollow circles for undecided, "
            "which does not mean equal. With one encoder on a side, the verdict is about these encoders and "
            "not about how they were trained. A short line marks what untrained encoders reach, and a "
            "cross what guessing reaches; where that is beyond the panel, an angle at its edge points there. "
            "Protocols across styles decide where neither the concepts nor the style were in training."
        ),
    ),
    "summary": Figure(
        compares=True,
        caption=(
            "Difference between treatment and control for each contrast and protocol, in percentage points, "
            "with intervals; a band shows the margin within which differences are negligible. To the right "
            "of zero the treatment scores higher. Colours and shapes are verdicts after correction for all "
            "comparisons of a family: blue triangles that point up where the treatment helps, orange ones "
            "that point down where it hurts, green squares where the two are equivalent within the margin, "
            "and hollow circles where the comparison is undecided, which does not mean equal. If there are "
            "few contrasts, they are drawn by dataset; if there are many, each has a row in the panel of a "
            "protocol, and below is a table of numbers, in which only comparisons with a verdict are "
            "coloured or framed. Verdicts across styles are about concepts and a style that were not in "
            "training. If no contrast is configured, the mean of each model over datasets is shown instead, "
            "with a confidence interval over test images, trials and, where there are several, training "
            "runs."
        ),
    ),
}


def caption(figure: str) -> str:
    """What a figure shows, in words."""
    return PROTOCOLS[figure].caption if figure in PROTOCOLS else FIGURES[figure].caption


def drawn_by(figure: str) -> str:
    """Module of :mod:`wordsight.figures` that draws a figure: its own, or one that protocols share."""
    kind = PROTOCOLS[figure].drawing.kind if figure in PROTOCOLS else "own"
    return figure if kind == "own" else kind
