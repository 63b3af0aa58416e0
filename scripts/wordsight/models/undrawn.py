"""Build networks without random weights where others are loaded next: to draw them takes most of the time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

# What draws random numbers: initialisations that torch lets a mode replace, and what the others call.
DRAWING: set[Callable[..., Any]] = {
    nn.init.uniform_,
    nn.init.normal_,
    nn.init.kaiming_uniform_,
    torch.Tensor.uniform_,
    torch.Tensor.normal_,
}


class Undrawn(TorchFunctionMode):
    """Within the block, parameters of new networks are zero where they would be random."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function, or set a parameter to zero in place of drawing its values."""
        options = dict(kwargs or {})
        if func in DRAWING:
            tensor = args[0] if args else options["tensor"]
            if isinstance(tensor, nn.Parameter):
                with torch.no_grad():
                    return tensor.zero_()
        return func(*args, **options)
