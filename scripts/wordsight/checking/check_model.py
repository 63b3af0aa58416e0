"""Check a fetched model in seconds, before any experiment runs.

The model computes features of twenty labelled photographs, which ship in a package. What is plainly wrong
fails the check; what is odd but may be intended is a caution.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from wordsight.catalogue.places import ReadOut, word
from wordsight.catalogue.prose import some
from wordsight.datasets.sources.packaged import imagenet_samples
from wordsight.errors import WeightsError, first_line, plain
from wordsight.files.disk import write_json
from wordsight.files.pixels import decode
from wordsight.models import architectures
from wordsight.models.card import NetworkCard
from wordsight.models.encoder import Encoder
from wordsight.models.read_outs import listed
from wordsight.models.reading import load
from wordsight.models.tensors import Tensors

# Batching changes the order of sums, and so only the last digits of a feature.
BATCH_TOLERANCE = 1e-4
# Even untrained networks have a spread of a few hundredths and an effective rank above three.
SMALLEST_SPREAD, SMALLEST_RANK = 1e-3, 1.5
# ImageNet classifiers name half of the photographs or more; with the wrong preprocessing they name none.
LOWEST_ACCURACY = 0.25
# Of two trained networks, none of the 59 layers is this close to random initial values, but two layers with
# random initial values are this close to each other.
SMALLEST_MATRIX, SAME_SPREAD, SAME_NORM = 10_000, 0.02, 0.05
MOST_NAMED = 5


@dataclass
class Report:
    """What a check found.

    Attributes
    ----------
    facts : properties of the model and measurements, by name
    cautions : what looks odd but may be intended
    problems : what is plainly wrong
    """

    facts: dict[str, str] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The report as text: the facts, then the cautions, then the problems."""
        width = max(map(len, self.facts))
        lines = [f"{name:<{width}}  {value}" for name, value in self.facts.items()]
        lines += [f"caution: {line}" for line in self.cautions] + [f"wrong: {line}" for line in self.problems]
        return plain("\n".join([*lines, "" if self.problems else "Nothing is plainly wrong.\n"]))

    def write(self, path: Path | str, card: NetworkCard) -> None:
        """Write it for the overview of ``make fetch``, with the digest of the weights that were checked."""
        write_json(Path(path), {"weights_sha256": card.weights_sha256, **asdict(self)})


def check(directory: Path | str, *, name: str | None = None, place: ReadOut | None = None) -> Report:
    """Check the layers of a fetched model, and its features of the photographs.

    Parameters
    ----------
    directory : with ``weights.safetensors`` and ``network.json``
    name, place : of the model and where its features are read, if that isn't the network's default

    Raises
    ------
    WeightsError
        When the model does not load.
    """
    encoder = load(directory, name=name, place=place)
    report = Report(_describe(encoder))
    _check_layers(encoder, report)
    images, labels = _photographs(encoder)
    _check_gradient(encoder, images[:1], report)
    with torch.inference_mode():
        features = encoder(images)
        if not torch.isfinite(features).all():
            share = (~torch.isfinite(features)).double().mean().item()
            report.problems.append(f"{share:.0%} of the values of its features are not finite")
            return report
        _check_spread(features.double().numpy(), report)
        _check_determinism(encoder, images, features, report)
        if encoder.card.classifier == "imagenet-1k":
            _check_accuracy(encoder, images, labels, report)
    return report


def verdict(name: str, report: Report) -> None:
    """Raise :class:`WeightsError` with the first problem of a report."""
    if report.problems:
        more = f", and {len(report.problems) - 1} more" if report.problems[1:] else ""
        raise WeightsError(f"models.{name}: {report.problems[0]}{more}")


def _describe(encoder: Encoder) -> dict[str, str]:
    card, steps = encoder.card, encoder.card.preprocessing
    crop = f", central {steps.image_size} x {steps.image_size}" if steps.resize > steps.image_size else ""
    resize = f"both sides to {steps.resize}" if steps.squash else f"shorter side to {steps.resize}"
    return {
        "model": card.name,
        "architecture": card.architecture,
        "source": f"{card.source}: {card.origin}",
        "licence": card.licence,
        "SHA-256": card.sha256 or "no file",
        "parameters": f"{card.parameters:,}",
        "feature size": f"{card.feature_size:,}",
        "features": f"{word(encoder.place)}, of {listed(card.places)}",
        "classifier": card.classifier or "none kept",
        "preprocessing": f"{resize} pixels, {steps.interpolation}{crop}",
        "mean and std": f"{_numbers(steps.mean)}; {_numbers(steps.std)}",
    }


def _numbers(values: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


# Layers


def _check_layers(encoder: Encoder, report: Report) -> None:
    """Find layers that were never trained, or whose weights were never loaded."""
    card, found = encoder.card, encoder.backbone.tensors()
    if card.source == "random":
        report.facts["layers"] = "all at their initial values, as configured"
        return
    initial = [_initial_values(encoder, seed) for seed in (0, 1)]
    drawn = {name for name, value in initial[0].items() if not torch.equal(value, initial[1][name])}
    if (
        card.source == "python"
    ):  # the user's function draws new random values for tensors that it doesn't load
        untouched = [name for name in found if name in drawn]
    else:
        untouched = [name for name in found if _is_untouched(found[name], initial[0][name], name in drawn)]
    report.facts["layers"] = f"{len(untouched)} of {len(found)} tensors seem to have their initial values"
    if untouched:
        line = f"layers seem to have their initial values: {some(untouched, MOST_NAMED)}"
        not_loaded = card.source == "python" and (card.configuration or {}).get("weights")
        (report.problems if not_loaded else report.cautions).append(line)
    single = [
        name for name, value in found.items() if _is_matrix(value) and bool((value == value.min()).all())
    ]
    if others := [name for name in single if name not in untouched]:
        report.cautions.append(f"layers hold a single value: {some(others, MOST_NAMED)}")


def _initial_values(encoder: Encoder, seed: int) -> Tensors:
    """Initial values of the encoder's network, before any weights are loaded."""
    card = encoder.card
    backbone, _ = architectures.build(card.architecture, seed, card.configuration)
    if encoder.backbone.head is None:
        backbone.drop_head()
    return backbone.tensors()


def _is_untouched(value: torch.Tensor, initial: torch.Tensor, drawn: bool) -> bool:
    """Whether a matrix has its initial value, or the spread and norm of random initial values.

    Vectors are skipped, since a vector that starts as ones or zeros may stay so in training. Training gives a
    matrix preferred directions, which increase its largest singular value.

    Parameters
    ----------
    value : tensor of the model
    initial : the same tensor of a new network
    drawn : whether the initial value is random
    """
    if not _is_matrix(value):
        return False
    if torch.equal(value, initial):
        return True
    if not drawn or value.numel() < SMALLEST_MATRIX:
        return False
    return (
        abs(float(value.std() / initial.std()) - 1) < SAME_SPREAD
        and abs(_largest_singular_value(value) / _largest_singular_value(initial) - 1) < SAME_NORM
    )


def _is_matrix(value: torch.Tensor) -> bool:
    return value.ndim >= 2 and value.numel() > 1 and value.is_floating_point()


def _largest_singular_value(value: torch.Tensor, steps: int = 20) -> float:
    """Estimate it by power iteration, with the same start for matrices of the same shape."""
    matrix = value.flatten(1).double()
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(matrix.shape[1], generator=generator, dtype=torch.float64)
    for _ in range(steps):
        vector = torch.nn.functional.normalize(matrix.T @ (matrix @ vector), dim=0)
    return float((matrix @ vector).norm())


# Features


def _photographs(encoder: Encoder) -> tuple[torch.Tensor, np.ndarray]:
    """Pixels of the photographs as the encoder sees them, and their labels."""
    items = imagenet_samples().test
    images = torch.stack([encoder.preprocess(decode(item.read(), item.id)) for item in items])
    return images, np.array([item.label for item in items])


def _check_spread(features: np.ndarray, report: Report) -> None:
    """Compare the photographs with one another: features that are all alike cannot tell images apart.

    The effective rank is the exponential of the entropy of the singular values' shares: Roy and Vetterli,
    The effective rank: a measure of effective dimensionality, 2007.
    """
    centred = features - features.mean(axis=0)
    spread = np.linalg.norm(centred, axis=1).mean() / max(np.linalg.norm(features, axis=1).mean(), 1e-30)
    values = np.linalg.svd(centred, compute_uv=False)
    shares = values[values > 0] / max(values.sum(), 1e-30)
    rank = float(np.exp(-(shares * np.log(shares)).sum()))
    constant = int((features.std(axis=0) == 0).sum())
    report.facts["spread"] = f"{spread:.3g} of the length of a feature, over {len(features)} photographs"
    report.facts["effective rank"] = f"{rank:.1f} of at most {len(features) - 1}"
    if spread < SMALLEST_SPREAD:
        report.problems.append("its features are the same for all photographs")
    elif rank < SMALLEST_RANK:
        report.problems.append("its features lie on a line: all dimensions but one have collapsed")
    elif constant:
        report.cautions.append(f"{constant} of {features.shape[1]} features are the same for all photographs")


def _check_determinism(
    encoder: Encoder, images: torch.Tensor, features: torch.Tensor, report: Report
) -> None:
    """Compare the first pass with a second one, and with passing one photograph at a time."""
    size = max(features.abs().max().item(), 1e-30)
    again = (encoder(images) - features).abs().max().item() / size
    single = torch.cat([encoder(image[None]) for image in images])
    alone = (single - features).abs().max().item() / size
    report.facts["second pass"] = "equal" if again == 0 else f"differs by {again:.1e} of the largest feature"
    report.facts["one at a time"] = f"differs by {alone:.1e} of the largest feature"
    if again > 0:
        report.problems.append("two passes over the same photographs give different features")
    elif alone > BATCH_TOLERANCE:
        report.problems.append("the features of a photograph depend on the other photographs in its batch")


def _check_gradient(encoder: Encoder, images: torch.Tensor, report: Report) -> None:
    """Take the gradient of a random combination of the features with respect to the pixels, as attacks do."""
    pixels = images.clone().requires_grad_(True)
    generator = torch.Generator().manual_seed(0)
    try:
        with torch.enable_grad():
            features = encoder(pixels)
            weights = torch.randn(features.shape, generator=generator).to(features)
            (gradient,) = torch.autograd.grad((features * weights).sum(), pixels)
    except RuntimeError as error:
        report.cautions.append(
            f"its features have no gradient, so it can't be attacked ({first_line(error)})"
        )
        return
    reached = ((gradient != 0) & torch.isfinite(gradient)).any(dim=1).double().mean().item()
    report.facts["gradient"] = f"reaches {reached:.0%} of the pixels"
    if not torch.isfinite(gradient).all():
        report.cautions.append("its gradient is not finite, so attacks on it mean nothing")
    elif not reached:
        report.cautions.append("its gradient is zero everywhere, so attacks on it find nothing")


def _check_accuracy(encoder: Encoder, images: torch.Tensor, labels: np.ndarray, report: Report) -> None:
    logits = encoder.logits(images)
    right = int((logits.argmax(dim=1).numpy() == labels).sum())
    report.facts["photographs named"] = f"{right} of {len(labels)} by its own classifier"
    if right < LOWEST_ACCURACY * len(labels) and encoder.card.source != "random":
        report.problems.append(
            f"its classifier names only {right} of {len(labels)} photographs correctly; check its "
            "preprocessing, its weights and the order of its classes"
        )
