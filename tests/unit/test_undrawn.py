"""Networks that get their weights later are built without random ones, and are then the same networks."""

import pytest
import timm
import torch
import torchvision
from open_clip.model import _build_vision_tower
from torch import nn

from wordsight.models import architectures
from wordsight.models.undrawn import Undrawn

TOWER = {"image_size": 16, "patch_size": 8, "width": 64, "layers": 1}
NETWORKS = {
    "timm, a transformer": lambda: timm.create_model("test_vit"),
    "timm, convolutions": lambda: timm.create_model("test_resnet"),
    "torchvision, a transformer": lambda: torchvision.models.SwinTransformer([4, 4], 8, [2], [1], [7, 7]),
    "torchvision, convolutions": lambda: torchvision.models.resnet18(),
    "open_clip": lambda: _build_vision_tower(8, TOWER),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_matrices_and_kernels_are_not_drawn(name):
    with torch.random.fork_rng(devices=[]), Undrawn():
        network = NETWORKS[name]()
    weights = [one.weight for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
    assert len(weights) > 2
    assert not any(weight.any() for weight in weights)


def test_what_is_no_parameter_is_drawn():
    with torch.random.fork_rng(devices=[]), Undrawn():
        for tensor in (nn.init.uniform_(torch.zeros(8)), torch.zeros(8).normal_(), torch.rand(8)):
            assert tensor.unique().numel() == 8


@pytest.mark.parametrize(
    "architecture",
    [
        "timm/test_vit",
        "timm/test_resnet",
        "torchvision/resnet18",
        "packaged/squeezenet1_1",
        "small/resnet_w4",
    ],
)
def test_a_network_with_loaded_weights_is_the_one_that_they_are_from(architecture):
    first, preprocessing = architectures.build(architecture, 3)
    second, same = architectures.build_to_load(architecture)
    second.load(first.tensors(), "here")
    assert preprocessing == same
    for found, expected in (
        (second.state_dict(), first.state_dict()),
        (dict(second.named_buffers()), dict(first.named_buffers())),
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
