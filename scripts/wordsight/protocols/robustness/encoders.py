"""Attack an encoder on images of a dataset, by its own classifier or by one fitted on its features."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.files.feature_sets import Features
from wordsight.protocols.checks import check_disjoint, check_features, check_fittable
from wordsight.protocols.probe import Fit, chosen_logistic
from wordsight.protocols.robustness.evaluation import evaluate
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters
    from wordsight.datasets.reading import Split
    from wordsight.models.encoder import Encoder

PAPER_SEED = 42  # of NumPy's generator, which the authors shuffled the images of ImageNet with


def evaluate_encoder(
    task: Task,
    section: "Parameters",
    *,
    encoder: "Encoder",
    test: "Split",
    images: int,
    train: Features | None,
    named: bool = False,
) -> list[pa.Table]:
    """Attack an encoder's own classifier, or one fitted on its features, on a draw of the test images.

    Parameters
    ----------
    task, section : as in :func:`evaluate`
    encoder : with its own preprocessing, which is applied before the attack
    test : split that the images come from
    images : how many are drawn; all of them if the split has fewer
    train : features of the training split to fit a head on; None for the encoder's own classifier
    named : whether to record which of the two was attacked

    Returns
    -------
    list of pyarrow.Table
        As in :func:`evaluate`, and if a head is fitted ``converged``, 1 when its solver reached its
        tolerance; if ``named``, also ``own_head``, 1 for the encoder's own classifier.

    Raises
    ------
    DataError
        As in :func:`evaluate`, and training features that no classifier can be fitted on.
    """
    fit = None
    if train is not None:
        check_disjoint(train.ids, test.ids, task.where)
        fit = fit_head(task, section, train, len(test.classes))
    chosen = draw(task, test.labels, test.ids, images)
    pixels = [encoder.preprocess(image).numpy() for _, image in test.images(set(chosen.tolist()))]
    tables = evaluate(
        task,
        section.model_copy(update={"batch_size": encoder.batch_of(section.batch_size)}),
        encoder=encoder,
        head=fit.probe if fit else None,
        images=np.stack(pixels),
        labels=test.labels[chosen],
        ids=[test.ids[place] for place in chosen],
        label_indices=None if fit else test.card.label_indices,
        classes=len(test.classes),
    )
    if fit is not None:
        tables.append(task.rows(metric="converged", values=[fit.converged]))
    if named:
        tables.append(task.rows(metric="own_head", values=[fit is None]))
    return tables


def draw(task: Task, labels: np.ndarray, ids: list[str], images: int) -> np.ndarray:
    """Places of the images to attack, in ascending order: the same for every model.

    In paper mode they are those that the authors' code takes: the first of a permutation under NumPy's seed
    42, of images in torchvision's order, which is by class and then by file name.
    """
    if task.mode == "paper":
        in_order = np.lexsort((np.asarray(ids), labels))
        shuffled = np.random.RandomState(PAPER_SEED).permutation(len(ids))
        return np.sort(in_order[shuffled[:images]])
    generator = np.random.default_rng(task.stream("images"))
    return np.sort(generator.permutation(len(ids))[:images])


def fit_head(task: Task, section: "Parameters", train: Features, classes: int) -> Fit:
    """Logistic regression on the training features, as the ``sound`` probe of transfer fits it."""
    check_features(train, classes, f"{task.where}, train")
    check_fittable(train.labels, task)
    split = task.stream("validation")
    return chosen_logistic(train.values, train.labels, section, classes=classes, seed=split)
