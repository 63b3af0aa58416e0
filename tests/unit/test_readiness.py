"""What ``make fetch`` says: what a configuration needs, what of it is there, and what is wrong."""

import re
from pathlib import Path

import pytest
import yaml

from hand_made import dataset_card
from wordsight.checking.check_model import Report
from wordsight.config.load import load
from wordsight.config.models import RandomNetwork
from wordsight.downloads import lock
from wordsight.files.disk import write_json
from wordsight.models import building, card
from wordsight.workflow import readiness

ROOT = Path(__file__).resolve().parents[2]
FOLDER = {"source": "image_folder", "path": "data/images"}
HOST = "https://example.org"
CHECKPOINT = {
    "source": "checkpoint",
    "architecture": "timm/test_resnet",
    "preprocessing": {"image_size": 64, "resize": 64, "mean": [0.5] * 3, "std": [0.5] * 3},
    "language": "labels",
    "pretraining_images": 10,
}
CONFIG = {
    "datasets": {
        "images": FOLDER,
        "imagenet": {"source": "imagenet", "path": "data/imagenet"},
        "mnist": {"source": "torchvision", "name": "MNIST"},
    },
    "models": {
        "untrained": {"source": "random", "architecture": "timm/test_resnet", "seed": 0},
        "stated": {
            **CHECKPOINT,
            "url": f"{HOST}/stated.pth",
            "sha256": "0123456789",
            "classifier": "imagenet-1k",
            "top1": 76.1,
        },
        "unstated": {**CHECKPOINT, "url": [f"{HOST}/unstated.pth", f"{HOST}/mirror.pth"]},
        "own": {**CHECKPOINT, "path": "data/own.pth"},
    },
    "protocols": {"few_shot": {"datasets": ["images", "mnist", "imagenet"]}},
}
ERROR = "2026-01-01 12:00:00,000 ERROR {}\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project that has the user's own files."""
    monkeypatch.chdir(tmp_path)
    for path in ("data/images/train", "data/imagenet"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "data/own.pth").touch()
    return tmp_path


def config(**changes):
    return load({**CONFIG, **changes})


def needed(**changes):
    return {need.name: need for need in readiness.needs(config(**changes))}


def fetched(name, seed=0, **found):
    """Lay an encoder into the project, with what its check found."""
    section = RandomNetwork(source="random", architecture="timm/test_resnet", seed=seed)
    made = building.fetch(section, name, f"resources/models/{name}")
    Report({"photographs named": "3 of 20"}, **found).write(f"results/checks/{name}.json", made)
    return made


def logged(step, name, text):
    write = Path(f"logs/{step}/{name}.log")
    write.parent.mkdir(parents=True, exist_ok=True)
    write.write_text(text)


def inspected(name, **changes):
    need = needed(**changes)[name]
    readiness.inspect(need)
    return need


# What is needed


def test_images_are_prepared_encoders_checked_and_classifiers_measured_where_there_is_imagenet():
    found = {name: need.targets for name, need in needed().items()}
    assert found == {
        "images": ["resources/datasets/images/card.json"],
        "imagenet": ["resources/datasets/imagenet/card.json"],
        "mnist": ["resources/datasets/mnist/card.json"],
        "untrained": ["results/checks/untrained.json"],
        "stated": ["results/checks/stated.json", "results/checks/stated/imagenet.json"],
        "unstated": ["results/checks/unstated.json"],
        "own": ["results/checks/own.json"],
    }


def test_what_only_the_user_can_bring_is_a_problem_and_keeps_nothing_else_from_being_made(project):
    (project / "data/imagenet").rmdir()
    (project / "data/own.pth").unlink()
    found = needed()
    assert found["stated"].targets == ["results/checks/stated.json"]
    for need in found.values():
        readiness.inspect(need)
    lines = readiness.problems(list(found.values()))
    assert any(
        re.match(r"images imagenet: .*data/imagenet does not exist \(get it from https", line)
        for line in lines
    )
    assert any(line.startswith("encoder own: models.own.path: data/own.pth does not exist") for line in lines)


def test_models_that_the_workflow_trains_are_not_fetched():
    trained = {
        "images": "images",
        "architecture": "small/resnet_w4",
        "resolution": 16,
        "images_seen": 120,
        "batch_size": 12,
        "objectives": {"labels": {"seeds": 2}},
    }
    assert set(needed(pretraining=trained)) == set(needed())


# What became of it


def test_an_encoder_is_in_order_where_its_check_is_of_its_weights():
    made = fetched("untrained", cautions=["odd"])
    need = inspected("untrained")
    assert (need.state, need.problems, need.cautions) == (readiness.ODD, [], ["odd"])
    assert need.facts == [
        f"{made.feature_size:,} features of {made.preprocessing.image_size} pixels",
        "3 of 20",
    ]
    fetched("untrained", seed=0)
    assert inspected("untrained").state == readiness.OK
    section = RandomNetwork(source="random", architecture="timm/test_resnet", seed=1)
    building.fetch(section, "untrained", "resources/models/untrained")  # and its check did not run
    logged("check_model", "untrained", ERROR.format("models.untrained: its features are the same"))
    assert inspected("untrained").problems == ["models.untrained: its features are the same"]


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        (ERROR.format("a.pth: 404"), "a.pth: 404"),
        (ERROR.format("first") + ERROR.format("last"), "last"),
        (ERROR.format("stopped") + "Traceback (most recent call last):\n  x\nKeyError: 3\n", "its step ended with: KeyError: 3; see logs/model/unstated.log"),
        ("2026-01-01 12:00:00,000 INFO downloading\n", "its step ended with: 2026-01-01 12:00:00,000 INFO downloading; see logs/model/unstated.log"),
        ("", "it was not fetched, since its step did not run; run `make fetch` again"),
    ],
)  # fmt: skip
def test_what_was_not_made_is_a_problem_in_the_words_of_its_log(log, problem):
    if log:
        logged("model", "unstated", log)
    need = inspected("unstated")
    assert (need.state, need.problems) == (readiness.WRONG, [problem])
    assert readiness.problems([need]) == [f"encoder unstated: {problem}"]


def test_an_accuracy_that_is_not_the_published_one_is_a_problem_of_its_encoder():
    fetched("stated")
    logged("check_top1", "stated/imagenet", ERROR.format("models.stated: its classifier is right for 3%"))
    assert inspected("stated").problems == ["models.stated: its classifier is right for 3%"]
    made = card.read_network("resources/models/stated")
    Report({"top-1": "76.0% of 2,000 images"}).write("results/checks/stated/imagenet.json", made)
    need = inspected("stated")
    assert need.problems == []
    assert need.facts[1:] == ["3 of 20", "76.0% of 2,000 images"]


def test_prepared_images_say_how_many_they_are():
    write_json("resources/datasets/images/card.json", dataset_card("images").model_dump(mode="json"))
    need = inspected("images")
    assert need.state == readiness.OK
    assert re.fullmatch(r"\d+ classes, \d[\d,]* and \d[\d,]* images", need.facts[0])


# Who vouches for it


def test_who_vouches_for_a_file_is_said():
    found = {name: readiness.witness(need) for name, need in needed().items()}
    assert found == {
        "images": "you",
        "imagenet": "you",
        "mnist": "its publisher",
        "untrained": "no file",
        "stated": "the configuration",
        "unstated": readiness.FIRST_SEEN,
        "own": "you",
    }
    hub = {"source": "huggingface", "name": "owner/model", "language": "none", "pretraining_images": 1}
    models = {"moving": hub, "fixed": {**hub, "revision": "0a" * 20}, "packaged": {**hub, "source": "packaged", "name": "squeezenet1_1"}}  # fmt: skip
    found = {name: readiness.witness(need) for name, need in needed(models=models).items() if name in models}
    assert found == {
        "moving": readiness.FIRST_SEEN,
        "fixed": "a commit of the hub",
        "packaged": "the package's lock",
    }


def test_files_that_no_publisher_states_a_digest_of_are_listed_with_the_one_that_was_seen(monkeypatch):
    digests = [digit * 64 for digit in "abcdef"]
    lock.record(f"{HOST}/unstated.pth", digests[0])
    lock.record(f"{HOST}/stated.pth", digests[1])
    lock.record("hf://owner/model/model.safetensors", digests[2], "0" * 40)
    lock.record("hf://owner/model/config.json", digests[3], "0" * 40)
    lock.record("hf://owner/other/model.safetensors", digests[4], "0" * 40)
    hub = {"source": "timm", "name": "test_resnet.r160_in1k", "language": "none", "pretraining_images": 1}
    found = needed(models={**CONFIG["models"], "hub": hub})
    for name in ("stated", "unstated", "hub"):
        fetched(name)
        readiness.inspect(found[name])
    found["hub"].card = found["hub"].card.model_copy(update={"sha256": digests[2]})
    lines = readiness.first_seen(list(found.values()))
    assert sorted(lines) == [
        f"{digests[0]}  {HOST}/unstated.pth",
        f"{digests[2]}  hf://owner/model/model.safetensors (commit {'0' * 40})",
        f"{digests[3]}  hf://owner/model/config.json (commit {'0' * 40})",
    ]


# What is said


@pytest.fixture
def asked(project, monkeypatch, capsys):
    """Function that asks with some arguments: the status, and what was printed."""
    (project / "my.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))

    def main(*arguments):
        monkeypatch.setattr("sys.argv", ["readiness", "my.yaml", *arguments])
        return readiness.main(), capsys.readouterr().out

    return main


def test_targets_are_printed_for_snakemake(asked):
    status, said = asked("--targets")
    assert status == 0
    assert said.split() == [target for need in needed().values() for target in need.targets]


def test_the_table_has_a_line_for_each_and_every_problem_is_a_line(asked, project):
    for name in ("untrained", "own", "unstated"):
        fetched(name)
    lock.record(f"{HOST}/unstated.pth", "a" * 64)
    for name in ("images", "imagenet", "mnist"):
        card = dataset_card(name).model_dump(mode="json")
        write_json(f"resources/datasets/{name}/card.json", card)
    logged(
        "model",
        "stated",
        ERROR.format(f"{project}/w.pth: 404 at https://u:secret@example.org/w?token=secret"),
    )
    status, said = asked()
    assert status == 1
    lines = said.splitlines()
    assert [line.split()[:2] for line in lines[1:8]] == [
        ["images", "images"],
        ["images", "imagenet"],
        ["images", "mnist"],
        ["encoder", "untrained"],
        ["encoder", "stated"],
        ["encoder", "unstated"],
        ["encoder", "own"],
    ]
    assert [line for line in lines if line.startswith("wrong: ")] == [
        f"wrong: encoder stated: {project}/w.pth: 404 at https://u:secret@example.org/w?token=secret"
    ]
    details = (project / "results/fetch.txt").read_text()
    assert str(project) not in details
    assert "secret" not in details
    assert "encoder stated: ./w.pth: 404" in details
    assert f"{'a' * 64}  {HOST}/unstated.pth" in details
    assert "sha256: 0123456789" in details.replace("'", "")  # of what is wrong, the entry


def test_without_a_problem_the_status_says_so(asked, project):
    made = {name: fetched(name) for name in ("untrained", "own", "unstated", "stated")}
    Report({"top-1": "76.0%"}).write("results/checks/stated/imagenet.json", made["stated"])
    for name in ("images", "imagenet", "mnist"):
        write_json(f"resources/datasets/{name}/card.json", dataset_card(name).model_dump(mode="json"))
    status, said = asked()
    assert status == 0
    assert "wrong:" not in said
    assert "results/fetch.txt" in said
    assert "photographs named: 3 of 20" in (project / "results/fetch.txt").read_text()


def test_the_papers_text_models_and_corpus_are_needed_too(project):
    (project / "data/imagenet").rmdir()
    values = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    found = {(need.section, need.name): need for need in readiness.needs(load(values))}
    assert found["text_models", "gpt2"].targets == ["resources/text_models/gpt2/card.json"]
    assert readiness.witness(found["text_models", "gpt2"]) == readiness.FIRST_SEEN
    assert found["corpora", "enwiki"].targets == ["resources/corpora/enwiki/card.json"]
    assert (
        "results/checks/sin/imagenet.json" not in found["models", "sin"].targets
    )  # without a copy of ImageNet
    assert found["datasets", "imagenet"].missing
    stated = {name for section, name in found if section == "models" and found[section, name].values["top1"]}
    assert stated == {name for name, section in values["models"].items() if section.get("classifier")}
