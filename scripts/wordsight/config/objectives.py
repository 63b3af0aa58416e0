"""Which objectives a network of the workflow can be trained by, and what each of them learns from."""

from typing import Literal

from wordsight.config.section import Language

Objective = Literal[
    "labels",
    "captions_contrastive",
    "captions_contrastive_text_tower",
    "captions_targets",
    "simclr",
    "barlow_twins",
    "labels_and_captions",
    "adversarial",
    "stylised",
    "captions_shuffled",
    "class_names",
    "concept_labels",
    "untrained",
]
# What each objective learns from. A name in the place of a caption says what a label says, and permuted
# captions say nothing.
LANGUAGE_OF: dict[str, Language] = {
    "labels": "labels",
    "captions_contrastive": "captions",
    "captions_contrastive_text_tower": "captions",
    "captions_targets": "captions",
    "simclr": "none",
    "barlow_twins": "none",
    "labels_and_captions": "captions",
    "adversarial": "labels",
    "stylised": "labels",
    "captions_shuffled": "none",
    "class_names": "labels",
    "concept_labels": "labels",
    "untrained": "none",
}
# What reads vectors of a frozen sentence encoder.
READS_SENTENCES = {"captions_contrastive", "labels_and_captions", "captions_shuffled", "class_names"}
