"""What every protocol is given: which model it measures on which dataset."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wordsight.protocols.rows import make_rows
from wordsight.seeds import derive_seed

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.record import Mode


@dataclass(frozen=True)
class Task:
    """One model on one dataset.

    Attributes
    ----------
    protocol, model, dataset : names, for the rows and for messages
    mode : ``sound``, or ``paper`` for the authors' choices
    seed : the configured seed
    classes : names of the dataset's classes, for messages
    """

    protocol: str
    model: str
    dataset: str
    mode: "Mode" = "sound"
    seed: int = 0
    classes: tuple[str, ...] = ()

    def name_of(self, label: int) -> str:
        """Name of a class in messages; its label where the names aren't known."""
        return repr(self.classes[label]) if label < len(self.classes) else str(label)

    @property
    def where(self) -> str:
        """Start of messages."""
        return f"{self.protocol} of {self.model} on {self.dataset}"

    def stream(self, *names: str | int) -> int:
        """Seed of a draw. It depends on the dataset, never on the model, so that models are paired."""
        return derive_seed(self.seed, self.protocol, self.dataset, *names)

    def rows(
        self, metric: str, values: np.ndarray | Iterable[float], *, dataset: str | None = None, **more: Any
    ) -> pa.Table:
        """Rows of one metric for one trial, as :func:`wordsight.protocols.rows.make_rows` makes them.

        Parameters
        ----------
        dataset : name of a cell, in protocols across styles; the task's dataset by default
        more : ``trial``, ``items``, ``parameter`` and ``setting``
        """
        return make_rows(
            protocol=self.protocol,
            model=self.model,
            dataset=dataset or self.dataset,
            mode=self.mode,
            seed=self.seed,
            metric=metric,
            values=values,
            **more,
        )
