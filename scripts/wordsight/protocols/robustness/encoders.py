"""Attack an encoder on images of a dataset, by its own classifier or by one fitted on its features."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import torch

from wordsight.errors import DataError
from wordsight.files.example_sets import Examples
from wordsight.files.feature_sets import Features
from wordsight.protocols.checks import check_disjoint, check_features, check_fittable
from wordsight.protocols.probe import Fit, chosen_logistic
from wordsight.protocols.robustness.attacked import Attacked
from wordsight.protocols.robustness.classifier import Classifier, ClassNames, Goal, Head
from wordsight.protocols.robustness.evaluation import evaluate, in_memory
from wordsight.protocols.robustness.examples import adversarial
from wordsight.protocols.robustness.finished import Finished
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters
    from wordsight.datasets.reading import Split
    from wordsight.models.encoder import Encoder

SHOWN = 5  # images of each dataset whose adversarial examples are kept
PAPER_SEED = 42  # of NumPy's generator, which the authors shuffled the images of ImageNet with


class Measured(NamedTuple):
    """Rows of a model on a dataset, and what attacks made of a few images."""

    tables: list[pa.Table]
    examples: Examples


def evaluate_encoder(
    task: Task,
    section: "Parameters",
    *,
    encoder: "Encoder",
    test: "Split",
    images: int,
    train: Features | None,
    texts: Features | None = None,
    named: bool = False,
    finished: Finished | None = None,
) -> Measured:
    """Attack an encoder's classifier on a draw of the test images.

    It is the encoder's own unless there are training features, on which one is fitted, or class names.

    Parameters
    ----------
    task, section : as in :func:`evaluate`
    encoder : with its own preprocessing, which is applied before the attack
    test : split that the images come from
    images : how many are drawn; all of them if the split has fewer
    train : features of the training split to fit a head on, or None
    texts : vectors of the class names to compare features with, or None
    named : whether to record whether the encoder's own classifier was attacked
    finished : as in :func:`evaluate`

    Returns
    -------
    Measured
        Tables as :func:`evaluate` returns them, and if a head is fitted ``converged``, 1 when its solver
        reached its tolerance; if ``named``, also ``own_head``, 1 for the encoder's own classifier.
        Adversarial examples of the first images of the draw: the same for every model.

    Raises
    ------
    DataError
        As in :func:`evaluate`, and training features that no classifier can be fitted on.
    """
    fit = _fit(task, section, test, train)
    head = _head(task, fit, texts, len(test.classes))
    target = _Target(task, section, encoder, test, head)
    drawn = draw(task, test.labels, test.ids)[:images]
    tables = target.attack(np.sort(drawn), finished)
    if fit is not None:
        tables.append(task.rows(metric="converged", values=[fit.converged]))
    if named:
        tables.append(task.rows(metric="own_head", values=[head is None]))
    return Measured(tables, target.show(np.sort(drawn[:SHOWN])))


def attack_piece(
    task: Task,
    section: "Parameters",
    *,
    encoder: "Encoder",
    test: "Split",
    piece: tuple[int, int],
    train: Features | None,
    texts: Features | None = None,
    finished: Finished,
) -> None:
    """Attack a piece of the drawn images, whatever the others are; :func:`evaluate_encoder` joins pieces.

    Parameters
    ----------
    task, section, encoder, test, train, texts : as in :func:`evaluate_encoder`
    piece : first and last place of its images in the draw; the last one doesn't belong to it
    finished : where the results are kept
    """
    chosen = np.sort(draw(task, test.labels, test.ids)[slice(*piece)])
    if len(chosen):
        head = _head(task, _fit(task, section, test, train), texts, len(test.classes))
        _Target(task, section, encoder, test, head).attack(chosen, finished, rechecked=False)


def draw(task: Task, labels: np.ndarray, ids: list[str]) -> np.ndarray:
    """Places of all images in the order in which they are attacked, which is the same for every model.

    In paper mode it is that of the authors' code: a permutation under NumPy's seed 42, of images in
    torchvision's order, which is by class and then by file name.
    """
    if task.mode == "paper":
        in_order = np.lexsort((np.asarray(ids), labels))
        return np.asarray(in_order[np.random.RandomState(PAPER_SEED).permutation(len(ids))])
    return np.random.default_rng(task.stream("images")).permutation(len(ids))


def _fit(task: Task, section: "Parameters", test: "Split", train: Features | None) -> Fit | None:
    """Head on the training features; None without them."""
    if train is None:
        return None
    check_disjoint(train.ids, test.ids, task.where)
    return fit_head(task, section, train, len(test.classes))


def _head(task: Task, fit: Fit | None, texts: Features | None, classes: int) -> Head | None:
    """The classifier of the features: a fitted one, or one by class names; None for the encoder's own."""
    if fit is not None or texts is None:
        return fit.probe if fit else None
    if texts.labels.tolist() != list(range(classes)):
        raise DataError(
            f"{task.where}: {len(texts):,} of {classes:,} classes have a vector of their name; give the "
            "others names that the text model knows, by its key `names`"
        )
    return ClassNames(texts.values)


@dataclass(frozen=True)
class _Target:
    """An encoder with its classifier, which is attacked on images of a split.

    Attributes
    ----------
    head : classifier of the features; None for the encoder's own
    """

    task: Task
    section: "Parameters"
    encoder: "Encoder"
    test: "Split"
    head: Head | None

    def attack(
        self, chosen: np.ndarray, finished: Finished | None, *, rechecked: bool = True
    ) -> list[pa.Table]:
        """Rows of the attack on the images at the chosen places."""
        images, labels, ids = self._read(chosen)
        return evaluate(
            self.task,
            self._section,
            encoder=self.encoder,
            head=self.head,
            images=images,
            labels=labels,
            ids=ids,
            label_indices=self._label_indices,
            classes=len(self.test.classes),
            finished=finished,
            rechecked=rechecked,
        )

    def show(self, chosen: np.ndarray) -> Examples:
        """Adversarial examples of the images at the chosen places."""
        task, classes = self.task, len(self.test.classes)
        network = Classifier(self.encoder, self.head, task.where, self._label_indices, classes).eval()
        *arrays, ids = self._read(chosen)
        images, labels = (torch.from_numpy(array).to(network.device) for array in arrays)

        def shown(section: "Parameters") -> Examples:
            attacked = Attacked(task, section, network, images, ids, Finished(), rechecked=False)
            return adversarial(attacked.search("linf", Goal(labels)))

        return in_memory(task, self._section, shown)

    @property
    def _section(self) -> "Parameters":
        size = self.encoder.batch_of(self.section.batch_size)
        return self.section.model_copy(update={"batch_size": size})

    @property
    def _label_indices(self) -> list[list[int]] | None:
        return None if self.head else self.test.card.label_indices

    def _read(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Images as the encoder sees them before it normalises them, labels and ids."""
        read = self.test.images(set(chosen.tolist()))
        images = np.stack([self.encoder.preprocess(image).numpy() for _, image in read])
        return images, self.test.labels[chosen], [self.test.ids[place] for place in chosen]


def fit_head(task: Task, section: "Parameters", train: Features, classes: int) -> Fit:
    """Logistic regression on the training features, as the ``sound`` probe of transfer fits it."""
    check_features(train, classes, f"{task.where}, train")
    check_fittable(train.labels, task)
    split = task.stream("validation")
    return chosen_logistic(train.values, train.labels, section, classes=classes, seed=split)
