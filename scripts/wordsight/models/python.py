"""What a user's own Python file imports to make a network known to the configuration."""

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
    """Make a function that builds a network known to the configuration.

    Parameters
    ----------
    image_size : side in pixels of the network's input
    mean, std : of red, green, blue in [0, 1]: subtracted, and divided by
    resize : length of the image's shorter side before the centre is cut out; ``image_size`` by default
    interpolation : ``nearest``, ``bilinear`` or ``bicubic``
    squash : resize both sides, whatever the shape
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
