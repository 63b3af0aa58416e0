"""The figures beside those of single protocols, with their captions, in the order of the report."""

from dataclasses import dataclass
from typing import Literal

from wordsight.catalogue.protocols import PROTOCOLS


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, drawn by the module of its name in :mod:`wordsight.figures`.

    Attributes
    ----------
    caption : what it shows
    needs : what a configuration must have for it: contrasts with ``verdicts`` or whose ``confusions`` can be
        shown, encoders that are trained or whose ``features`` a protocol reads, or ``attacks``; nothing for
        one that every run has
    images : whether it shows single images, which the module of its name in :mod:`wordsight.figures.images`
        gathers
    """

    caption: str
    needs: Literal["", "verdicts", "training", "features", "attacks", "confusions"] = ""
    images: bool = False


FIGURES = {
    "ranks": Figure(
        caption=(
            "Mean rank of each encoder among all, by protocol; 1 is the best. Encoders are ranked on each "
            "dataset by the measure that the protocol is judged by, at its largest setting, and the ranks "
            "are averaged over the datasets that all its encoders ran on; across styles, they are ranked "
            "where neither the concepts nor the style was in training. The overall rank is the mean over "
            "the protocols that every encoder ran, and orders the rows. Cells are empty where an encoder "
            "did not run. Ranks hide how large a difference is and whether it could be chance: the "
            "contrasts tell that."
        ),
    ),
    "pretraining_size": Figure(
        caption=(
            "What each encoder reaches over the number of images that it was trained on, on a logarithmic "
            "scale, one panel for each protocol; higher is better. Each mark is the mean over the datasets "
            "that all encoders of the protocol share, with one standard error to either side. Colour and "
            "shape tell what the encoder learned from, and untrained encoders stand apart at the left. "
            "Encoders of equal size are moved sideways a little so that none hides another. Encoders that "
            "differ in size often differ in architecture, data and training as well, so that a trend here "
            "is no effect of size."
        ),
    ),
    "features": Figure(
        needs="features",
        images=True,
        caption=(
            "Test images of one dataset, placed in the plane by t-SNE so that images whose features point "
            "in similar directions lie close together, one panel for each encoder, all with the same "
            "images. Colours and shapes tell the class; of many classes there is no legend. Classes that "
            "form groups of their own are told apart by the encoder without any training on them. t-SNE "
            "keeps neighbours and little else: the axes, the size of groups and the distance between them "
            "have no meaning, and two panels can't be compared by them."
        ),
    ),
    "robust_images": Figure(
        needs="attacks",
        images=True,
        caption=(
            "The images that attacks change first and last, among those that were attacked in each dataset. "
            "They are ordered by the smallest change that makes the classifier wrong, on a logarithmic "
            "scale, averaged over encoders. Below each image stand its class and the median over encoders "
            "of the radius, the largest change of a pixel as a share of its range; an image that is wrong "
            "without any attack counts as broken by none. The radius for each encoder appears under the "
            "pointer."
        ),
    ),
    "confusions": Figure(
        needs="confusions",
        images=True,
        caption=(
            "Where the two sides of a contrast take images for different classes. For each contrast, the "
            "dataset on which the accuracies of its two sides differ most, and the classes on which their "
            "answers differ most, each with an image on which they differ. A row is the class of an image "
            "and a column what a linear classifier takes it for; the number is the share of the class's "
            "test images that the treatment takes for it minus the control's, in percentage points, "
            "averaged over the encoders of a side. Framed cells are right answers: blue there, and orange "
            "elsewhere, speaks for the treatment. Classes have few test images, and those that are shown "
            "were chosen for their difference, so that it is no evidence for one."
        ),
    ),
    "training": Figure(
        needs="training",
        caption=(
            "Loss over the epochs of training, one panel for each objective and one line for each seed, on "
            "the training images and on concepts held out of training. A falling line means that the "
            "objective is being learned; a line on held-out concepts that rises again means that the "
            "training images are being memorised. Each objective has a loss of its own, so that heights of "
            "different panels can't be compared."
        ),
    ),
    "margins": Figure(
        caption=(
            "How small a difference between treatment and control each comparison can rule out, in "
            "percentage points, one panel for each protocol and one row for each contrast. A line covers "
            "the margins within which two one-sided tests find the two sides equivalent, without a "
            "correction for the number of comparisons, and its mark is the smallest of them; a dashed line "
            "is the margin that was set. Green squares are verdicts of equivalence within that margin after "
            "correction; grey circles are comparisons that were not shown to be equivalent, which does not "
            "mean that they differ. A triangle at the right end means that the smallest margin lies beyond "
            "the panel. Each panel has a scale of its own."
        ),
    ),
    "overview": Figure(
        needs="verdicts",
        caption=(
            "What each contrast changes, one panel for each contrast under its question and one row for each "
            "protocol, in percentage points: treatment minus control. To the right of zero the treatment is "
            "better. Bars are intervals, with an arrow where one is cut, and the green band holds the "
            "differences that count as none. Colours and shapes are verdicts after correction for all "
            "comparisons of a family: blue triangles that point up for better, orange ones that point down "
            "for worse, green squares for equivalent within the margin, and hollow circles for undecided, "
            "which does not mean equal. With one encoder on a side, the verdict is about these encoders and "
            "not about how they were trained. A short line marks what untrained encoders reach, and a "
            "cross what guessing reaches, where they are near enough. Protocols across styles decide where "
            "neither the concepts nor the style were in training."
        ),
    ),
    "summary": Figure(
        caption=(
            "Difference between treatment and control for each contrast and protocol, in percentage points, "
            "with intervals and the margin of differences that count as none as a band. To the right of "
            "zero the treatment scores higher. Colours and shapes are verdicts after correction for all "
            "comparisons of a family: blue triangles that point up where the treatment helps, orange ones "
            "that point down where it hurts, green squares where the two are equivalent within the margin, "
            "and hollow circles where the comparison is undecided, which does not mean equal. Few contrasts "
            "are drawn by dataset; many with a row each in the panel of a protocol, and below as a table of "
            "numbers, where only comparisons that decide are coloured or framed. Protocols across styles "
            "decide where neither the concepts nor the style were in training. Where no contrast is "
            "configured, the mean of each model over datasets is shown instead."
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
