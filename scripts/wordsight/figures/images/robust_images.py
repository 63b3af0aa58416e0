"""The images that attacks break first and last, with the radius that broke them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wordsight.datasets.reading import Split
from wordsight.figures.images.thumbnails import thumbnails
from wordsight.statistics.observations import read_observations, read_origin

MOST = 6  # images at each end


def robust_images(
    paths: Iterable[Path | str], splits: Mapping[str, Split], groups: Mapping[str, str]
) -> dict[str, Any]:
    """The least and the most robust images of each attacked dataset.

    Images are ranked by the area under their accuracy curve, averaged over groups. The area is the smallest
    breaking radius on a logarithmic scale. The seeds of an objective are one group.

    Parameters
    ----------
    paths : rows of robustness, a file each model and dataset
    splits : test split of each dataset, of others too
    groups : objective of each model, or its own name

    Returns
    -------
    dict
        ``datasets``: for each, ``dataset``, ``images`` (attacked), ``least`` and ``most`` robust images,
        the most extreme first, with ``item``, ``class``, ``image`` (a thumbnail's address), ``area`` and
        ``radii``, the median over seeds of the smallest breaking radius by group; 0 when wrong
        without attack, None when nothing breaks it.
    """
    rows = pd.concat([_observed(path, groups) for path in paths], ignore_index=True)
    attacked = [name for name in splits if name in set(rows["dataset"])]
    return {"datasets": [_ends(rows[rows["dataset"] == name], splits[name]) for name in attacked]}


def _observed(path: Path | str, groups: Mapping[str, str]) -> pd.DataFrame:
    """One row for each image: its smallest breaking radius and its area, for one model."""
    origin = read_origin(path)
    found = {one.metric: one for one in read_observations(path, {"min_epsilon", "robust_area"})}
    radius, area = found["min_epsilon"], found["robust_area"]
    return pd.DataFrame(
        {
            "dataset": origin.dataset,
            "group": groups[origin.model],
            "item": radius.items,
            "radius": np.median(radius.matrix, axis=0),
            "area": area.matrix.mean(axis=0),
        }
    )


def _ends(rows: pd.DataFrame, split: Split) -> dict[str, Any]:
    by_group = rows.groupby(["item", "group"], sort=False)
    area, radii = by_group["area"].mean().groupby("item").mean(), by_group["radius"].median()
    place = {item: index for index, item in enumerate(split.ids)}
    # Images broken at the smallest radius have an area of zero, like those wrong without attack.
    right = (radii > 0).groupby("item").sum()
    order = sorted(area.index, key=lambda item: (area[item], right[item], place[item]))
    count = min(MOST, -(-len(order) // 2))
    least, most = order[:count], order[::-1][: min(count, len(order) - count)]
    pictures = thumbnails(split, [place[item] for item in {*least, *most}])

    def described(item: str) -> dict[str, Any]:
        found = {group: _finite(radius) for group, radius in radii[item].items()}
        label = split.labels[place[item]]
        return {
            "item": item, "class": split.classes[label], "area": round(float(area[item]), 4),
            "image": pictures[place[item]], "radii": found,
        }  # fmt: skip

    ends = {"least": [*map(described, least)], "most": [*map(described, most)]}
    return {"dataset": split.card.name, "images": len(order), **ends}


def _finite(radius: float) -> float | None:
    return float(radius) if np.isfinite(radius) else None
