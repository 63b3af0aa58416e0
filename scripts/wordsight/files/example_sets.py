"""What attacks made of a few images of a dataset, as one safetensors file."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from wordsight.errors import DataError
from wordsight.files.disk import atomic

NONE = -1  # class of an image that no attack broke


@dataclass(frozen=True)
class Examples:
    """What attacks by one model made of k images.

    Attributes
    ----------
    items : ids
    images : uint8 array (k, h, w, 3), as the network sees them before it normalises them
    changes : float16 array (k, h, w, 3), what the attack added, as a share of the range; zeros where the
        image is wrong without attack, or where no attack broke it
    radii : float array (k,), smallest radius that breaks the image; 0 or infinity in these two cases
    classes : int array (k,), what the network takes the attacked image for; :data:`NONE` in the last case
    """

    items: list[str]
    images: np.ndarray
    changes: np.ndarray
    radii: np.ndarray
    classes: np.ndarray


def write_examples(path: Path | str, examples: Examples) -> None:
    """Write adversarial examples as one safetensors file."""
    names = ("images", "changes", "radii", "classes")
    with atomic(path) as temporary:
        tensors = {name: getattr(examples, name) for name in names}
        save_file(tensors, temporary, metadata={"items": json.dumps(examples.items)})


def read_examples(path: Path | str) -> Examples:
    """Read a file of :func:`write_examples`; raises :class:`DataError` if it is missing or something else."""
    try:
        with safe_open(path, framework="numpy") as file:
            items = json.loads((file.metadata() or {})["items"])
            return Examples(items, *map(file.get_tensor, ("images", "changes", "radii", "classes")))
    except (OSError, SafetensorError, KeyError) as error:
        raise DataError(f"{path}: is not a file of adversarial examples, or is damaged ({error})") from None
