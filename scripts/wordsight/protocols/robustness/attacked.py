"""A network under attack on images, by attacks of several kinds."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from wordsight.protocols.robustness.balls import BALLS, Norm
from wordsight.protocols.robustness.classifier import Classifier, Goal
from wordsight.protocols.robustness.finished import Finished
from wordsight.protocols.robustness.rechecks import Rechecks
from wordsight.protocols.robustness.search import FULL_TRAVEL, Search, random_starts
from wordsight.protocols.robustness.strong import strengthen
from wordsight.protocols.robustness.strongest import smallest_index
from wordsight.protocols.robustness.sweep import sweep
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.robustness import Parameters

PAPER_STEPS = 100


@dataclass(frozen=True)
class Found:
    """What attacks of one kind did.

    Attributes
    ----------
    held : bool array (1 + radii, n); whether each image held without attack and at every radius
    after_one_step : the same of one step alone; None in paper mode, which doesn't try it
    broken : by attack, the cheapest first, index of the smallest radius at which it breaks each image, (n,);
        the number of radii if there is none
    gradients : of single images
    """

    held: np.ndarray
    after_one_step: np.ndarray | None
    broken: dict[str, np.ndarray]
    gradients: int


@dataclass(frozen=True)
class Attacked:
    """A network under attack on images.

    Attributes
    ----------
    finished, rechecked : as in :func:`wordsight.protocols.robustness.evaluation.evaluate`
    checks : self-checks of the attacks so far; of several kinds of attack, the largest value
    """

    task: Task
    section: "Parameters"
    network: Classifier
    inputs: torch.Tensor
    ids: list[str]
    finished: Finished
    rechecked: bool
    checks: dict[str, float] = field(default_factory=dict)

    def by(self, norm: Norm, goal: Goal, whole: np.ndarray) -> Found:
        """Attack in the ball of a norm; ``whole`` (n,) says whether an image holds without attack."""
        kind, radii = _kind(norm, goal), self._radii(norm)
        if self.task.mode == "paper":
            options = self._options(norm, goal)
            reached, gradients = sweep(self.network, self.inputs, goal, norm, radii, **options)
            held = np.vstack([whole, whole & ~reached])
            return Found(held, None, {"pgd": smallest_index(held[1:])}, gradients)
        search, items, rechecks = self.search(norm, goal), np.flatnonzero(whole), None
        if self.rechecked:
            rechecks = Rechecks(search, items, self.ids, self.task.stream("rechecks", *kind))
            search.run(rechecks.first, rechecks.of, rechecks.note)
        else:
            search.run(items)
        by_pgd = search.by_descent.copy()
        lowered: dict[str, np.ndarray] = {}
        if self.section.apgd_steps is not None and not goal.targeted:
            lowered = strengthen(search, items, self.section.apgd_steps)
        before = search.by_descent.copy()
        if rechecks is not None:
            for check, value in rechecks.results(black_box=norm == "linf").items():
                self.checks[check] = max(value, self.checks.get(check, 0.0))
        held, after_one_step = (
            np.vstack([whole, whole & (np.arange(len(radii))[:, None] < index)])
            for index in (search.by_descent, search.by_one_step)
        )
        # If the checks took every radius, that was by the descent.
        by_pgd = np.where(search.by_descent < before, search.by_descent, by_pgd)
        broken = {"one_step": search.by_one_step, "pgd": by_pgd, **lowered}
        return Found(held, after_one_step, broken, int(search.gradients.sum()))

    def search(self, norm: Norm, goal: Goal) -> Search:
        """A search for the smallest radii in the ball of a norm, which hasn't run."""
        options = self._options(norm, goal)
        return Search(self.network, self.inputs, goal, BALLS[norm], self._radii(norm), **options)

    def _radii(self, norm: Norm) -> list[float]:
        return self.section.epsilons if norm == "linf" else self.section.l2_epsilons or []

    def _options(self, norm: Norm, goal: Goal) -> dict[str, Any]:
        """Options of a search or a sweep."""
        task, section, kind = self.task, self.section, _kind(norm, goal)
        steps = PAPER_STEPS if task.mode == "paper" else section.steps
        stream = (task.protocol, task.dataset, *kind)
        return {
            "steps": steps,
            "relative_step": section.relative_step or FULL_TRAVEL / steps,
            "batch_size": section.batch_size,
            "start": random_starts(BALLS[norm], self.inputs.shape[1:], self.ids, task.seed, stream),
            "ids": self.ids,
            "kind": " ".join((*kind, "attack")),
            "finished": self.finished,
        }


def _kind(norm: Norm, goal: Goal) -> tuple[str, ...]:
    """Names of an attack, for its seeds; none for the untargeted one in the ball of Linf."""
    return (*(("targeted",) if goal.targeted else ()), *(("l2",) if norm == "l2" else ()))
