"""Steps import no compiler, and whoever needs it still can."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import ViTConfig, ViTModel

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

PROGRAM = """
import sys
sys.path.insert(0, {scripts!r})
from wordsight.models import architectures
from wordsight.models.compiler import without_compiler
{body}
"""


def run(body: str) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM.format(scripts=str(SCRIPTS), body=body)], check=True)


def test_networks_of_every_family_run_without_the_compiler_which_can_still_be_imported():
    run("""
import torch
names = "packaged/squeezenet1_1", "packaged/efficientnet_lite0", "torchvision/resnet18", "timm/test_vit"
for name in names:
    backbone, preprocessing = architectures.build(name)
    with torch.inference_mode():
        backbone.eval()(torch.zeros(1, 3, preprocessing.image_size, preprocessing.image_size))
assert "torch._dynamo" not in sys.modules
from torch._dynamo.utils import is_compile_supported
assert is_compile_supported.__module__ == "torch._dynamo.utils"
assert torch.compiler.disable.__module__ == "torch.compiler"
with without_compiler():
    assert sys.modules["torch._dynamo.utils"].is_compile_supported is is_compile_supported
""")


def test_a_network_of_transformers_is_fetched_and_loaded_in_processes_that_have_no_compiler_yet(tmp_path):
    settings = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    ViTModel(ViTConfig(image_size=16, patch_size=8, **settings)).save_pretrained(tmp_path / "vit")
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}}
    (tmp_path / "vit/preprocessor_config.json").write_text(json.dumps(processor))
    folder = str(tmp_path)
    run(f"""
from pathlib import Path
from wordsight.config.models import HuggingfaceNetwork
from wordsight.models import building
section = HuggingfaceNetwork(source="huggingface", name="owner/vit", path={folder!r} + "/vit")
building.fetch(section, "vit", Path({folder!r}, "fetched"))
""")
    run(f"""
import torch
from pathlib import Path
from wordsight.models import reading
assert reading.load(Path({folder!r}, "fetched"))(torch.zeros(1, 3, 16, 16)).shape == (1, 8)
""")
