"""Vectors of phrases from a language model of transformers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from wordsight.catalogue.section import nearest
from wordsight.config.text import Wording
from wordsight.errors import ConfigError, DataError, WeightsError, first_line
from wordsight.models import tensors
from wordsight.models.encoder import resolve_device
from wordsight.models.quiet import quiet
from wordsight.text import sentence_vectors
from wordsight.text.card import TOKENIZER, WEIGHTS, TextCard
from wordsight.text.sentence_vectors import Phrase

KINDS = ("bert", "distilbert", "gpt2", "roberta")


def read(
    directory: Path, card: TextCard, phrases: Sequence[Phrase], wording: Wording, device: str
) -> tuple[np.ndarray, list[str]]:
    """Vectors (n, d) of phrases, and no unknown words: a tokenizer takes those apart."""
    model, tokenizer = build(directory / TOKENIZER, card.origin)
    path = directory / WEIGHTS
    network = model.state_dict()
    tensors.fit(tensors.read_safetensors(path), network, str(path))
    model = model.eval().to(resolve_device(device))
    return sentence_vectors.encode(model, tokenizer, phrases, wording.pooling).numpy(), []


def build(folder: Path, origin: str) -> tuple[Any, Any]:
    """Network with its initial weights, and tokenizer, from the files in a folder."""
    kind = _kind(folder / "config.json", origin)
    if kind not in KINDS:
        hint = nearest(kind, list(KINDS))
        raise ConfigError(f"config: text_models: {origin} is a network of an unknown kind {kind!r}; {hint}")
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with quiet():
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
