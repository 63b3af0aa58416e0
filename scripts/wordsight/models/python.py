"""The decorator that a user's own Python file imports, so that the configuration can name its network."""

from collections.abc import Callable

from pydantic import ValidationError
from torch import nn

from wordsight.config.models import PreprocessingSection

Build = Callable[[str | None], nn.Module]
Three = tuple[float, float, float]


def encoder(
    *,
    image_size: int,
    mean: Three,
    std: Three,
    resize: int | None = None,
    interpolation: str = "bicubic",
    squash: bool = False,
) -> Callable[[Build], Build]:
    """Decorate a function that builds a network, so that the configuration can name it.

    Parameters
    ----------
    image_size : side in pixels of the network's input
    mean, std : of red, green and blue in [0, 1], to normalise an image: (image - mean) / std
    resize : length of the image's shorter side before the central crop; ``image_size`` by default
    interpolation : ``nearest``, ``bilinear`` or ``bicubic``
    squash : make both sides ``resize`` long, which changes the aspect ratio
    """
    values = {
        "image_size": image_size,
        "resize": resize or image_size,
        "interpolation": interpolation,
        "squash": squash,
        "mean": mean,
        "std": std,
    }
    try:
        preprocessing = PreprocessingSection.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def decorate(function: Build) -> Build:
        function.preprocessing = preprocessing  # type: ignore[attr-defined]
        return function

    return decorate
