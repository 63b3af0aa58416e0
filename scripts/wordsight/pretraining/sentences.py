"""Vectors of captions and class names, as :mod:`wordsight.pretraining.sentence_encoder` wrote them."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from wordsight.errors import DataError


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
        """Vectors (n, 384) of sentences; raises :class:`DataError` if one has no vector."""
        for sentence in sentences:
            if sentence not in self.rows:
                raise DataError(f"{self.name}: there is no vector of the sentence {sentence!r}")
        return self.vectors[[self.rows[sentence] for sentence in sentences]]

    @classmethod
    def read(cls, path: Path | str, name: str) -> "Sentences":
        """Read a file of sentences and their vectors."""
        try:
            with safe_open(path, framework="pt") as file:
                sentences = json.loads((file.metadata() or {})["sentences"])
                vectors = file.get_tensor("vectors")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise DataError(
                f"{path}: is not a file of sentences and their vectors, or is damaged ({error})"
            ) from None
        return cls(name, {sentence: row for row, sentence in enumerate(sentences)}, vectors)
