"""Read features at several places of a network in one pass through it.

The last tokens of a transformer, or the last map of a convolutional network, are read after the normalisation
of tokens that the network ends with. Where it normalises only what it has pooled, this is done to what is
pooled here too. Layers are read as they are, without that normalisation.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from wordsight.catalogue.places import Layer, Place, Pool, ReadOut, word
from wordsight.catalogue.prose import join

POOLS: tuple[Pool, ...] = ("cls", "mean", "tokens_mean")


class Passed(NamedTuple):
    """What one pass leaves behind.

    Attributes
    ----------
    output : what the network returns
    last : its last tokens or map
    layers : outputs of layers, by their number from 1
    """

    output: Any
    last: torch.Tensor
    layers: dict[int, torch.Tensor]


@dataclass(frozen=True)
class Anatomy:
    """Where a network has its last tokens or map, and its layers. Modules are named as in the network.

    Attributes
    ----------
    last : module that gives the last tokens (b, t, d) or the last map (b, d, h, w); empty for the network
    layers : modules that give tokens or maps of the same kinds
    prefix : number of tokens before those of the patches
    class_token : whether the first token is the class token
    channels_last : whether maps are (b, h, w, d)
    norm : module that normalises each of the last tokens, if ``last`` doesn't
    pooled_norm : module that normalises what was pooled
    norm_of_map : whether ``pooled_norm`` takes maps (b, d, 1, 1), rather than vectors
    """

    last: str = ""
    layers: tuple[str, ...] = ()
    prefix: int = 0
    class_token: bool = False
    channels_last: bool = False
    norm: str = ""
    pooled_norm: str = ""
    norm_of_map: bool = False

    def run(self, network: nn.Module, images: torch.Tensor, numbers: Sequence[int]) -> Passed:
        """Pass images through a network, and keep its last tokens and the layers with these numbers."""
        names = {number: self.layers[number - 1] for number in numbers}
        with kept(network, {self.last, *names.values()}) as found:
            output = network(images)
        return Passed(output, found[self.last], {number: found[name] for number, name in names.items()})

    def read(self, network: nn.Module, passed: Passed, read_out: ReadOut) -> torch.Tensor:
        """Features (b, d) of a layer, or by a pooling of the last tokens.

        Raises
        ------
        ValueError
            When the network has no such tokens.
        """
        if isinstance(read_out, Layer):
            return self._pool(passed.layers[read_out.layer], read_out.pool)
        last = passed.last
        if self.norm:
            last = network.get_submodule(self.norm)(last)
        pooled = self._pool(last, read_out)
        if not self.pooled_norm:
            return pooled
        norm = network.get_submodule(self.pooled_norm)
        return norm(pooled[:, :, None, None]).flatten(1) if self.norm_of_map else norm(pooled)

    def widths(self, network: nn.Module, images: torch.Tensor) -> dict[str, int]:
        """Width of the features by each pooling of the last tokens, and of the mean of each layer.

        Without layers if one has other tokens than the end of the network, such as no class token.
        """
        passed = self.run(network, images, range(1, len(self.layers) + 1))
        if not isinstance(passed.last, torch.Tensor):
            return {}
        widths: dict[str, int] = {}
        for pool in POOLS:
            with suppress(ValueError):
                widths[pool] = self.read(network, passed, pool).shape[1]
        if all(layer.ndim == 4 or layer.shape[1] == passed.last.shape[1] for layer in passed.layers.values()):
            for number, layer in passed.layers.items():
                widths[word(Layer(layer=number))] = self._pool(layer, "mean").shape[1]
        return widths

    def _pool(self, values: torch.Tensor, pool: Place) -> torch.Tensor:
        if values.ndim == 4 and pool == "mean":
            return values.mean(dim=(1, 2) if self.channels_last else (2, 3))
        if values.ndim == 3 and pool == "mean":
            return values[:, self.prefix :].mean(dim=1)
        if values.ndim == 3 and pool == "tokens_mean" and self.prefix:
            return values.mean(dim=1)
        if values.ndim == 3 and pool == "cls" and self.class_token:
            return values[:, 0]
        raise ValueError(f"a tensor of shape {tuple(values.shape)} has no {pool}")


@contextmanager
def kept(network: nn.Module, names: set[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Keep what modules give while the network runs, by name."""
    found: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            found[name] = _tensor(output)

        return hook

    handles = [network.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _tensor(output: Any) -> torch.Tensor:
    """The tensor of what a module gives; some give it beside others."""
    found = getattr(output, "last_hidden_state", output)
    return found[0] if isinstance(found, tuple | list) else found


def listed(widths: Mapping[str, int]) -> str:
    """Places of a network in one line, its layers as a range.

    >>> listed({"pooled": 8, "mean": 8, "layer 1": 4, "layer 2": 8, "layer 3": 8})
    'pooled, mean and layers 1 to 3'
    """
    layers = [place.removeprefix("layer ") for place in widths if place.startswith("layer ")]
    places = [place for place in widths if not place.startswith("layer ")]
    if layers:
        places.append(f"layers {layers[0]} to {layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}")
    return join(places)
