"""The objectives that the workflow trains encoders with, one record each.

The loss of each is the module of its name in :mod:`wordsight.pretraining.objectives`; ``untrained`` has none.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wordsight.catalogue.section import Language


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Everything about an objective except its loss.

    Attributes
    ----------
    title : its name in figures and text
    language : the kind of language in its training: class names used as captions count as labels, since they
        say no more, and captions of other images as none
    learns_from, asks, isolates : for the documentation: what it learns from, what it has to predict, and what
        a comparison with it isolates
    source : key of the paper that it follows
    reads_sentences : whether it reads vectors of the frozen sentence encoder
    robust : whether it trains against adversarial examples
    question : question of a contrast between captions and an objective that keeps only one part of captions
    """

    title: str
    language: Language
    learns_from: str
    asks: str
    isolates: str = ""
    source: str | None = None
    reads_sentences: bool = False
    robust: bool = False
    question: str = ""


OBJECTIVES = {
    "labels": Objective(title="labels", language="labels", learns_from="class labels", asks="the class"),
    "captions_contrastive": Objective(
        title="contrastive captions",
        language="captions",
        learns_from="captions, through a frozen sentence encoder",
        asks="the caption of the image among those of the batch",
        source="radford2021",
        reads_sentences=True,
    ),
    "captions_contrastive_text_tower": Objective(
        title="contrastive captions, text tower",
        language="captions",
        learns_from="captions, through a text tower that learns too",
        asks="the same",
        isolates="the sentence encoder's knowledge",
        source="radford2021",
    ),
    "captions_targets": Objective(
        title="captions as targets",
        language="captions",
        learns_from="captions",
        asks="the words of the caption",
        isolates="contrast against prediction",
        source="joulin2016",
    ),
    "simclr": Objective(
        title="SimCLR",
        language="none",
        learns_from="pixels",
        asks="the other view among all of the batch",
        source="chen2020",
    ),
    "barlow_twins": Objective(
        title="Barlow Twins",
        language="none",
        learns_from="pixels",
        asks="views that agree in outputs that are not redundant",
        isolates="negatives",
        source="zbontar2021",
    ),
    "labels_and_captions": Objective(
        title="labels and captions",
        language="captions",
        learns_from="both",
        asks="both",
        source="yu2022",
        reads_sentences=True,
    ),
    "adversarial": Objective(
        title="adversarial labels",
        language="labels",
        learns_from="class labels",
        asks="the class of an image changed by an attack",
        isolates="robust training without language",
        source="madry2018",
        robust=True,
    ),
    "stylised": Objective(
        title="labels on stylised images",
        language="labels",
        learns_from="class labels",
        asks="the class of an image whose colours and texture are randomised",
        isolates="shape",
        source="xu2021",
    ),
    "captions_shuffled": Objective(
        title="contrastive shuffled captions",
        language="none",
        learns_from="captions of other images",
        asks="as `captions_contrastive`",
        isolates="the *form* of the objective, without meaning",
        source="zhang2017",
        reads_sentences=True,
        question="How much is due to captions that belong to their images?",
    ),
    "class_names": Objective(
        title="contrastive class names",
        language="labels",
        learns_from="names of classes, as captions",
        asks="as `captions_contrastive`",
        isolates="what captions say *beyond* the class",
        source="yang2022",
        reads_sentences=True,
        question="How much is due to captions that say more than the name of the class?",
    ),
    "concept_labels": Objective(
        title="concept labels",
        language="labels",
        learns_from="numbers of concepts",
        asks="the concept",
        isolates="the *fineness* of the target, without words",
        source="dosovitskiy2014",
    ),
    "untrained": Objective(
        title="untrained", language="none", learns_from="nothing", asks="nothing", isolates="the architecture"
    ),
}
if TYPE_CHECKING:
    ObjectiveName = str
else:
    ObjectiveName = Literal[tuple(OBJECTIVES)]


def reads_sentences(objective: str) -> bool:
    """Whether an objective reads vectors of the frozen sentence encoder."""
    return OBJECTIVES[objective].reads_sentences
