"""Checks of the attacked classifier and its images, before any attack.

Reference: Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks, 2020, https://arxiv.org/abs/2003.01690
"""

import numpy as np
import torch

from wordsight.errors import DataError, first_line, out_of_memory
from wordsight.protocols.checks import check_items
from wordsight.protocols.robustness.classifier import Classifier, Goal, verdict

ROUNDING = 1e-3  # of scores, between one batch and another


def check_network(
    network: Classifier, images: torch.Tensor, labels: torch.Tensor, batch_size: int
) -> tuple[np.ndarray, dict[str, float], int]:
    """Which images are right without attack, signs that gradients mislead, and the number of classes."""
    sized = f"images of {images.shape[3]} x {images.shape[2]} pixels"
    try:
        with torch.no_grad():
            first, again = (network(images[:batch_size]) for _ in range(2))
            # An image beside itself, and beside one that differs from it in every pixel.
            one = images[:1]
            alike, unlike = (network(torch.cat([one, other])) for other in (one, (one + 0.5) % 1))
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise DataError(
            f"{network.where}: the network can't take {sized} ({first_line(error)}); set the size that it "
            "takes by the model's `preprocessing`"
        ) from None
    if first.shape[1] < 2:
        raise DataError(f"{network.where}: a classifier of 1 class is never wrong, so it can't be attacked")
    if int(labels.max()) >= first.shape[1]:
        raise DataError(
            f"{network.where}: label {int(labels.max())} is beyond the classifier's {first.shape[1]} classes"
        )
    parts = [
        verdict(network, x, Goal(y))
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True)
    ]
    zero = torch.cat([(gradient == 0).flatten(1).all(dim=1) for _, gradient in parts])
    steady = torch.equal(first, again)
    sums_to_one = torch.allclose(first.sum(dim=1), torch.ones(len(first), device=first.device), atol=1e-4)
    return (
        ~np.concatenate([wrong for wrong, _ in parts]),
        {
            "zero_gradient": float(zero.float().mean()),
            "randomised": float(not steady),
            "training_mode": float(steady and not torch.allclose(unlike[0], alike[0], ROUNDING, ROUNDING)),
            "softmax_outputs": float(sums_to_one and bool((first >= 0).all())),
        },
        first.shape[1],
    )


def check_images(images: np.ndarray, labels: np.ndarray, ids: list[str], where: str) -> None:
    """Refuse images that are not (n, 3, h, w) in [0, 1] with a label and an id each."""
    if images.ndim != 4 or not len(images) == len(labels) == len(ids):
        raise DataError(
            f"{where}: expected images (n, 3, h, w) with a label and an id each, "
            f"not {images.shape} with {len(labels)} labels and {len(ids)} ids"
        )
    check_items(labels, ids, where)
    # A comparison with NaN is false.
    unfit = ~((images >= 0) & (images <= 1)).all(axis=(1, 2, 3))
    if unfit.any():
        raise DataError(f"{where}: the pixels of item {ids[int(unfit.argmax())]} are not all in [0, 1]")
