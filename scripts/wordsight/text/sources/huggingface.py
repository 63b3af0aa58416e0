"""Language models from the Hugging Face hub, or from a local folder with the same files.

Weights are read from safetensors only, and code that comes with a model is never run.
"""

import shutil
from pathlib import Path

from wordsight.config.text import HuggingfaceText
from wordsight.downloads import hub
from wordsight.errors import DataError
from wordsight.files.disk import atomic
from wordsight.models import tensors
from wordsight.models.foreign import weights
from wordsight.text.building import Fetched
from wordsight.text.card import TOKENIZER, WEIGHTS
from wordsight.text.readers.huggingface import build

HUB = ("config.json", "tokenizer_config.json", "tokenizer.json")

# Files of a tokenizer: one of these groups is enough.
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))

# Prefixes of heads, which are not read.
HEADS = ("cls.", "lm_head.", "pooler.", "vocab_", "qa_outputs.")

# Endings of masks and positions, which some files keep although they are no weights.
BUFFERS = (".attn.bias", ".attn.masked_bias", "position_ids")


def fetch(section: HuggingfaceText, directory: Path) -> Fetched:
    """Write the network's tensors by their names in transformers, and its tokenizer's files."""
    origin = section.path or f"https://huggingface.co/{section.name}"
    files = _folder(Path(section.path)) if section.path else _download(section)
    path = files.pop("model.safetensors")
    (directory / TOKENIZER).mkdir(parents=True)
    for name, file in files.items():
        with atomic(directory / TOKENIZER / name) as temporary:
            shutil.copyfile(file, temporary)
    model, tokenizer = build(directory / TOKENIZER, origin)
    sha256 = weights.verify(path, section.sha256)
    network = model.state_dict()
    tensors.fit(_renamed(weights.tensors(path), network, model.base_model_prefix), network, str(path), HEADS)
    tensors.write(directory / WEIGHTS, network)
    return Fetched(
        architecture=f"huggingface/{model.config.model_type}",
        origin=f"{origin} {section.revision}" if section.revision and not section.path else origin,
        sha256=sha256,
        size=model.config.hidden_size,
        words=len(tokenizer),
    )


def _folder(folder: Path) -> dict[str, Path]:
    """Files of a local folder by name; raises DataError if one is missing."""
    files = {file.name: file for file in folder.iterdir()} if folder.is_dir() else {}
    for name in ("config.json", "model.safetensors"):
        if name not in files:
            raise DataError(f"{folder / name}: this file of the language model is missing")
    vocabulary = next((names for names in VOCABULARIES if files.keys() >= set(names)), None)
    if vocabulary is None:
        wanted = ", ".join(" and ".join(names) for names in VOCABULARIES)
        raise DataError(f"{folder}: the tokenizer is missing; expected one of {wanted}")
    optional = [name for name in ("tokenizer_config.json",) if name in files]
    return {name: files[name] for name in ("config.json", "model.safetensors", *vocabulary, *optional)}


def _download(section: HuggingfaceText) -> dict[str, Path]:
    names = (*HUB, "model.safetensors")
    return {name: hub.from_hub(section.name, name, revision=section.revision) for name in names}


def _renamed(weights_by_name: tensors.Tensors, network: tensors.Tensors, prefix: str) -> tensors.Tensors:
    """Tensors by their names in the network without its heads.

    Files of a network with heads put a prefix before the names. Files from TensorFlow call the weight and
    bias of a normalisation gamma and beta.
    """
    renamed = {}
    for name, value in weights_by_name.items():
        new = name.removeprefix(f"{prefix}.")
        new = new.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if new in network or not new.endswith(BUFFERS):
            renamed[new] = value
    return renamed
