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
from wordsight.text.sentence_vectors import Encode, Phrase

KINDS = ("bert", "distilbert", "gpt2", "roberta")


def load(directory: Path, card: TextCard, device: str) -> Encode:
    """Read the model; the result makes vectors. No word is unknown, since a tokenizer splits words."""
    model, tokenizer = build(directory / TOKENIZER, card.origin)
    path = directory / WEIGHTS
    tensors.fit(tensors.read_safetensors(path), model.state_dict(), str(path))
    model = model.eval().to(resolve_device(device))

    def encode(phrases: Sequence[Phrase], wording: Wording) -> tuple[np.ndarray, list[str]]:
        return sentence_vectors.encode(model, tokenizer, phrases, wording.pooling).numpy(), []

    return encode


def build(folder: Path, origin: str) -> tuple[Any, Any]:
    """Network with its initial weights, and tokenizer, from the files in a folder."""
    kind = _kind(folder / "config.json", origin)
    if kind not in KINDS:
        hint = nearest(kind, list(KINDS))
        raise ConfigError(f"config: text_models: {origin}: the model type {kind!r} is not supported; {hint}")
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
        except Exception as error:  # the same is true of tokenizers
            raise DataError(f"{origin}: expected a tokenizer ({first_line(error)})") from None
    limit = model.config.vocab_size
    if len(tokenizer) > limit:
        raise DataError(f"{origin}: expected a tokenizer of at most {limit} words, found {len(tokenizer)}")
    if tokenizer.pad_token is None:  # as for GPT-2; any token will do, since padding is masked
        tokenizer.pad_token = tokenizer.eos_token
    if hasattr(model, "pooler"):
        model.pooler = None
    return model, tokenizer


def _kind(path: Path, origin: str) -> str:
    """Model type that ``config.json`` states, read before transformers reads the file."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["model_type"])
    except (ValueError, KeyError, TypeError):
        raise WeightsError(f"{origin}: expected a language model in config.json (no model_type)") from None
