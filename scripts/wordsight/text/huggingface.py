"""Language models of the Hugging Face hub, or of a local folder with the same files.

Only ``safetensors`` and the library's own code are read: a repository that brings code is refused.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging

from wordsight import downloads
from wordsight.config import HuggingfaceText, Wording, nearest
from wordsight.errors import ConfigError, DataError, WeightsError, first_line
from wordsight.models import weights
from wordsight.models.encoder import resolve_device
from wordsight.storage import atomic, sha256
from wordsight.text import encoder
from wordsight.text.card import TextCard
from wordsight.text.encoder import Phrase
from wordsight.text.models import TOKENIZER, WEIGHTS, Fetched

HUB = ("config.json", "tokenizer_config.json", "tokenizer.json")
# What a folder may hold in place of tokenizer.json: the files that it is made of.
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
KINDS = ("bert", "distilbert", "gpt2", "roberta")
# Heads that a file has beside the network, and what it kept of a mask or of positions, which is no weight.
HEADS = ("cls.", "lm_head.", "pooler.", "vocab_", "qa_outputs.")
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
    model, tokenizer = _build(directory / TOKENIZER, origin)
    given = weights.state_dict(weights.read(path, section.sha256), path)
    network = model.state_dict()
    weights.fit(_renamed(given, network, model.base_model_prefix), network, str(path), HEADS)
    weights.write(directory / WEIGHTS, network)
    return Fetched(
        architecture=f"huggingface/{model.config.model_type}",
        origin=f"{origin} {section.revision}" if section.revision and not section.path else origin,
        sha256=sha256(path),
        size=model.config.hidden_size,
        words=len(tokenizer),
    )


def read(
    directory: Path, card: TextCard, phrases: Sequence[Phrase], wording: Wording, device: str
) -> tuple[np.ndarray, list[str]]:
    """Vectors (n, d) of phrases, and no unknown words: a tokenizer takes those apart."""
    model, tokenizer = _build(directory / TOKENIZER, card.origin)
    path = directory / WEIGHTS
    network = model.state_dict()
    weights.fit(weights.read(path), network, str(path))
    model = model.eval().to(resolve_device(device))
    return encoder.encode(model, tokenizer, phrases, wording.pooling).numpy(), []


def _folder(folder: Path) -> dict[str, Path]:
    """Files of a local folder by name, refused when one is missing."""
    files = {file.name: file for file in folder.iterdir()} if folder.is_dir() else {}
    for name in ("config.json", "model.safetensors"):
        if name not in files:
            raise DataError(f"{folder / name}: expected a file of a language model, but there is none")
    vocabulary = next((names for names in VOCABULARIES if files.keys() >= set(names)), None)
    if vocabulary is None:
        wanted = ", ".join(" and ".join(names) for names in VOCABULARIES)
        raise DataError(f"{folder}: expected a tokenizer, one of {wanted}, but there is none")
    optional = [name for name in ("tokenizer_config.json",) if name in files]
    return {name: files[name] for name in ("config.json", "model.safetensors", *vocabulary, *optional)}


def _download(section: HuggingfaceText) -> dict[str, Path]:
    names = (*HUB, "model.safetensors")
    return {name: downloads.from_hub(section.name, name, revision=section.revision) for name in names}


def _build(folder: Path, origin: str) -> tuple[Any, Any]:
    """Network with its initial weights, and tokenizer, from the files in a folder."""
    kind = _kind(folder / "config.json", origin)
    if kind not in KINDS:
        hint = nearest(kind, list(KINDS))
        raise ConfigError(f"config: text_models: {origin} is a network of an unknown kind {kind!r}; {hint}")
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with _quiet():
        try:
            config = AutoConfig.from_pretrained(folder, **local)
            model = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
        except Exception as error:  # transformers lets errors of every type through on damaged files
            raise WeightsError(
                f"{origin}: expected a language model in config.json ({first_line(error)})"
            ) from None
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, padding_side="right", **local)
        except Exception as error:  # and so does tokenizers
            raise DataError(f"{origin}: expected a tokenizer ({first_line(error)})") from None
    most = model.config.vocab_size
    if len(tokenizer) > most:
        raise DataError(f"{origin}: expected a tokenizer of at most {most} words, found {len(tokenizer)}")
    if tokenizer.pad_token is None:  # as of GPT-2; a padded place is never attended to
        tokenizer.pad_token = tokenizer.eos_token
    if hasattr(model, "pooler"):
        model.pooler = None
    return model, tokenizer


def _kind(path: Path, origin: str) -> str:
    """Kind of network that ``config.json`` names, before anything of transformers reads it."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["model_type"])
    except (ValueError, KeyError, TypeError):
        raise WeightsError(f"{origin}: expected a language model in config.json (no model_type)") from None


def _renamed(given: weights.Tensors, network: weights.Tensors, prefix: str) -> weights.Tensors:
    """Tensors by their names in the network without its heads.

    Files of a network with heads put the network's name first, and those of TensorFlow's time call weight and
    bias of a normalisation gamma and beta.
    """
    renamed = {}
    for name, value in given.items():
        new = name.removeprefix(f"{prefix}.")
        new = new.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if new in network or not new.endswith(BUFFERS):
            renamed[new] = value
    return renamed


@contextmanager
def _quiet() -> Iterator[None]:
    """While the block runs, transformers says nothing of what it then refuses or reads."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
