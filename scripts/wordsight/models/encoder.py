"""The network that a protocol sees: images in, features or logits out."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import nn

from wordsight.catalogue.label_spaces import CLASSES
from wordsight.catalogue.places import Layer, Place, ReadOut, word
from wordsight.errors import ConfigError, WeightsError, first_line
from wordsight.models import preprocessing
from wordsight.models.card import NetworkCard
from wordsight.models.read_outs import Anatomy
from wordsight.models.tensors import Tensors, fit

USUAL_SIZE = 224  # side in pixels of the images that the configured batch size is meant for


class Backbone(nn.Module):
    """A network split at its last layer. Its weights keep the names that its library gives them.

    Pooled features are ``pool(trunk(x))``, the embedding ``projection`` of these, logits ``head(trunk(x))``.

    Parameters
    ----------
    trunk : from images (b, 3, h, w) to the input of both ``pool`` and ``head``
    feature_size : width d of the features at the default place
    pool : from the trunk's output to (b, d); None if the output has that shape already
    head : from the trunk's output to (b, classes); None if the network has no classifier
    projection : from the pooled features into a space shared with texts or sounds, if there is one
    trunk_name, head_name, projection_name : prefix of the names of their tensors in the library, with the
        final dot
    unused : prefixes of the names of tensors in parts of the library's network that are left out
    configuration : settings besides its name that are needed to build the network again
    refused : tensors that only weights of another network have, and what to say of them
    anatomy : where the network has its last tokens and its layers; None if only pooled features can be read
    default : where features are read unless another place is asked for
    """

    def __init__(
        self,
        trunk: nn.Module,
        feature_size: int,
        *,
        pool: nn.Module | None = None,
        head: nn.Module | None = None,
        projection: nn.Module | None = None,
        trunk_name: str = "",
        head_name: str = "",
        projection_name: str = "",
        unused: tuple[str, ...] = (),
        configuration: dict[str, Any] | None = None,
        refused: Mapping[str, str] | None = None,
        anatomy: Anatomy | None = None,
        default: Place = "pooled",
    ) -> None:
        super().__init__()
        self.trunk, self.pool, self.head = trunk, pool or nn.Identity(), head
        self.projection = projection
        self.feature_size = feature_size
        self.trunk_name, self.head_name, self.unused = trunk_name, head_name, unused
        self.projection_name = projection_name
        self.configuration = configuration
        self.refused = dict(refused or {})
        self.anatomy, self.default = anatomy, default

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (b, d), read at the default place."""
        return self.read(images, [self.default])[0]

    def read(self, images: torch.Tensor, places: Sequence[ReadOut]) -> list[torch.Tensor]:
        """Features (b, d) read at several places in one pass.

        Raises
        ------
        ValueError
            When the network doesn't have one of them.
        """
        if {"pooled", "embedding"}.issuperset(map(word, places)):
            pooled = self.pool(self.trunk(images))
            return [pooled if place == "pooled" else self._embedded(pooled) for place in places]
        if self.anatomy is None:
            raise ValueError("only the pooled features of this network can be read")
        passed = self.anatomy.run(
            self.trunk, images, [place.layer for place in places if isinstance(place, Layer)]
        )
        pooled = self.pool(passed.output)
        features = []
        for place in places:
            if place == "pooled":
                features.append(pooled)
            elif place == "embedding":
                features.append(self._embedded(pooled))
            else:
                features.append(self.anatomy.read(self.trunk, passed, place))
        return features

    def places(self, image_size: int) -> dict[str, int]:
        """Width of the features at every place where they can be read, found with a black image.

        A layer is listed with its mean alone; it can be pooled like the last tokens.
        """
        images = torch.zeros(1, 3, image_size, image_size)
        with torch.inference_mode():
            widths = {"pooled": self.eval().read(images, ["pooled"])[0].shape[1]}
            if self.projection is not None:
                widths["embedding"] = self.read(images, ["embedding"])[0].shape[1]
            if self.anatomy is not None:
                widths |= self.anatomy.widths(self.trunk, images)
        return widths

    def _embedded(self, pooled: torch.Tensor) -> torch.Tensor:
        if self.projection is None:
            raise ValueError("this network has no projection into a space that it shares with texts")
        return self.projection(pooled)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of shape (b, classes); raises ValueError if there is no classifier."""
        if self.head is None:
            raise ValueError("this network has no classifier")
        return self.head(self.trunk(images))

    def keep_head(self, classifier: str | None, name: str) -> None:
        """Keep the classifier if ``classifier`` names its label space, and drop it if that is None.

        Raises
        ------
        ConfigError
            When the network has no classifier to keep, or one of another number of classes.
        """
        if classifier is None:
            self.drop_head()
        elif self.head is None:
            raise ConfigError(
                f"config: models.{name}.classifier: this network has no classifier to keep; leave the key out"
            )
        else:
            self._check_classes(classifier, name)

    def _check_classes(self, classifier: str, name: str) -> None:
        """Refuse a classifier whose number of outputs isn't the number of classes of its label space."""
        parameters = [] if self.head is None else list(self.head.parameters())
        outputs = len(parameters[-1]) if parameters else 0
        classes = CLASSES.get(classifier, outputs)
        if classes != outputs:
            raise ConfigError(
                f"config: models.{name}.classifier: {classifier} has {classes} classes, but the network's "
                f"last layer has {outputs} outputs; leave the key out"
            )

    def drop_head(self) -> None:
        """Remove the classifier; its tensors then count as unused."""
        if self.head is not None:
            self.head, self.unused = None, (*self.unused, self.head_name)

    def tensors(self) -> Tensors:
        """Views of all weights by their names in the library, without the counters of batch normalisation."""
        parts = [
            (self.trunk_name, self.trunk),
            (self.head_name, self.head),
            (self.projection_name, self.projection),
        ]
        named = {
            prefix + name: value
            for prefix, part in parts
            if part is not None
            for name, value in part.state_dict().items()
        }
        return {name: value for name, value in named.items() if not name.endswith("num_batches_tracked")}

    def load(self, weights: Tensors, origin: str, prefix: str | None = None) -> None:
        """Copy weights into the network; names and shapes have to match, see :func:`.tensors.fit`.

        Weights may lack the projection, or have another layer in its place. Only pooled features are then
        left.

        Parameters
        ----------
        prefix : what the user had removed from the names; None where the user can't

        Raises
        ------
        WeightsError
            When they don't match, or the weights are of another network.
        """
        for name, reason in self.refused.items():
            if name in weights:
                raise WeightsError(f"{origin}: {reason}")
        if self.projection is not None and self.default == "pooled":
            expected = {
                self.projection_name + name: value for name, value in self.projection.state_dict().items()
            }
            if any(
                name not in weights or weights[name].shape != value.shape for name, value in expected.items()
            ):
                self.projection, self.unused = None, (*self.unused, *expected)
        fit(weights, self.tensors(), origin, self.unused, prefix)

    def check(self, image_size: int, name: str) -> None:
        """Raise :class:`ConfigError` unless a square image of that size in pixels gives one vector."""
        try:
            with torch.no_grad():
                found = str(tuple(self.eval()(torch.zeros(1, 3, image_size, image_size)).shape))
        except (AssertionError, RuntimeError, ValueError) as error:
            found = first_line(error)
        if found != str((1, self.feature_size)):
            raise ConfigError(
                f"config: models.{name}: expected features of shape (1, {self.feature_size}) from an image "
                f"of {image_size} x {image_size} pixels, found {found}"
            )


class Encoder(nn.Module):
    """A frozen network with its own preprocessing, whose features are read at one place.

    Attributes
    ----------
    backbone : the network, which encoders that read it at other places may share
    card : card of the network, with the name of the model and the width of its features
    place : where the features are read
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, backbone: Backbone, card: NetworkCard, place: ReadOut | None = None) -> None:
        super().__init__()
        self.backbone, self.card, self.place = backbone, card, place or backbone.default
        self.register_buffer("mean", torch.tensor(card.preprocessing.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(card.preprocessing.std)[:, None, None], persistent=False)
        # Convolutions on a CPU are faster with the channels innermost.
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @property
    def device(self) -> torch.device:
        """Device of the weights; images have to be on it too."""
        return self.mean.device

    def batch_of(self, batch_size: int) -> int:
        """Number of images with the pixels of ``batch_size`` images of 224 x 224, at least ``batch_size``."""
        return batch_size * max(1, (USUAL_SIZE // self.card.preprocessing.image_size) ** 2)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Resized and cropped image as a float tensor of shape (3, h, w) in [0, 1], not normalised."""
        return preprocessing.to_tensor(preprocessing.resize_and_crop(image, self.card.preprocessing))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, differentiable with respect to the images.

        Parameters
        ----------
        images : float tensor of shape (b, 3, h, w) in [0, 1]; the normalisation happens here

        Returns
        -------
        torch.Tensor
            Shape (b, d).
        """
        return self.read(images, [self.place])[0]

    def read(self, images: torch.Tensor, places: Sequence[ReadOut]) -> list[torch.Tensor]:
        """Features at several places of the network in one pass, as :meth:`forward` gives them at one."""
        return self.backbone.read(self._normalise(images), places)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of the network's own classifier, differentiable with respect to the images.

        Parameters
        ----------
        images : float tensor of shape (b, 3, h, w) in [0, 1]

        Returns
        -------
        torch.Tensor
            Shape (b, classes), in the order of the label space ``card.classifier``.

        Raises
        ------
        ConfigError
            When the model was configured without ``classifier``.
        """
        if self.card.classifier is None:
            raise ConfigError(
                f"config: models.{self.card.name}.classifier: this key is required to use the model's own "
                "classifier"
            )
        return self.backbone.logits(self._normalise(images))

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)


def resolve_device(name: str, key: str = "features.device") -> torch.device:
    """Device of a configured name; ``auto`` is the fastest one that this machine has.

    Raises
    ------
    ConfigError
        When the machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, present in available.items() if present)
    if not available.get(name.split(":")[0], False):
        raise ConfigError(f"config: {key}: this machine has no device {name!r}")
    return torch.device(name)
