"""Features can be read at several places of a network: at each, what the libraries themselves have there."""

import copy
import re

import open_clip
import pytest
import timm
import torch
import torchvision
import transformers
from timm.models import byobnet, eva, vision_transformer
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from wordsight.catalogue.places import Layer, default, word
from wordsight.config.models import CheckpointNetwork, RandomNetwork
from wordsight.errors import ConfigError
from wordsight.models import architectures, building, reading
from wordsight.models.architectures import huggingface as huggingface_networks
from wordsight.models.architectures import timm as timm_networks
from wordsight.models.architectures import tsm
from wordsight.models.read_outs import listed
from wordsight.models.undrawn import Undrawn

TOLERANCE = 1e-4  # of the largest value


def drawn(network, seed=3):
    """The same network with values that are all drawn anew, under which features are finite and differ."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var"):
            value.copy_(1 + 0.1 * noise.abs())
        elif value.ndim < 2:
            value.copy_(
                (1.0 if re.search(r"(norm|bn|ln)\w*\.weight|ls\d|gamma", name) else 0.0) + 0.1 * noise
            )
        else:
            value.copy_(noise * (2 / value[0].numel()) ** 0.5)
    return network.eval()


def images(size=224, count=2):
    """Images whose parts differ, so that their features do."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)


def tower(name):
    """Image tower of open_clip as it builds it itself, without the texts' one, and the tensors of the whole model."""
    config = open_clip.get_model_config(name)
    with Undrawn():
        own = open_clip.model._build_vision_tower(
            config["embed_dim"], config["vision_cfg"], config.get("quick_gelu", False)
        )
    return drawn(own), {f"visual.{key}": value for key, value in own.state_dict().items()}


def read(backbone, pixels, *places):
    with torch.inference_mode():
        return dict(zip(map(word, places), backbone.eval().read(pixels, places), strict=True))


def assert_equal(found, expected):
    assert found.shape == expected.shape
    assert expected.std(dim=0).max() > 1e-4 * expected.abs().max()  # else equality would say nothing
    assert (found - expected).abs().max() <= TOLERANCE * expected.abs().max()


def filled(architecture, tensors):
    """Backbone of an architecture with weights under the names of its library."""
    backbone, _ = architectures.build_to_load(architecture)
    backbone.load({name: value.clone() for name, value in tensors.items()}, "here")
    return backbone


# CLIP: two implementations of the same weights, at their true width


@pytest.mark.slow
def test_both_sides_of_a_transformers_projection_agree_between_open_clip_and_timm():
    own, tensors = tower("ViT-B-32-quickgelu")
    ours = filled("open_clip/ViT-B-32-quickgelu", tensors)
    name = "vit_base_patch32_clip_quickgelu_224.openai"
    with Undrawn():
        reference = timm.create_model(name)
    reference.load_state_dict(vision_transformer.checkpoint_filter_fn(tensors, reference))
    reference.eval()
    pixels, places = images(), ("pooled", "embedding", "cls", "mean", "tokens_mean", Layer(layer=7))
    found = read(ours, pixels, *places)
    with torch.inference_mode():
        tokens, layers = reference.forward_intermediates(pixels, indices=[6], return_prefix_tokens=True)
        theirs = {
            "pooled": reference.forward_head(tokens, pre_logits=True),
            "embedding": reference(pixels),
            "cls": tokens[:, 0],
            "mean": tokens[:, 1:].mean(dim=1),
            "tokens_mean": tokens.mean(dim=1),
            "layer 7": layers[0][0].mean(dim=(2, 3)),
        }
        assert_equal(found["embedding"], own(pixels))
    for place, expected in theirs.items():
        assert_equal(found[place], expected)
    # timm's own network as ours: its last layer is no classifier.
    timms = filled(f"timm/{name}", reference.state_dict())
    assert timms.head is None
    for place, values in read(timms, pixels, *places).items():
        assert_equal(values, found[place])
    assert ours.places(224).items() >= {"pooled": 768, "embedding": 512, "mean": 768, "layer 12": 768}.items()


@pytest.mark.slow
def test_both_sides_of_a_resnets_projection_agree_between_open_clip_and_timm():
    own, tensors = tower("RN50-quickgelu")
    ours = filled("open_clip/RN50-quickgelu", tensors)
    with Undrawn():
        reference = timm.create_model("resnet50_clip.openai")
    reference.load_state_dict(byobnet.checkpoint_filter_fn(tensors, reference))
    timms = filled("timm/resnet50_clip.openai", reference.eval().state_dict())
    pixels = images()
    found = read(ours, pixels, "pooled", "embedding", "mean", Layer(layer=3))
    assert {place: values.shape[1] for place, values in found.items()} == {
        "pooled": 2048, "embedding": 1024, "mean": 2048, "layer 3": 1024
    }  # fmt: skip
    with torch.inference_mode():
        assert_equal(found["embedding"], own(pixels))
        assert_equal(found["mean"], reference.forward_features(pixels).mean(dim=(2, 3)))
        assert_equal(found["embedding"], reference(pixels))
        layers = create_feature_extractor(own, {"layer3": "layer3"})(pixels)
        assert_equal(found["layer 3"], layers["layer3"].mean(dim=(2, 3)))
    for place, values in read(timms, pixels, "pooled", "embedding", "mean").items():
        assert_equal(values, found[place])


@pytest.mark.slow
def test_siglip_has_no_projection_and_its_attention_agrees_between_open_clip_and_timm():
    own, tensors = tower("ViT-B-16-SigLIP")
    ours = filled("open_clip/ViT-B-16-SigLIP", tensors)
    with Undrawn():
        reference = timm.create_model("vit_base_patch16_siglip_224.webli").eval()
    reference.load_state_dict({key.removeprefix("visual.trunk."): tensors[key] for key in tensors})
    pixels = images()
    found = read(ours, pixels, "pooled", "mean")
    with torch.inference_mode():
        assert_equal(found["pooled"], own(pixels))
        assert_equal(found["pooled"], reference(pixels))
        assert_equal(found["mean"], reference.forward_features(pixels).mean(dim=1))
    assert listed(ours.places(224)) == "pooled, mean and layers 1 to 12"
    with pytest.raises(ValueError, match="no projection"):
        read(ours, pixels, "embedding")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pooled", "embedded"),
    [
        ("convnext_base", 1024, 512),
        ("EVA02-B-16", 768, 512),
        ("convnext_large_d", 1536, 768),
        ("MobileCLIP-S1", 1024, 512),
        ("coca_ViT-B-32", 512, 512),
        ("ViT-H-14-CLIPA", 1280, 1024),
        ("PE-Core-T-16-384", 192, 512),
    ],
)
def test_a_tower_of_open_clip_has_both_sides_of_its_projection(name, pooled, embedded):
    with torch.device("meta"):
        backbone, keys = architectures.build(f"open_clip/{name}")
        config = open_clip.get_model_config(name)
        pixels = torch.empty(1, 3, keys.image_size, keys.image_size)
        widths = [values.shape[1] for values in backbone.eval().read(pixels, ["pooled", "embedding"])]
    assert widths == [pooled, embedded]
    assert backbone.feature_size == pooled
    assert config["embed_dim"] == embedded


# DINOv3 in timm is what its publisher evaluates, read at the class token


def of_meta(generator):
    """Weights of DINOv3 as its publisher names them, of a small network."""
    width, hidden = 384, 1536
    shapes = {
        "cls_token": (1, 1, width), "storage_tokens": (1, 4, width), "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 16, 16), "patch_embed.proj.bias": (width,),
        "norm.weight": (width,), "norm.bias": (width,),
    }  # fmt: skip
    for block in range(12):
        parts = {
            "norm1.weight": (width,), "norm1.bias": (width,), "norm2.weight": (width,), "norm2.bias": (width,),
            "attn.qkv.weight": (3 * width, width), "attn.qkv.bias": (3 * width,),
            "attn.proj.weight": (width, width), "attn.proj.bias": (width,),
            "ls1.gamma": (width,), "ls2.gamma": (width,),
            "mlp.fc1.weight": (hidden, width), "mlp.fc1.bias": (hidden,),
            "mlp.fc2.weight": (width, hidden), "mlp.fc2.bias": (width,),
        }  # fmt: skip
        shapes |= {f"blocks.{block}.{name}": shape for name, shape in parts.items()}
    values = {}
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator)
        values[name] = 1 + 0.1 * noise if re.search(r"norm.*weight|gamma", name) else 0.05 * noise
    for name in values:
        if name.endswith("qkv.bias"):  # those of the published, distilled networks are zero
            values[name].zero_()
    return values


def for_transformers(values):
    """The same weights as transformers names them."""
    found = {}
    renamed = {
        "cls_token": "embeddings.cls_token", "storage_tokens": "embeddings.register_tokens",
        "patch_embed.proj": "embeddings.patch_embeddings", "attn.proj": "attention.o_proj",
        "ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1",
        "mlp.fc1": "mlp.up_proj", "mlp.fc2": "mlp.down_proj", "blocks.": "model.layer.",
    }  # fmt: skip
    for name, value in values.items():
        if name == "mask_token":
            continue
        for theirs, ours in renamed.items():
            name = name.replace(theirs, ours)
        if "attn.qkv" in name:
            for part, rows in zip("qkv", value.chunk(3), strict=True):
                if (part, name.rpartition(".")[2]) != ("k", "bias"):
                    found[name.replace("attn.qkv", f"attention.{part}_proj")] = rows
        else:
            found[name] = value
    return found


@pytest.mark.slow
def test_timms_copy_of_dinov3_read_at_the_class_token_is_what_the_publisher_evaluates():
    values = of_meta(torch.Generator().manual_seed(2))
    config = transformers.DINOv3ViTConfig(
        patch_size=16, hidden_size=384, intermediate_size=1536, num_attention_heads=6, num_register_tokens=4
    )
    theirs = transformers.DINOv3ViTModel(config).eval()
    missing = theirs.load_state_dict(for_transformers(values), strict=False)
    assert set(missing.missing_keys) <= {"embeddings.mask_token"}
    assert not missing.unexpected_keys
    name = "vit_small_patch16_dinov3.lvd1689m"
    network = timm.create_model(name)
    tensors = eva.checkpoint_filter_fn(values, network)
    ours = filled(f"timm/{name}", tensors)
    pixels = images()
    found = read(ours, pixels, "cls", "mean", "pooled")
    with torch.inference_mode():
        tokens = theirs(pixels).last_hidden_state
    assert_equal(found["cls"], tokens[:, 0])
    assert_equal(found["mean"], tokens[:, 5:].mean(dim=1))
    assert_equal(found["pooled"], found["mean"])  # what timm makes of it, and the publisher doesn't


# Places of every library, against what the library itself gives there

VIT = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
STAGES = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32]}
# Of each family: its class, its settings, tokens before those of the patches, and whether maps are normalised.
TRANSFORMERS = {
    "beit": ("BeitModel", {**VIT, "use_mean_pooling": True}, 1),
    "clip": ("CLIPVisionModelWithProjection", {"vision_config": VIT, "projection_dim": 24}, 1),
    "convnext": ("ConvNextModel", STAGES, 0),
    "deit": ("DeiTModel", VIT, 2),
    "dinov2": ("Dinov2Model", VIT, 1),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", {**VIT, "num_register_tokens": 2}, 3),
    "dinov3_convnext": ("DINOv3ConvNextModel", STAGES, 0),
    "dinov3_vit": ("DINOv3ViTModel", {**VIT, "num_register_tokens": 2}, 3),
    "resnet": ("ResNetModel", {**STAGES, "embedding_size": 8, "layer_type": "basic"}, 0),
    "siglip_vision_model": ("SiglipVisionModel", VIT, 0),
    "swin": ("SwinModel", {"image_size": 32, "patch_size": 2, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4}, 0),
    "vit": ("ViTModel", VIT, 1),
}  # fmt: skip
PIXELS = {"image_size": 32, "resize": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3}


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_places_of_transformers_are_those_of_its_own_outputs(kind):
    _, values, prefix = TRANSFORMERS[kind]
    settings = transformers.CONFIG_MAPPING[kind](**values)
    configuration = {"network": settings.to_dict(), "preprocessing": PIXELS}
    backbone, _ = huggingface_networks.build("owner/model", configuration)
    drawn(backbone.trunk)
    pixels = images(32)
    with torch.inference_mode():
        output = backbone.trunk.eval()(pixels, output_hidden_states=True)
        last, hidden = output.last_hidden_state, output.hidden_states
        if kind == "clip":
            last = backbone.trunk.vision_model.post_layernorm(last)
    places = backbone.places(32)
    layers = sum(place.startswith("layer") for place in places)
    if kind != "swin":  # whose layers have other tokens each
        assert layers == len(values.get("depths", range(3)))
        number = 2
        maps = hidden[len(hidden) - layers + number - 1]
        expected = maps.mean(dim=(2, 3)) if maps.ndim == 4 else maps[:, prefix:].mean(dim=1)
        assert_equal(read(backbone, pixels, Layer(layer=number))["layer 2"], expected)
    if prefix and kind != "beit":  # which normalises what it has pooled
        found = read(backbone, pixels, "cls", "mean", "tokens_mean")
        assert_equal(found["cls"], last[:, 0])
        assert_equal(found["mean"], last[:, prefix:].mean(dim=1))
        assert_equal(found["tokens_mean"], last.mean(dim=1))
    elif kind == "siglip_vision_model":
        assert_equal(read(backbone, pixels, "mean")["mean"], last.mean(dim=1))
    else:  # pooled is the mean
        found = read(backbone, pixels, "mean", "pooled")
        assert_equal(found["mean"], found["pooled"])
    assert ("cls" in places) == ("tokens_mean" in places) == bool(prefix)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "nodes", "prefix"),
    [
        ("resnet18", {"last": "layer4", "layer 2": "layer2"}, None),
        ("vit_b_32", {"last": "encoder.ln", "layer 2": "encoder.layers.encoder_layer_1"}, 1),
        ("convnext_tiny", {"last": "features.7", "layer 2": "features.3"}, None),
    ],
)
def test_places_of_torchvision_are_those_of_its_feature_extractor(name, nodes, prefix):
    backbone, _ = architectures.build_to_load(f"torchvision/{name}")
    network = drawn(torchvision.models.get_model(name, weights=None))
    backbone.load(network.state_dict(), "here")
    pixels = images()
    with torch.inference_mode():
        nodes = {module: place for place, module in nodes.items()}
        expected = create_feature_extractor(network, nodes)(pixels)
    last = expected.pop("last")
    found = read(backbone, pixels, "mean", *([Layer(layer=2)] if expected else []))
    if prefix:
        assert_equal(found["mean"], last[:, 1:].mean(dim=1))
        tokens = read(backbone, pixels, "cls", "tokens_mean", "pooled", Layer(layer=2, pool="cls"))
        assert_equal(tokens["cls"], tokens["pooled"])
        assert_equal(tokens["tokens_mean"], last.mean(dim=1))
        assert_equal(tokens["layer 2 cls"], expected["layer 2"][:, 0])
        assert_equal(found["layer 2"], expected["layer 2"][:, 1:].mean(dim=1))
    else:
        mean = last.mean(dim=(2, 3))
        if name == "convnext_tiny":
            mean = network.classifier[0](mean[:, :, None, None]).flatten(1)
        assert_equal(found["mean"], mean)
        for place, values in expected.items():
            assert_equal(found[place], values.mean(dim=(2, 3)))


# Networks of timm in which the pooled features are the mean over places or the class token.
MEANS = ["test_resnet", "test_efficientnet", "test_convnext.r160_in1k", "test_vit_relpos", "swin_tiny_patch4_window7_224", "convnext_atto", "test_byobnet"]  # fmt: skip
TOKENS = ["test_vit", "vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MEANS, *TOKENS])
def test_places_of_timm_are_those_of_its_own_intermediates(name):
    backbone, keys = timm_networks.build(name)
    network = drawn(backbone.trunk)
    pixels = images(keys.image_size)
    widths = backbone.places(keys.image_size)
    with torch.inference_mode():
        last, layers = network.forward_intermediates(pixels, indices=[1], return_prefix_tokens=False) if name in TOKENS else network.forward_intermediates(pixels, indices=[1])  # fmt: skip
    alike = "mean" if name in MEANS else "cls"
    found = read(backbone, pixels, "pooled", alike)
    if name.startswith("deit"):  # whose pooled features are the mean of two tokens
        assert_equal(found["cls"], last[:, 0])
    else:
        assert_equal(found[alike], found["pooled"])
    modules = [info["module"] for info in network.feature_info]
    shown = [module for module in modules if timm_networks.LAYER.search(module)]
    number = shown.index(modules[1]) + 1
    values = layers[0] if layers[0].ndim == 4 else layers[0][:, None]
    assert_equal(read(backbone, pixels, Layer(layer=number))[f"layer {number}"], values.mean(dim=(2, 3)))
    assert sum(place.startswith("layer") for place in widths) == len(shown)


# What can be read of networks of timm: with class tokens that come late, maps in another order, layers of other tokens.
KINDS = {
    "beit_base_patch16_224": "pooled, cls, mean, tokens_mean and layers 1 to 12",
    "cait_xxs24_224": "pooled, cls, mean and tokens_mean",
    "coat_tiny": "pooled",
    "efficientnet_lite0": "pooled, mean and layers 1 to 5",
    "efficientvim_m1": "pooled",
    "eva02_tiny_patch14_224": "pooled, cls, mean, tokens_mean and layers 1 to 12",
    "levit_128s": "pooled and mean",
    "mobilenetv3_small_050": "pooled, mean and layers 1 to 4",
    "samvit_base_patch16": "pooled and mean",
    "swin_tiny_patch4_window7_224": "pooled, mean and layers 1 to 4",
    "vit_base_mci_224.apple_mclip": "pooled, embedding, cls, mean, tokens_mean and layers 1 to 12",
    "vit_base_patch16_224.bamboo": "pooled, cls, mean, tokens_mean and layers 1 to 12",
    "vitamin_small_224.datacomp1b_clip": "pooled, embedding, mean and layers 1 to 14",
    "volo_d1_224": "pooled",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_network_of_timm_has_the_places_that_it_truly_has(name):
    with torch.device("meta"):
        backbone, keys = timm_networks.build(name)
        assert listed(backbone.places(keys.image_size)) == KINDS[name]


def test_small_networks_are_read_at_their_stages():
    backbone, _ = architectures.build("small/resnet_w8", seed=1)
    pixels = images(32)
    found = read(backbone, pixels, "pooled", "mean", Layer(layer=4), Layer(layer=1))
    assert torch.equal(found["pooled"], found["mean"])
    assert torch.equal(found["layer 4"], found["pooled"])
    assert found["layer 1"].shape == (2, 8)
    assert torch.equal(found["pooled"], backbone(pixels))


def test_a_space_that_a_name_asks_for_is_read_unless_another_place_is_asked_for():
    for name, place in (
        ("resnet50-f1", "pooled"),
        ("resnet50-va-f1", "embedding"),
        ("resnet50-vat", "embedding"),
    ):
        with torch.device("meta"):
            assert tsm.build(name)[0].default == default(f"tsm/{name}") == place
    with torch.device("meta"):
        plain, _ = tsm.build("resnet50-f1")
        shared, _ = tsm.build("resnet50-vat-f1")
    names = plain.tensors().keys()
    assert {name for name in shared.tensors() if not name.startswith(("va.", "vat."))} == names


# One pass


def counting(backbone):
    """Number of passes of the network from now on."""
    passes = []
    backbone.trunk.register_forward_hook(lambda *_: passes.append(1))
    return passes


def test_several_places_take_one_pass_and_leave_no_hook_behind():
    backbone, _ = architectures.build("small/resnet_w8", seed=1)
    passes = counting(backbone)
    read(backbone, images(32), "pooled", "mean", Layer(layer=1), Layer(layer=2))
    assert len(passes) == 1
    hooks = [module for module in backbone.modules() if module._forward_hooks]
    assert hooks == [backbone.trunk]


def test_features_of_every_place_can_be_attacked():
    backbone, _ = architectures.build("small/resnet_w8", seed=1)
    pixels = images(32).requires_grad_(True)
    for features in backbone.eval().read(pixels, ["pooled", "mean", Layer(layer=2)]):
        (gradient,) = torch.autograd.grad(features.sum(), pixels, retain_graph=True)
        assert gradient.abs().max() > 0


# Fetching


def random(**keys):
    return RandomNetwork(source="random", architecture="timm/test_vit", seed=0, **keys)


def test_a_fetched_network_states_its_places_and_is_read_where_it_is_asked_to(tmp_path):
    card = building.fetch(random(features=["cls", {"layer": 2}]), "m", tmp_path)
    assert listed(card.places) == "pooled, cls, mean, tokens_mean and layers 1 to 6"
    one, other = reading.load_all([(tmp_path, "m", "cls"), (tmp_path, "m-layer-2", Layer(layer=2))])
    assert one.backbone is other.backbone
    assert [encoder.card.name for encoder in (one, other)] == ["m", "m-layer-2"]
    pixels = images(160)
    with torch.inference_mode():
        assert torch.equal(one(pixels), reading.load(tmp_path)(pixels))  # timm pools this one by its token
        assert not torch.equal(one(pixels), other(pixels))
        assert other(pixels).shape == (2, other.card.feature_size)


@pytest.mark.parametrize(
    ("architecture", "place", "message"),
    [
        ("timm/test_resnet", "cls", "no cls; it has pooled, mean and layers 1 to 4"),
        (
            "timm/test_vit",
            "embedding",
            "no embedding; it has pooled, cls, mean, tokens_mean and layers 1 to 6",
        ),
        ("timm/test_vit", {"layer": 11}, "no layer 11; it has pooled"),
        ("timm/test_resnet", {"layer": 2, "pool": "cls"}, "no layer 2 cls; it has pooled"),
        ("small/resnet_w8", ["mean", "tokens_mean"], "no tokens_mean; it has pooled, mean and layers 1 to 4"),
        pytest.param("tsm/resnet50-f1", "embedding", "no embedding; it has pooled", marks=pytest.mark.slow),
    ],
)
def test_a_place_that_a_network_does_not_have_is_refused_with_those_it_has(
    tmp_path, architecture, place, message
):
    section = RandomNetwork(source="random", architecture=architecture, seed=0, features=place)
    with pytest.raises(ConfigError) as caught:
        building.fetch(section, "mine", tmp_path / "m")
    assert str(caught.value).startswith("config: models.mine.features: this network has " + message)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_a_projection_is_kept_with_a_network_and_is_no_classifier(tmp_path):
    name = "vit_xsmall_patch16_clip_224.tinyclip_yfcc15m"
    network = drawn(timm.create_model(name))
    torch.save(network.state_dict(), tmp_path / "w.pth")
    keys = {"image_size": 224, "resize": 224, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    section = CheckpointNetwork(
        source="checkpoint", architecture=f"timm/{name}", path=str(tmp_path / "w.pth"), preprocessing=keys
    )
    building.fetch(section, "m", tmp_path / "m")
    encoder = reading.load(tmp_path / "m", place="embedding")
    with torch.inference_mode():
        expected = network(encoder._normalise(images()))
        assert_equal(encoder(images()), expected)
    assert encoder.card.feature_size == 512
    with pytest.raises(ConfigError, match="this network has no classifier to keep"):
        building.fetch(section.model_copy(update={"classifier": "imagenet-1k"}), "m", tmp_path / "n")


def test_a_network_of_ones_own_code_gives_what_it_returns_alone():
    backbone = copy.deepcopy(architectures.build("small/resnet_w8")[0])
    backbone.anatomy = None
    assert listed(backbone.places(32)) == "pooled"
    with pytest.raises(ValueError, match="only the pooled features"):
        read(backbone, images(32), "mean")
    assert isinstance(backbone.pool, nn.Identity)
