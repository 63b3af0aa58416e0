"""Small residual networks: their shape against torchvision's block, their names, and their way over the disk."""

import pytest
import torch
from torchvision.models.resnet import BasicBlock, conv1x1

from wordsight.config.load import validate
from wordsight.config.models import PreprocessingSection, RandomNetwork
from wordsight.errors import ConfigError, DataError, WeightsError
from wordsight.models import architectures, reading, writing
from wordsight.models.architectures import small
from wordsight.models.card import NetworkCard, TrainingCard
from wordsight.models.pretrained import Pretrained

TRAINING = TrainingCard(
    objective="labels", seed=1, images=72, images_seen=144, flops=10, learning_rate=0.1, final_loss=0.5,
    measure="accuracy", measured=0.5, at_start=0.1, chance=0.25, learned=True,
)  # fmt: skip


def network(width=4, seed=0, stem=""):
    return architectures.build(f"small/{stem}resnet_w{width}", seed)[0].eval()


@pytest.mark.parametrize("width", [1, 4, 16, 32])
@pytest.mark.parametrize(
    ("stem", "times", "side"),
    [*(("", 8, side) for side in (1, 16, 32, 45)), *(("patch_", 4, side) for side in (4, 16, 32, 45))],
)
def test_features_are_four_or_eight_times_as_wide_as_the_first_stage(stem, times, width, side):
    backbone = network(width, stem=stem)
    backbone.drop_head()
    backbone.check(side, "small")
    assert backbone.feature_size == times * width
    assert backbone(torch.rand(2, 3, side, side)).shape == (2, times * width)


def test_an_image_smaller_than_a_patch_is_refused():
    backbone = network(stem="patch_")
    backbone.drop_head()
    with pytest.raises(ConfigError, match=r"models\.small: .* from an image of 3 x 3 pixels"):
        backbone.check(3, "small")


def test_a_pixel_changes_the_first_map_in_its_patch_only():
    stem = network(stem="patch_").trunk[:3]
    images = torch.rand(1, 3, 16, 16)
    changed = images.clone()
    changed[:, :, 7, 8] += 1
    differ = (stem(images) != stem(changed)).any(dim=1)[0]
    assert differ.nonzero().tolist() == [[1, 2]]


@pytest.mark.parametrize(("before", "after", "stride"), [(4, 4, 1), (4, 8, 2), (4, 6, 1)])
def test_a_block_is_that_of_torchvision(before, after, stride):
    ours = small.BasicBlock(before, after, stride)
    shortcut = None
    if stride != 1 or before != after:
        shortcut = torch.nn.Sequential(conv1x1(before, after, stride), torch.nn.BatchNorm2d(after))
    peer = BasicBlock(before, after, stride, downsample=shortcut)
    state = ours.state_dict()
    for value in state.values():
        if value.is_floating_point():
            torch.nn.init.uniform_(value, 0.5, 1.5)
    peer.load_state_dict({name.replace("shortcut", "downsample"): value for name, value in state.items()})
    images = torch.randn(2, before, 9, 9)
    for mode in (True, False):
        torch.testing.assert_close(ours.train(mode)(images), peer.train(mode)(images))


@pytest.mark.parametrize(
    ("stem", "maps"),
    [("", [(4, 16, 16), (8, 8, 8), (16, 4, 4), (32, 2, 2)]), ("patch_", [(4, 8, 8), (8, 4, 4), (16, 2, 2)])],
)
def test_maps_shrink_to_a_sixteenth_while_they_widen(stem, maps):
    sizes = []
    trunk = network(stem=stem).trunk
    for module in trunk:
        if isinstance(module, small.BasicBlock):
            module.register_forward_hook(lambda *given: sizes.append(tuple(given[2].shape[1:])))
    trunk(torch.rand(1, 3, 32, 32))
    assert sizes == maps


def test_weights_are_a_function_of_the_seed():
    first, same, other = (network(seed=seed).tensors() for seed in (3, 3, 4))
    assert all(value.equal(same[name]) for name, value in first.items())
    assert not first["0.weight"].equal(other["0.weight"])


@pytest.mark.parametrize(
    "name", ["resnet", "resnet_w", "resnet_w0", "resnet_w04", "resnet_w10000", "resnet_w4x", "patch_resnet_w"]
)
def test_an_unknown_name_is_told_the_form_of_the_known_ones(name):
    with pytest.raises(ConfigError) as error:
        architectures.build(f"small/{name}")
    assert str(error.value) == (
        f"config: models: small has no network {name!r}; valid: resnet_w or patch_resnet_w and a width, "
        "such as resnet_w16"
    )


# Over the disk


def saved(tmp_path, training=TRAINING, **changes):
    """An encoder from the files of a network."""
    backbone = network(seed=7)
    for name, value in backbone.tensors().items():
        if name.endswith("running_mean"):
            value.normal_(generator=torch.Generator().manual_seed(0))
    values = {
        "tensors": backbone.tensors(), "origin": "training on shapes", "licence": "none", "seed": 1,
        "preprocessing": PreprocessingSection(image_size=16, resize=16, mean=(0.4,) * 3, std=(0.2,) * 3),
        **changes,
    }  # fmt: skip
    section = validate(RandomNetwork, {"source": "random", "architecture": "small/resnet_w4", "seed": 7})
    card = writing.save(backbone, section, "mine", tmp_path, Pretrained(**values), training)
    return backbone, card


def test_a_saved_network_is_loaded_with_its_weights_preprocessing_and_training(tmp_path):
    backbone, card = saved(tmp_path)
    encoder = reading.load(tmp_path)
    assert encoder.card == card
    assert card.training == TRAINING
    assert card.parameters == sum(parameter.numel() for parameter in backbone.parameters())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.json", "weights.safetensors"]
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(encoder(images), backbone((images - 0.4) / 0.2), atol=1e-5, rtol=1e-4)


def test_a_card_without_training_says_so_and_one_of_before_can_be_read(tmp_path):
    _, card = saved(tmp_path, training=None)
    assert card.training is None
    values = card.model_dump(mode="json")
    del values["training"]
    assert NetworkCard.model_validate(values) == card


def test_the_same_network_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        saved(tmp_path / name)
    for file in ("network.json", "weights.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_weights_of_another_network_are_refused(tmp_path):
    saved(tmp_path)
    path = tmp_path / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises((WeightsError, DataError), match=r"weights\.safetensors: expected SHA-256"):
        reading.load(tmp_path)
