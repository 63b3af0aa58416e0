"""Stronger attacks, where the search has ended: Auto-PGD at the largest radius that each image still resists.

First on the cross-entropy, then on the difference of logits ratio to each of the next classes. As soon as
one breaks the image, the next smaller radius is attacked in the same way. So the curve is that of the
strongest of all attacks, as with AutoAttack.
"""

from collections.abc import Iterable

import numpy as np
import torch

from wordsight.protocols.robustness.apgd import Loss, apgd, cross_entropy, logits_ratio, next_classes
from wordsight.protocols.robustness.search import Search

NAMES = ("apgd_ce", "apgd_dlr")
RESTARTS = 2  # random starts that the search has taken


def strengthen(search: Search, items: Iterable[int], steps: int) -> dict[str, np.ndarray]:
    """Attack images further, and lower the radius that is known to break them.

    Parameters
    ----------
    search : of an untargeted attack, which has ended
    items : places of the images
    steps : of each ascent

    Returns
    -------
    dict
        By the name of each attack, the index of the smallest radius at which it broke an image that had
        resisted until then, an int array (n,); the number of radii if there is none.
    """
    finished, ids = search.finished, search.ids
    kind = f"{search.kind}, apgd"
    known = finished.of(kind)
    items = [int(item) for item in items if search.by_descent[item] > 0]
    left = [item for item in items if ids[item] not in known]
    for first in range(0, len(left), search.batch_size):
        for item, found in _batch(search, left[first : first + search.batch_size], steps).items():
            finished.note(kind, ids[item], found)
    never = len(search.radii)
    lowered = {name: np.full(len(ids), never) for name in NAMES}
    for item in items:
        *broken, taken = known[ids[item]]
        search.gradients[item] += taken
        search.by_descent[item] = min(search.by_descent[item], *broken)
        for name, index in zip(NAMES, broken, strict=True):
            lowered[name][item] = index
    return lowered


def _batch(search: Search, items: list[int], steps: int) -> dict[int, list[int]]:
    """For each image, the smallest radius at which each attack broke it, and the gradients taken."""
    labels = search.goal.classes
    with torch.no_grad():
        others = next_classes(search.network(search.images[items]), labels[items])
    targets = dict(zip(items, others, strict=True))
    left = {item: int(search.by_descent[item]) - 1 for item in items}  # index of the radius to attack
    stage = dict.fromkeys(items, 0)  # 0 for the cross-entropy, then the number of the target
    found = {item: [len(search.radii)] * len(NAMES) + [0] for item in items}
    while left:
        now = min(stage[item] for item in left)
        part = [item for item in left if stage[item] == now]
        loss = _loss(labels[part], [targets[item][now - 1] for item in part] if now else None)
        starts = torch.stack([search.start(item, left[item], RESTARTS + now) for item in part])
        broken, taken = apgd(
            search.network,
            search.images[part],
            labels[part],
            search.ball,
            torch.tensor([search.radii[left[item]] for item in part]).to(search.images),
            starts.to(search.images),
            loss,
            steps,
        )
        for item, reached, gradients in zip(part, broken, taken, strict=True):
            found[item][-1] += int(gradients)
            stage[item] = 0 if reached else now + 1
            if reached:
                found[item][min(now, 1)] = left[item]
                left[item] -= 1
            if left[item] < 0 or stage[item] > len(targets[item]):
                del left[item]
    return found


def _loss(labels: torch.Tensor, targets: list[torch.Tensor] | None) -> Loss:
    return cross_entropy(labels) if targets is None else logits_ratio(labels, torch.stack(targets))
