"""The features of one split of a dataset, as one safetensors file."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from wordsight.errors import DataError
from wordsight.files.disk import atomic


@dataclass(frozen=True)
class Features:
    """Features of the items of one split, in the order of the dataset.

    Attributes
    ----------
    values : float32 array of shape (n, d)
    labels : int64 array of shape (n,), indices into the dataset's classes
    ids : n item ids
    metadata : where the features come from, such as model, dataset, view, speed and digest of the code
    """

    values: np.ndarray
    labels: np.ndarray
    ids: list[str]
    metadata: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def write_features(path: Path | str, features: Features) -> None:
    """Write features, labels, ids and metadata as one safetensors file."""
    tensors: dict[str, np.ndarray] = {
        "features": np.ascontiguousarray(features.values, dtype=np.float32),
        "labels": np.ascontiguousarray(features.labels, dtype=np.int64),
    }
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={**features.metadata, "ids": json.dumps(features.ids)})


def read_features(path: Path | str) -> Features:
    """Read a file of :func:`write_features`; raises :class:`DataError` if it is missing or something else."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            ids = json.loads(metadata.pop("ids"))
            return Features(file.get_tensor("features"), file.get_tensor("labels"), ids, metadata)
    except (OSError, SafetensorError, KeyError) as error:
        raise DataError(f"{path}: is not a safetensors file of features, or is damaged ({error})") from None
