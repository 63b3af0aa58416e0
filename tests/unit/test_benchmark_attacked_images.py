"""The runs of ``benchmarks/attacked_images.py`` differ in what is attacked alone."""

from modules import module_of
from wordsight.config.experiment import Config
from wordsight.config.load import validate


def test_runs_differ_in_the_attacked_images_alone():
    benchmark = module_of("benchmarks/attacked_images.py")
    default = dict(benchmark.experiments.default())
    few, more = (
        benchmark.experiments.attacking(names, images)
        for names, images in ((["digits"], 20), (["digits", "mnist"], 60))
    )
    validate(Config, {**default, "protocols": more})
    assert few["robustness"].pop("datasets") == {"digits": {"head": "fitted", "images": 20}}
    assert set(more["robustness"].pop("datasets")) == {"digits", "mnist"}
    assert few == more
