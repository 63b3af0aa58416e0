"""Encoders of the matched groups that are on the Hugging Face hub, against timm's networks with the same tensors.

The files have the names that transformers 4 wrote, as the published ones do, at the true width with two blocks.
"""

import re
from functools import partial

import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.layers import SwiGLU

from fixtures import hub as published
from wordsight.config.models import HuggingfaceNetwork
from wordsight.downloads import fetching
from wordsight.downloads import hub as downloads_hub
from wordsight.models import building, reading
from wordsight.models.undrawn import Undrawn

pytestmark = pytest.mark.slow

# Names in timm of the tensors of a block, by those in transformers 4.
BLOCK = {
    "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "mlp.weights_out": "mlp.fc2",
}
OUTSIDE = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
}


def as_in_timm(tensors):
    """The tensors of a Vision Transformer by their names in timm, where one layer makes queries, keys and values."""
    found = {}
    for name, value in tensors.items():
        block = re.fullmatch(r"encoder\.layer\.(\d+)\.(.+?)(\.weight|\.bias)?", name)
        place, inner, kind = block.groups(default="") if block else ("", name, "")
        if not block:
            outer = re.sub(r"\.(weight|bias)$", "", name)
            if outer in OUTSIDE:
                found[name.replace(outer, OUTSIDE[outer], 1)] = value
        elif "attention.attention" in inner:
            if "query" in inner:
                both = [tensors[name.replace("query", other)] for other in ("query", "key", "value")]
                found[f"blocks.{place}.attn.qkv{kind}"] = torch.cat(both)
        elif inner == "mlp.weights_in":
            gate, linear = value.chunk(2)
            found[f"blocks.{place}.mlp.fc1_g{kind}"], found[f"blocks.{place}.mlp.fc1_x{kind}"] = gate, linear
        else:
            found[f"blocks.{place}.{BLOCK.get(inner, inner)}{kind}"] = value
    return found


LARGE = {"img_size": 224, "embed_dim": 1024, "num_heads": 16, "depth": 2, "num_classes": 0}
PEERS = {
    "facebook/webssl-dino300m-full2b-224": {
        **LARGE,
        "patch_size": 14,
        "init_values": 1e-5,
        "mlp_layer": SwiGLU,
        "act_layer": torch.nn.SiLU,
        "mlp_ratio": 2736 / 1024,
    },
    "facebook/webssl-mae300m-full2b-224": {**LARGE, "patch_size": 16},
    "Leonardo6/dino-datacomp-12m-16": {
        **LARGE,
        "patch_size": 16,
        "embed_dim": 768,
        "num_heads": 12,
        "norm_layer": partial(torch.nn.LayerNorm, eps=1e-12),
    },
}


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 7, 7, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=224, mode="bicubic").clamp(0, 1)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Function that makes a repository the only one on the hub, and says which files were asked for."""

    def made(name, **options):
        files, asked = published.write(name, tmp_path / "hub", **options), []

        def from_hub(repository, file, *, revision=None, kind="model"):
            asked.append(file)
            if file not in files:
                raise downloads_hub.MissingFileError(f"hf://{repository}/{file}: cannot be downloaded")
            return files[file]

        monkeypatch.setattr(downloads_hub, "from_hub", from_hub)
        return files, asked

    return made


@pytest.mark.parametrize("name", PEERS)
def test_a_network_of_the_hub_is_timms_with_the_same_tensors(tmp_path, images, repository, name):
    files, _ = repository(name)
    card = building.fetch(HuggingfaceNetwork(source="huggingface", name=name), "m", tmp_path / "m")
    encoder = reading.load(tmp_path / "m")
    with Undrawn():
        peer = timm.models.VisionTransformer(**PEERS[name]).eval()
    tensors = as_in_timm(load_file(files["model.safetensors"]))
    left_out = peer.load_state_dict(tensors, strict=False)
    assert left_out == ([], [])
    with torch.inference_mode():
        found, expected = encoder(images), peer(encoder._normalise(images))
    assert (expected[0] - expected[1]).abs().max() > 0.01 * expected.abs().max()
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert card.feature_size == expected.shape[1]


def test_tensors_in_a_file_of_pytorch_are_read_where_there_are_no_safetensors(tmp_path, repository):
    files, asked = repository("Leonardo6/dino-datacomp-12m-16", pickled=True)
    section = HuggingfaceNetwork(source="huggingface", name="Leonardo6/dino-datacomp-12m-16")
    card = building.fetch(section, "m", tmp_path / "m")
    assert [file for file in asked if file.endswith((".bin", ".safetensors"))] == [
        "model.safetensors",
        "pytorch_model.bin",
    ]
    of_folder = HuggingfaceNetwork(source="huggingface", name="a/b", path=str(files["config.json"].parent))
    assert building.fetch(of_folder, "m", tmp_path / "n").weights_sha256 == card.weights_sha256
    files.pop("pytorch_model.bin")
    with pytest.raises(fetching.DownloadError, match=r"dino-datacomp-12m-16/model\.safetensors: cannot be"):
        building.fetch(section, "m", tmp_path / "o")
