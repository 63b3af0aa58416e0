"""Self-checks of a search on a sample of its images, after what goes wrong in published evaluations.

A search that can be believed gives the same curve when it is asked in another way. So some images get the
whole attack once more, where the search already says what comes out:

- ``not_monotone``: at a smaller radius than one that the image resists. It should resist.
- ``another_start``: from another random start, at the largest radius that it resists. It should resist.
  There, an attack that needs no gradients should fail as well (``black_box``, :mod:`square`).
- ``rising``: at a larger radius than one that breaks it. It should break.

If too many images break at a smaller radius, all radii of all images are attacked.

References: Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks, 2020, https://arxiv.org/abs/2003.01690 ; Carlini et al., On evaluating adversarial
robustness, 2019, https://arxiv.org/abs/1902.06705
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch

from wordsight.protocols.robustness.attack import Attack, End
from wordsight.protocols.robustness.search import Search
from wordsight.protocols.robustness.square import square
from wordsight.seeds import derive_seed

SAMPLE = 0.05  # share of the images that get each check
FEWEST = 2  # images that get each check
TOLERATED = 0.2  # share of them that may break at a smaller radius
QUERIES = 100  # of the square attack

# Radii at which a check attacks, from the index of the smallest that breaks the image and their number.
RADII: Mapping[str, Callable[[int, int], range]] = {
    "not_monotone": lambda broken, _: range(broken - 1),
    "another_start": lambda broken, _: range(max(broken - 1, 0), broken),
    "rising": lambda broken, radii: range(broken, radii),
}


class Rechecks:
    """The checks of a sample of the images.

    Parameters
    ----------
    items : places of the images that are searched
    ids : of all images
    stream : seed of the sample, which doesn't depend on the order of the images

    Attributes
    ----------
    first : int array, ``items`` with the sample at its beginning
    """

    def __init__(self, search: Search, items: np.ndarray, ids: list[str], stream: int) -> None:
        self.search, self.ids, self.stream = search, ids, stream
        self.seeds = {int(item): derive_seed(stream, ids[item]) for item in items}
        ranked = sorted(self.seeds, key=self.seeds.__getitem__)
        count = len(RADII) * max(FEWEST, math.ceil(SAMPLE * len(ranked)))
        self.ranks = {item: rank for rank, item in enumerate(ranked[:count])}
        self.first = np.array(ranked, dtype=np.int64)
        self.reached: dict[str, dict[int, bool]] = {check: {} for check in RADII}

    def of(self, item: int) -> Attack | None:
        """The attack by which an image is checked that has been searched; None if it is not."""
        if item not in self.ranks:
            return None
        names, last = list(RADII), len(self.search.radii)
        for place in range(len(names)):
            check = names[(self.ranks[item] + place) % len(names)]
            if radii := RADII[check](int(self.search.by_descent[item]), last):
                known = self.search.finished.of(self._kind(check)).get(self.ids[item])
                if known is not None:
                    self.reached[check][item] = bool(known[0])
                    self.search.gradients[item] += known[1]
                    return None
                index = radii[self.seeds[item] % len(radii)]
                attack = self.search.whole(item, index, restart=int(check == "another_start"))
                return replace(attack, purpose=check)
        return None

    def note(self, attack: Attack, end: End) -> None:
        """Remember how a check ended."""
        self.reached[attack.purpose][attack.item] = end.reached
        found = [int(end.reached), end.taken + 1]
        self.search.finished.note(self._kind(attack.purpose), self.ids[attack.item], found)

    def _kind(self, check: str) -> str:
        return f"{self.search.kind}, {check}"

    def results(self, *, black_box: bool) -> dict[str, float]:
        """Shares of the sample that contradict the search, after attacks at every radius if too many do.

        ``every_radius`` is 1 in that case. ``late`` is the share of all images that broke only after more
        than half of the steps, so that fewer would give another curve. ``black_box``, which is in the ball of
        Linf, may be left out.
        """
        search = self.search
        asked = [item for item in self.reached["another_start"] if search.by_descent[item] > 0]
        checks = {check: _share(self.reached[check].values()) for check in ("not_monotone", "another_start")}
        if black_box:
            checks["black_box"] = _share(self._without_gradients(asked))
        checks |= {
            "rising": _share(not one for one in self.reached["rising"].values()),
            "late": _share(search.late[self.first]),
            "every_radius": float(checks["not_monotone"] > TOLERATED),
        }
        if checks["every_radius"]:
            search.every_radius(self.first)
        return checks

    def _without_gradients(self, items: list[int]) -> list[bool]:
        """Whether random search breaks images at the largest radius that they resist."""
        search, reached = self.search, list[bool]()
        for start in range(0, len(items), search.batch_size):
            part = items[start : start + search.batch_size]
            radii = [search.radii[search.by_descent[item] - 1] for item in part]
            reached += square(
                search.network,
                search.images[part],
                search.goal.of(part),
                torch.tensor(radii).to(search.images),
                queries=QUERIES,
                seeds=[derive_seed(self.stream, "square", self.ids[item]) for item in part],
            ).tolist()
        return reached


def _share(values: Iterable[bool]) -> float:
    """Mean; 0 of none."""
    return float(np.mean([*values] or [False]))
