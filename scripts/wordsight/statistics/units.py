"""What a repetition would draw anew on either side of a contrast: models, or families of models."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wordsight.catalogue.cells import CELLS
from wordsight.statistics import peers
from wordsight.statistics.components import Part, Stratum
from wordsight.statistics.peers import Cards, Peers


@dataclass(frozen=True)
class Units:
    """What a repetition would draw anew on either side: models, or families of models.

    Attributes
    ----------
    pairs, groups : as those of a comparison
    members : of each unit, the models that it is the mean of
    """

    pairs: list[tuple[str, str]]
    groups: list[str]
    members: dict[str, list[str]]

    @property
    def replicate(self) -> str:
        """What a replicate is called."""
        if len(set(self.groups)) > 1:
            return "matched groups"
        return "families" if any(len(models) > 1 for models in self.members.values()) else "models"


def units_of(pairs: list[tuple[str, str]], groups: list[str], families: Mapping[str, str]) -> Units:
    """Units of both sides: the models of one family, side and matched group are one."""
    several = len(set(groups)) > 1
    unit = {}
    for side, word in enumerate(("treatment", "control")):
        for pair, group in zip(pairs, groups, strict=True):
            model, family = pair[side], families.get(pair[side])
            where = f"{word}, {group}" if several else word
            unit[model] = f"{family} ({where})" if family else model
    members: dict[str, list[str]] = defaultdict(list)
    for model, name in unit.items():
        members[name].append(model)
    kept = dict.fromkeys(
        ((unit[one], unit[other]), group) for (one, other), group in zip(pairs, groups, strict=True)
    )
    return Units([pair for pair, _ in kept], [group for _, group in kept], dict(members))


def sides(pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Number of treatments and number of controls."""
    treatments, controls = (set(side) for side in zip(*pairs, strict=True))
    return len(treatments), len(controls)


def part_of(
    dataset: str,
    items: np.ndarray,
    values: np.ndarray,
    units: Units,
    weights: np.ndarray,
    here: Peers,
    cards: Cards,
) -> Part:
    """Observations of one dataset by the units that a repetition would draw: groups, or models of a side.

    Cells with the same items draw them together; other datasets draw their own, even where ids are equal.
    """
    key = "|".join(items) if dataset in CELLS else dataset
    order = sorted(units.members)
    names = sorted(set(units.groups))
    if len(names) == 1:
        strata = []
        for place, sign in enumerate((1, -1)):
            side = sorted({pair[place] for pair in units.pairs})
            rows = values[[order.index(unit) for unit in side]]
            strata.append(Stratum(sign, tuple(side), rows, _objective(side, units, cards)))
        return Part(key, tuple(strata), here.means)
    of_group = {unit: group for pair, group in zip(units.pairs, units.groups, strict=True) for unit in pair}
    member = np.array([[of_group[unit] == name for unit in order] for name in names])
    differences = np.einsum("gm,mti->gti", member * weights * len(names), values)
    return Part(key, (Stratum(1, tuple(names), differences),), here.means)


def _objective(side: Sequence[str], units: Units, cards: Cards) -> str:
    """The one objective whose seeds the units of a side are; empty where they are anything else."""
    if any(len(units.members[unit]) > 1 for unit in side):
        return ""
    found = {peers.objective_of(cards.get(model)) for unit in side for model in units.members[unit]}
    return found.pop() if len(found) == 1 else ""
