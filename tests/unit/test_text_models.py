"""Text models give class names the vectors that their own libraries give, and refuse files of something else."""

import gzip
import json
import re
import struct

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from fixtures import text as published
from wordsight.config.load import validate
from wordsight.config.text import HuggingfaceText, OpenClipText, TextModel, Word2vecText, Wording
from wordsight.downloads import fetching
from wordsight.downloads import hub as downloads_hub
from wordsight.errors import ConfigError, DataError, WordsightError
from wordsight.files.feature_sets import read_features, write_features
from wordsight.files.hashing import sha256
from wordsight.files.packages import package_folder
from wordsight.pretraining import sentence_encoder
from wordsight.text import reading
from wordsight.text.building import fetch
from wordsight.text.readers import open_clip as open_clip_text
from wordsight.text.sentence_vectors import phrases
from wordsight.text.sources import word2vec

CLASSES = published.CLASSES
SENTENCES = [f"a photo of {name.replace('_', ' ')}." for name in CLASSES]
GPT2, BERT = published.HUB


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Folders as the hub has them, by name."""
    root = tmp_path_factory.mktemp("hub")
    for name, write in published.HUB.items():
        write(root / name)
    return root


@pytest.fixture
def served(hub, monkeypatch):
    """Serve those folders in place of the hub, and note what was asked for."""
    asked = []

    def from_hub(repository, file, *, revision=None, kind="model"):
        asked.append((repository, file, revision))
        path = hub / repository / file
        if not path.is_file():
            raise fetching.DownloadError(f"{repository}: no {file}")
        return path

    monkeypatch.setattr(downloads_hub, "from_hub", from_hub)
    return asked


def features(directory, dataset, classes, wording):
    return reading.features(reading.load(directory), dataset, classes, wording)


def error_of(section, directory):
    """The one line with which fetching ends; nothing is left behind."""
    with pytest.raises(WordsightError) as error:
        fetch(section, "own", directory)
    assert not [path for path in directory.rglob("*") if path.is_file()]
    assert "\n" not in str(error.value)
    return str(error.value)


def hidden_states(folder, sentence):
    """Last layer (t, d), and where in the sentence each token stands, by transformers' own loader, alone."""
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(sentence, return_tensors="pt", return_offsets_mapping=True)
    offsets = tokens.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        return model(**tokens).last_hidden_state[0], offsets


def expected(folder, sentence, name, pooling):
    hidden, offsets = hidden_states(folder, sentence)
    first = sentence.index(name)
    letters = set(range(first, first + len(name)))
    named = [place for place, (start, end) in enumerate(offsets) if letters & set(range(start, end))]
    special = [end == start for start, end in offsets]
    places = {
        "mean": list(range(len(offsets))),
        "cls": [0],
        "last": [max(place for place, is_special in enumerate(special) if not is_special)],
        "class_name": named,
        "class_token": named[:1],
    }[pooling]
    return hidden[places].mean(dim=0)


# transformers


@pytest.mark.parametrize(
    ("repository", "pooling"),
    [
        *((GPT2, pooling) for pooling in ("class_name", "class_token", "mean", "last")),
        *((BERT, pooling) for pooling in ("class_name", "class_token", "mean", "last", "cls")),
    ],
)
def test_vectors_are_those_of_transformers(repository, pooling, hub, served, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name=repository), "own", tmp_path)
    found = features(tmp_path, "pets", CLASSES, Wording(pooling=pooling)).values
    names = [name.replace("_", " ") for name in CLASSES]
    wanted = [expected(hub / repository, *pair, pooling) for pair in zip(SENTENCES, names, strict=True)]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, torch.stack(wanted).numpy(), atol=1e-5, rtol=0)
    assert np.ptp(found, axis=0).max() > 0.01 or pooling == "last"


def test_the_paper_takes_the_token_at_a_place_that_it_counts(hub, tmp_path):
    """Of "a photo of a {class}." it takes token 4, and one further on since BERT begins with ``[CLS]``."""
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / BERT)), "own", tmp_path)
    wording = Wording(template="a photo of a {class}.", pooling="class_token")
    found = features(tmp_path, "pets", ["cat", "great white shark"], wording).values
    for name, vector in zip(["cat", "great white shark"], found, strict=True):
        hidden, _ = hidden_states(hub / BERT, f"a photo of a {name}.")
        np.testing.assert_allclose(vector, hidden[4 + 1].numpy(), atol=1e-5)


def test_the_hub_is_asked_for_the_revision_and_for_no_pickle(served, tmp_path):
    card = fetch(HuggingfaceText(source="huggingface", name=GPT2, revision="607a30d"), "gpt2", tmp_path)
    assert {(repository, revision) for repository, _, revision in served} == {(GPT2, "607a30d")}
    assert [file for _, file, _ in served] == [
        "config.json", "tokenizer_config.json", "tokenizer.json", "model.safetensors",
    ]  # fmt: skip
    assert card.origin == f"https://huggingface.co/{GPT2} 607a30d"
    assert (card.architecture, card.size, card.name) == ("huggingface/gpt2", 24, "gpt2")


def test_the_same_files_give_the_same_bytes_without_heads_and_masks(hub, tmp_path):
    for repository in published.HUB:
        section = HuggingfaceText(source="huggingface", name="x", path=str(hub / repository))
        cards = [fetch(section, "own", tmp_path / folder) for folder in "ab"]
        assert cards[0] == cards[1]
        assert cards[0].sha256 == sha256(hub / repository / "model.safetensors")
        names = load_file(tmp_path / "a" / "weights.safetensors").keys()
        assert not [name for name in names if re.match(r"cls|bert|pooler|h\.\d\.attn\.bias|.*gamma", name)]


def test_a_folder_may_have_the_vocabulary_in_place_of_the_tokenizer(hub, tmp_path):
    for repository in published.HUB:
        source, folder = hub / repository, tmp_path / repository
        folder.mkdir(parents=True)
        for file in source.iterdir():
            if file.name != "tokenizer.json":
                (folder / file.name).write_bytes(file.read_bytes())
        found = []
        for path in (source, folder):
            fetch(HuggingfaceText(source="huggingface", name="x", path=str(path)), "own", tmp_path / "out")
            found.append(features(tmp_path / "out", "pets", CLASSES, Wording()).values)
        np.testing.assert_allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (DistilBertModel, DistilBertConfig(vocab_size=30522, dim=16, n_heads=2, n_layers=1, hidden_dim=32)),
        (
            RobertaModel,
            RobertaConfig(
                vocab_size=300,
                hidden_size=16,
                num_attention_heads=2,
                num_hidden_layers=1,
                intermediate_size=32,
            ),
        ),
    ],
    ids=["distilbert", "roberta"],
)
def test_other_kinds_of_networks_are_read(network, config, hub, tmp_path):
    folder = tmp_path / "saved"
    network(config).save_pretrained(folder)
    tokenizer = hub / (BERT if config.vocab_size == 30522 else GPT2) / "tokenizer.json"
    (folder / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(folder)), "own", tmp_path / "out")
    model, tokens = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        wanted = model(**tokens(SENTENCES[0], return_tensors="pt")).last_hidden_state[0].mean(dim=0)
    found = features(tmp_path / "out", "pets", ["cat"], Wording(pooling="mean")).values[0]
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)


def test_a_published_network_of_full_size_is_read_as_the_sentence_encoder_reads_it(tmp_path):
    folder = package_folder(sentence_encoder.PACKAGE) / "model"
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(folder)), "own", tmp_path)
    found = torch.from_numpy(features(tmp_path, "pets", CLASSES, Wording(pooling="mean")).values)
    wanted = sentence_encoder.encode(SENTENCES)
    torch.testing.assert_close(torch.nn.functional.normalize(found, dim=1), wanted, atol=1e-5, rtol=0)


def _without(name):
    return lambda folder: (folder / name).unlink()


def _with(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def _without_tokenizer(folder):
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink()


def _other_config(**keys):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **keys}))

    return change


def _cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


HTML = b"<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without("config.json"), r"config\.json: .* missing"),
        (_without("model.safetensors"), r"model\.safetensors: .* missing"),
        (_without_tokenizer, r"tokenizer .* tokenizer\.json, vocab\.json and merges\.txt, vocab\.txt$"),
        (_with("config.json", HTML), r"expected a language model in config\.json \(no model_type\)"),
        (_with("model.safetensors", HTML), r"model\.safetensors: expected weights, but this is an HTML page"),
        (_with("tokenizer.json", HTML), r": expected a tokenizer \("),
        (_cut, r"model\.safetensors: truncated or damaged"),
        (_other_config(model_type="t5"), r"model type 't5' .*; valid: bert, distilbert, gpt2, roberta"),
        (_other_config(hidden_size=32), r"model\.safetensors: \d+ tensors are of a wrong shape"),
        (_other_config(num_hidden_layers=3), r"model\.safetensors: 16 tensors are missing: encoder\.layer\.2"),
        (_other_config(hidden_size="wide"), r"expected a language model in config\.json \("),
        (_other_config(vocab_size=100), r"expected a tokenizer of at most 100 words, found 30522"),
    ],
)  # fmt: skip
def test_a_bad_folder_is_named_in_one_line_and_leaves_nothing(change, words, tmp_path):
    published.write_bert(tmp_path / "bert")
    change(tmp_path / "bert")
    section = HuggingfaceText(source="huggingface", name="x", path=str(tmp_path / "bert"))
    assert re.search(words, error_of(section, tmp_path / "out"))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    section = HuggingfaceText(source="huggingface", name="x", path=str(tmp_path / "none"))
    assert error_of(section, tmp_path / "out").startswith(f"{tmp_path}/none/config.json: ")


def test_code_of_a_repository_never_runs(tmp_path):
    published.write_bert(tmp_path / "bert")
    _other_config(auto_map={"AutoConfig": "own.Config", "AutoModel": "own.Model"})(tmp_path / "bert")
    (tmp_path / "bert/own.py").write_text("raise SystemExit('ran')")
    fetch(
        HuggingfaceText(source="huggingface", name="x", path=str(tmp_path / "bert")), "own", tmp_path / "out"
    )
    assert not (tmp_path / "out/tokenizer/own.py").exists()


def test_another_digest_is_refused(hub, tmp_path):
    section = HuggingfaceText(source="huggingface", name="x", path=str(hub / GPT2), sha256="0" * 8)
    assert "expected SHA-256 00000000, found " in error_of(section, tmp_path / "out")


def test_gpt2_has_no_cls(hub, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / GPT2)), "own", tmp_path)
    with pytest.raises(ConfigError, match=r"^config: text_models: pooling: .*cls"):
        features(tmp_path, "pets", CLASSES, Wording(pooling="cls"))


def test_a_name_without_a_token_is_refused(hub, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / BERT)), "own", tmp_path)
    with pytest.raises(DataError, match=r"expected tokens of a class name in 'a photo of \.', found none"):
        features(tmp_path, "pets", ["cat", "_"], Wording())


# What every text model has


def test_a_changed_file_is_named_when_it_is_read(hub, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / GPT2)), "own", tmp_path)
    (tmp_path / "tokenizer/tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json: expected SHA-256 \w+, found SHA-256 \w+; delete"):
        features(tmp_path, "pets", CLASSES, Wording())
    (tmp_path / "weights.safetensors").unlink()
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(DataError, match=r"card\.json: .*\(name: Field required\)"):
        features(tmp_path, "pets", CLASSES, Wording())


def test_files_of_another_model_do_not_stay(hub, tmp_path):
    for repository in (GPT2, BERT):
        section = HuggingfaceText(source="huggingface", name="x", path=str(hub / repository))
        card = fetch(section, "own", tmp_path)
    here = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert here == {*card.files, "card.json"}


def test_a_dataset_without_classes_is_refused(hub, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / GPT2)), "own", tmp_path)
    with pytest.raises(DataError, match=r"^own on pets: .*no names of classes"):
        features(tmp_path, "pets", [], Wording())


def test_vectors_are_kept_with_their_classes(hub, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / GPT2)), "own", tmp_path)
    found = features(tmp_path, "pets", CLASSES, Wording())
    write_features(tmp_path / "pets.safetensors", found)
    read = read_features(tmp_path / "pets.safetensors")
    np.testing.assert_array_equal(read.values, found.values)
    assert (read.ids, read.labels.tolist()) == (CLASSES, [0, 1, 2, 3, 4])
    assert (read.metadata["text_model"], read.metadata["pooling"]) == ("own", "class_name")


def test_a_dataset_can_have_names_and_a_sentence_of_its_own(hub, tmp_path):
    fetch(HuggingfaceText(source="huggingface", name="x", path=str(hub / GPT2)), "own", tmp_path)
    wording = Wording(
        template="a photo of a {class}.",
        templates={"digits": "a photo of the number {class}."},
        names={"digits": ["zero", "one"]},
        pooling="class_token",
    )
    digits = features(tmp_path, "digits", ["0", "1"], wording)
    for name, vector in zip(["zero", "one"], digits.values, strict=True):
        wanted = expected(hub / GPT2, f"a photo of the number {name}.", name, "class_token")
        np.testing.assert_allclose(vector, wanted.numpy(), atol=1e-5)
    assert digits.ids == ["0", "1"]  # the classes of the dataset, whatever they are called
    other = features(tmp_path, "pets", ["0", "1"], wording)
    assert np.abs(other.values - digits.values).max() > 1e-3
    with pytest.raises(DataError, match=r"^own on digits: .* `names` has 2 names for 3 classes") as caught:
        features(tmp_path, "digits", ["0", "1", "2"], wording)
    assert "\n" not in str(caught.value)


def test_a_phrase_knows_where_the_name_stands():
    (phrase,) = phrases(["great_white  shark"], "the {class}, alive")
    assert (phrase.text, phrase.name) == ("the great white shark, alive", "great white shark")


# open_clip

TINY = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


def of_text(**keys):
    return {**TINY, "custom_text": True, "text_cfg": {**TINY["text_cfg"], **keys}}


@pytest.fixture
def tiny(monkeypatch):
    """Small models of open_clip by name: one whose text tower stands beside the other, and one where it is within."""
    configs = {
        "tiny": TINY,
        "tiny-quickgelu": {**TINY, "quick_gelu": True},
        "tiny-custom": {**TINY, "custom_text": True},
        # Towers in which padding matters: every token sees all others, or the vector is that of a token after it.
        "tiny-both-ways": of_text(no_causal_mask=True),
        "tiny-class-token": of_text(embed_cls=True),
        "tiny-hf": {
            **TINY,
            "text_cfg": {"hf_model_name": "roberta-base", "hf_tokenizer_name": "roberta-base"},
        },
    }
    for name, config in configs.items():
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, config)


def clip(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return open_clip.create_model(name).eval()


TINY_TOWERS = ("tiny", "tiny-quickgelu", "tiny-custom", "tiny-both-ways", "tiny-class-token")


@pytest.mark.parametrize("name", TINY_TOWERS)
@pytest.mark.parametrize("normalise", [False, True])
def test_vectors_are_those_of_open_clip(name, normalise, tiny, tmp_path):
    model = clip(name)
    torch.save(model.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    section = OpenClipText(source="open_clip", name=name, path=str(tmp_path / "open_clip_pytorch_model.bin"))
    card = fetch(section, "own", tmp_path / "out")
    assert (card.size, card.words, card.architecture) == (12, 49408, f"open_clip/{name}")
    found = features(tmp_path / "out", "pets", CLASSES, Wording(normalise=normalise)).values
    with torch.no_grad():
        wanted = model.encode_text(open_clip.get_tokenizer(name)(SENTENCES), normalize=normalise).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=0)
    assert np.ptp(found, axis=0).max() > 0.01


@pytest.mark.parametrize("name", TINY_TOWERS)
def test_padding_is_left_out_where_no_vector_depends_on_it(name, tiny, tmp_path, monkeypatch):
    torch.save(clip(name).state_dict(), tmp_path / "clip.pt")
    fetch(
        OpenClipText(source="open_clip", name=name, path=str(tmp_path / "clip.pt")), "own", tmp_path / "out"
    )
    tower, lengths = open_clip_text.tower_of(name), []
    tower.register_forward_pre_hook(lambda _, texts: lengths.append(texts[0].shape[1]))
    monkeypatch.setattr(open_clip_text, "tower_of", lambda _: tower)
    model = reading.load(tmp_path / "out")
    long, short = (
        reading.features(model, "pets", names, Wording()).values
        for names in (["grey tabby cat", "cat"], ["cat", "dog"])
    )
    np.testing.assert_allclose(short[0], long[1], atol=1e-5, rtol=0)
    whole = name in ("tiny-both-ways", "tiny-class-token")
    assert lengths == [77, 77] if whole else lengths[0] > lengths[1]


def test_the_image_tower_is_left_out(tiny, tmp_path):
    torch.save(clip("tiny").state_dict(), tmp_path / "clip.pt")
    fetch(
        OpenClipText(source="open_clip", name="tiny", path=str(tmp_path / "clip.pt")), "own", tmp_path / "out"
    )
    names = load_file(tmp_path / "out/weights.safetensors").keys()
    assert {name.split(".")[0] for name in names} == {
        "token_embedding", "positional_embedding", "transformer", "ln_final", "text_projection",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"name": "tinny", "path": "x.pt"}, "config: text_models: open_clip has no model 'tinny'; did you mean"),
        ({"name": "tiny"}, "config: text_models: tiny of open_clip: set `pretrained` or `path`"),
        ({"name": "tiny-hf", "path": "x.pt"}, "config: text_models: tiny-hf of open_clip: its text tower needs a tokenizer"),
        ({"name": "tiny", "path": "none.pt"}, "none.pt: expected weights, but there is no such file"),
    ],
)  # fmt: skip
def test_a_wrong_tower_is_named(keys, words, tiny, tmp_path):
    assert error_of(OpenClipText(source="open_clip", **keys), tmp_path / "out").startswith(words)


def test_a_file_of_another_width_is_refused(tiny, tmp_path):
    state = clip("tiny").state_dict()
    torch.save({**state, "ln_final.weight": torch.ones(20)}, tmp_path / "clip.pt")
    section = OpenClipText(source="open_clip", name="tiny", path=str(tmp_path / "clip.pt"))
    assert "ln_final.weight is 20 instead of 16" in error_of(section, tmp_path / "out")


# word2vec


def word2vec_section(path, **keys):
    return Word2vecText(source="word2vec", path=str(path), **keys)


def read_by_bytes(path):
    """Words and vectors of a binary file, number by number: nothing in common with the reader."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    line, _, rest = content.partition(b"\n")
    count, size = map(int, line.split())
    found = []
    for _ in range(count):
        rest = rest.lstrip(b"\n")
        word, _, rest = rest.partition(b" ")
        found.append((word.decode(), struct.unpack(f"<{size}f", rest[: 4 * size])))
        rest = rest[4 * size :]
    return found


@pytest.mark.parametrize(("name", "newline"), [("v.bin.gz", b""), ("v.bin", b""), ("v.bin", b"\n")])
def test_vectors_are_those_of_the_file(name, newline, tmp_path, monkeypatch):
    monkeypatch.setattr(word2vec, "CHUNK", 1000)  # less than one vector, which has 1,200 bytes
    path = tmp_path / name
    published.write_word2vec(path, newline=newline)
    card = fetch(word2vec_section(path), "news", tmp_path / "out")
    words = (tmp_path / "out/tokenizer/words.txt").read_text(encoding="utf-8").split("\n")
    vectors = load_file(tmp_path / "out/weights.safetensors")["vectors"]
    truth = read_by_bytes(path)
    assert words == [*(word for word, _ in truth), ""]
    assert torch.equal(vectors, torch.tensor([vector for _, vector in truth]))
    assert (card.size, card.words, card.sha256) == (300, len(truth), sha256(path))


def test_a_name_is_a_phrase_or_the_mean_of_its_words_and_unknown_ones_are_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("wordsight.logs.logger.propagate", True)
    published.write_word2vec(tmp_path / "v.bin.gz")
    fetch(word2vec_section(tmp_path / "v.bin.gz"), "news", tmp_path / "out")
    classes = ["great white_shark", "Siamese cat", "Fish", "zürich", "cat in space", "great_white"]
    found = features(tmp_path / "out", "pets", classes, Wording(template="{class}"))
    v = published.word_vectors()
    wanted = [
        v["great_white_shark"],
        (v["Siamese"] + v["cat"]) / 2,
        v["fish"],
        v["Zürich"],
        (v["cat"] + v["in"]) / 2,
        v["Great_White"],
    ]
    np.testing.assert_allclose(found.values, np.stack(wanted), atol=1e-6)
    assert json.loads(found.metadata["unknown_words"]) == ["space"]
    assert "news on pets: no vector of 1 words: space" in caplog.text


def test_a_class_of_which_no_word_is_known_has_no_vector_and_is_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("wordsight.logs.logger.propagate", True)
    published.write_word2vec(tmp_path / "v.bin.gz")
    fetch(word2vec_section(tmp_path / "v.bin.gz"), "news", tmp_path / "out")
    found = features(tmp_path / "out", "pets", ["okapi", "cat", "a", "fish"], Wording())
    v = published.word_vectors()
    np.testing.assert_array_equal(found.values, np.stack([v["cat"], v["fish"]]))
    assert (found.ids, found.labels.tolist()) == (["cat", "fish"], [1, 3])
    assert json.loads(found.metadata["unknown_classes"]) == ["okapi", "a"]
    assert "news on pets: no vector of 2 classes: okapi, a" in caplog.text
    with pytest.raises(
        DataError,
        match="news on pets: expected vectors of at least 2 classes, but 2 of 3 classes",
    ):
        features(tmp_path / "out", "pets", ["okapi", "cat", "a"], Wording())


def test_vectors_are_those_of_gensim(tmp_path):
    from gensim.models import KeyedVectors

    path = tmp_path / "GoogleNews-vectors-negative300.bin.gz"
    published.write_word2vec(path)
    fetch(word2vec_section(path), "news", tmp_path / "out")
    peer = KeyedVectors.load_word2vec_format(path, binary=True)
    words = (tmp_path / "out/tokenizer/words.txt").read_text(encoding="utf-8").splitlines()
    assert list(dict.fromkeys(words)) == peer.index_to_key[: len(set(words))]
    vectors = load_file(tmp_path / "out/weights.safetensors")["vectors"].numpy()
    for word in words:  # of a word that is there twice, the first counts
        np.testing.assert_array_equal(vectors[words.index(word)], peer[word])


def test_a_limit_keeps_the_first_words(tmp_path):
    published.write_word2vec(tmp_path / "v.bin")
    card = fetch(word2vec_section(tmp_path / "v.bin", limit=3), "news", tmp_path / "out")
    assert (tmp_path / "out/tokenizer/words.txt").read_text() == "</s>\nin\ncat\n"
    assert card.words == 3
    # What follows is not read, and may be missing.
    content = (tmp_path / "v.bin").read_bytes()
    (tmp_path / "v.bin").write_bytes(content[:5000])
    assert fetch(word2vec_section(tmp_path / "v.bin", limit=3), "news", tmp_path / "out").files == card.files


GOOD = b"2 2\ncat " + bytes(8) + b"dog " + bytes(8)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected word vectors in the binary format of word2vec, but this is an empty file"),
        (HTML, "but this is an HTML page"),
        (b"cat 0.1 0.2\n", "whose first line is two numbers, found b'cat 0.1 0.2\\n'"),
        (b"0 2\n", "whose first line is two numbers, found b'0 2\\n'"),
        (b"2\n", "whose first line is two numbers, found b'2\\n'"),
        (b"9" * 900, "whose first line is two numbers"),
        (GOOD[:-3], "expected 2 words, but the file ends within word 2"),
        (GOOD[:4], "expected 2 words, but the file ends within word 1"),
        (GOOD + b"more", "does not end after its 2 words of 2 numbers"),
        (b"1 2\n" + b"x" * 5000, "expected a word before vector 1, found 2000 bytes"),
        (b"1 2\n " + bytes(8), "expected a word before vector 1, found b''"),
        (b"1 2\na\nb " + bytes(8), "expected a word before vector 1, found b'a\\nb'"),
        (gzip.compress(GOOD, mtime=0)[:-12], "truncated or damaged"),
        (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "truncated or damaged"),
    ],
)
def test_bad_vectors_are_named_in_one_line_and_leave_nothing(content, words, tmp_path):
    path = tmp_path / "v.bin"
    path.write_bytes(content)
    line = error_of(word2vec_section(path), tmp_path / "out")
    assert line.startswith(f"{path}: ")
    assert words in line


def test_where_to_get_a_file_by_hand_is_said(tmp_path):
    path = tmp_path / "none.bin.gz"
    section = word2vec_section(path, by_hand="https://code.google.com/archive/p/word2vec/")
    assert error_of(section, tmp_path / "out") == (
        f"{path}: expected word vectors in the binary format of word2vec, but there is no such file; "
        "get it from https://code.google.com/archive/p/word2vec/"
    )


def test_a_file_with_an_address_is_downloaded_and_another_digest_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "v.bin"
    path.write_bytes(GOOD)
    asked = []
    monkeypatch.setattr(fetching, "fetch", lambda urls, **keys: asked.append((urls, keys)) or path)
    section = Word2vecText(source="word2vec", url="https://example.org/v.bin", sha256="ab" * 8)
    card = fetch(section, "own", tmp_path / "out")
    assert asked[0][0] == ["https://example.org/v.bin"]
    assert asked[0][1]["sha256"] == "ab" * 8
    assert card.origin == "https://example.org/v.bin"
    line = error_of(word2vec_section(path, sha256="0" * 64), tmp_path / "out")
    assert line == f"{path}: expected SHA-256 {'0' * 64}, found {sha256(path)}"


def test_a_section_without_its_wording_is_complete():
    for section in (
        HuggingfaceText(source="huggingface", name=GPT2, pooling="last", template="{class}"),
        OpenClipText(source="open_clip", name="ViT-B-32", normalise=True),
    ):
        files = validate(TextModel, section.model_dump(exclude=set(Wording.model_fields)))
        wording = validate(Wording, section.model_dump(include=set(Wording.model_fields)))
        assert files.name == section.name
        assert wording.template == section.template


def test_a_pickle_is_not_read(hub, tmp_path):
    folder = tmp_path / "gpt2"
    published.write_gpt2(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WordsightError, match=r"model\.safetensors: .* missing"):
        fetch(HuggingfaceText(source="huggingface", name="x", path=str(folder)), "own", tmp_path / "out")
