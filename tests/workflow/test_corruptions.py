"""Corrupted images in a real run: made once, read by every encoder, and made anew only if they change."""

import pandas as pd
import pytest

TARGET = "results/corruptions/untrained-0/shapes.parquet"


@pytest.fixture
def project(fresh):
    """Small experiment that corrupts two images, of which nothing has run."""

    def add(config):
        config["protocols"]["corruptions"] = {
            "datasets": ["shapes"],
            "models": {"source": ["checkpoint", "random"]},
            "baseline": "saved",
            "kinds": ["contrast", "elastic_transform"],
            "severities": [2, 5],
            "images": 2,
            "pixels": 32,
            "regularisation": [1.0],
        }

    fresh.configure(add)
    return fresh


def test_every_encoder_reads_the_same_corrupted_images(project):
    jobs = project.snakemake(TARGET, warm=True).jobs
    assert {job for job in jobs if job[0] in ("corrupted_images", "corrupted_features", "corruptions")} == {
        ("corrupted_images", "shapes"),
        *(
            (rule, model, "shapes")
            for rule in ("corrupted_features", "corruptions")
            for model in ("saved", "untrained-0")
        ),
    }
    saved, untrained = (
        pd.read_parquet(project.path / f"results/corruptions/{model}/shapes.parquet")
        for model in ("saved", "untrained-0")
    )
    keys = ["metric", "parameter", "setting", "item"]
    assert saved[keys].equals(untrained[keys])
    assert set(zip(saved["parameter"], saved["setting"], strict=True)) == {
        ("", 0), ("severity", 0), *((name, s) for name in ("severity", "contrast", "elastic_transform") for s in (2, 5)),
    }  # fmt: skip
    assert saved["item"].nunique() == 3  # two images, and none for what is of the whole trial

    project.configure(lambda config: config["protocols"]["corruptions"].update(regularisation=[0.1]))
    assert {job[0] for job in project.snakemake("--dry-run", TARGET).jobs} == {"corruptions"}
    project.configure(lambda config: config["protocols"]["corruptions"].update(severities=[2]))
    assert {"corrupted_images", "corrupted_features", "corruptions"} <= {
        job[0] for job in project.snakemake("--dry-run", TARGET).jobs
    }
