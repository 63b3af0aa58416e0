"""The runs that ``benchmarks/images_seen.py`` compares differ in the images seen alone, and its figure shows them."""

import pandas as pd
import pytest

from modules import module_of
from wordsight.config.experiment import Config
from wordsight.config.load import validate


@pytest.fixture(scope="module")
def benchmark():
    return module_of("benchmarks/images_seen.py")


def test_runs_differ_in_the_images_seen_alone(benchmark):
    default = dict(benchmark.experiments.default())
    few, many = ({**default, **benchmark.settings(images, 5)} for images in (7_500, 60_000))
    assert few["pretraining"].pop("images_seen") == 7_500
    assert many["pretraining"].pop("images_seen") == 60_000
    assert few == many
    validate(Config, {**few, "pretraining": {**few["pretraining"], "images_seen": 7_500}})
    assert set(few["protocols"]) == set(default["statistics"]["primary"])
    assert {section["seeds"] for section in few["pretraining"]["objectives"].values()} == {5}


def test_the_figure_has_a_panel_for_each_protocol_and_a_curve_for_each_contrast(benchmark):
    rows = [
        (contrast, protocol, 0, images, 0.01, -0.01, 0.03, "undecided")
        for contrast in ("captions-labels", "captions-shuffled")
        for protocol in ("few_shot", "transfer")
        for images in (7_500, 15_000)
    ]
    chart = benchmark.draw(pd.DataFrame(rows, columns=benchmark.COLUMNS)).to_dict()
    assert len(chart["concat"]) == 2
    drawn = [row for panel in chart["datasets"].values() for row in panel if "effect" in row]
    assert {(row["contrast"], row["images_seen"], row["effect"]) for row in drawn} == {
        (contrast, images, 1.0)
        for contrast in ("captions-labels", "captions-shuffled")
        for images in (7_500, 15_000)
    }
