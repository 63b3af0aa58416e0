"""The record of clustering."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from wordsight.catalogue.prose import Cite, Sentence, counted
from wordsight.catalogue.protocols.record import Drawing, Metric, Mode, Protocol
from wordsight.catalogue.section import Count, Section


class Parameters(Section):
    """Spectral clustering of the test features."""

    seeds: Count = Field(default=5, description="Runs of k-means, each with its own seed.")
    memory_mb: Count = Field(
        default=1000,
        description="Megabytes for the affinity matrix; what doesn't fit is computed again in every pass.",
    )


def method(section: Mapping[str, Any], mode: Mode) -> Sentence:
    """Sentence for a paper."""
    start: Sentence = [
        "the test features were divided by spectral clustering",
        Cite(("vonluxburg2007",)),
        " on the absolute cosine into as many clusters as there are classes",
    ]
    if mode == "paper":
        return [*start, "; each class greedily took the cluster that it overlaps most"]
    seeds = counted(section["seeds"], "seed")
    assigned = "and clusters were assigned to classes one to one so that most images are right"
    return [*start, f", with {seeds} of k-means, {assigned}", Cite(("kuhn1955",))]


PROTOCOL = Protocol(
    name="clustering",
    title="Clustering",
    question="Do the images of a class lie together, without any label?",
    parameters=Parameters,
    reads=("test",),
    primary="accuracy",
    metrics={
        "accuracy": Metric(
            words="accuracy", meaning="1 when the image's cluster is assigned to its class, else 0"
        ),
        "accuracy_greedy": Metric(
            words="accuracy, greedy assignment",
            meaning="share of images that are right under the authors' assignment",
            observed="trial",
            mode="sound",
        ),
        "nmi": Metric(
            words="normalised mutual information",
            meaning="normalised mutual information of clusters and classes",
            observed="trial",
            mode="sound",
        ),
        "ari": Metric(
            words="adjusted Rand index",
            meaning="adjusted Rand index of clusters and classes; 0 is chance",
            observed="trial",
            unit="up to 1",
            mode="sound",
        ),
    },
    authors="accuracy_greedy",
    method=method,
    limit="Clustering is given the true number of classes.",
    # Even random clusters do better than one over the number of classes, because the best assignment is used.
    drawing=Drawing(
        below="images in the cluster assigned to their class",
        alternative="Clustering accuracy",
        guessing=False,
    ),
    caption=(
        "Share of test images that lie in the cluster assigned to their class, by dataset; no label was used "
        "to form the clusters. Further right is better. Bars are confidence intervals over images, runs of "
        "k-means and, where there are several, training runs. Guessing is not marked: even random clusters, "
        "in their best assignment, do better than one over the number of classes."
    ),
)
