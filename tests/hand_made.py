"""Small tables and cards by hand, for the tests of what people look at."""

import json

import pandas as pd

from wordsight.figures import export, summary, transfer
from wordsight.figures.data import Tables
from wordsight.report.page import Figure, write_report
from wordsight.report.run import Run
from wordsight.statistics.pairs import Comparison

EPSILONS = [0.001, 0.01, 1.0]
PROTOCOLS = ("clustering", "few_shot", "transfer", "robustness")


def row(protocol, model, dataset, metric, value, parameter="", setting=0.0, **changes):
    """One row of results.csv."""
    return {
        "protocol": protocol, "model": model, "dataset": dataset, "mode": "sound", "metric": metric,
        "parameter": parameter, "setting": setting, "value": value, "stderr": 0.02, "n": 200, "unit": "items",
        "trials": 1, "seed": 0, "statistic": "mean", "source": "random", "architecture": "timm/net",
        "language": "none", "pretraining_data": "none", "pretraining_images": 0, "robust": False, **changes,
    }  # fmt: skip


def results(models=("first", "second"), datasets=("shapes", "toys"), protocols=PROTOCOLS, shots=(1, 5)):
    """Rows of every protocol, with values that differ between models and datasets."""
    rows = []
    for place, model in enumerate(models):
        for shift, dataset in enumerate(datasets):
            value = 0.5 + 0.01 * place + 0.1 * (shift % 3)
            whole = {"n": 1, "unit": "trials", "stderr": float("nan")}
            rows += [
                row("clustering", model, dataset, "accuracy", value),
                row("clustering", model, dataset, "nmi", value, n=5, unit="trials", trials=5),
                row("transfer", model, dataset, "accuracy", value),
                row("transfer", model, dataset, "converged", 1.0, **whole),
                *(row("few_shot", model, dataset, "accuracy", value, "shots", s, trials=20) for s in shots),
                *(
                    row("robustness", model, dataset, "accuracy", value * (1 - e), "epsilon", e)
                    for e in (0.0, *EPSILONS)
                ),
                row("robustness", model, dataset, "robust_area", value / 2),
                *(row("robustness", model, dataset, m, 0.0, **whole) for m in CHECKS),
            ]
    return pd.DataFrame([r for r in rows if r["protocol"] in protocols])


CHECKS = ("zero_gradient", "randomised", "softmax_outputs", "unbroken_at_largest")


def effect(protocol="transfer", dataset="", effect=0.2, low=0.1, high=0.3, verdict="higher", **changes):
    """One row of contrasts.csv; without a dataset, the pooled one."""
    return {
        "contrast": "language", "protocol": protocol, "mode": "sound", "metric": "accuracy", "parameter": "",
        "setting": 0.0, "scope": "dataset" if dataset else "pooled", "dataset": dataset, "effect": effect,
        "low": low, "high": high, "verdict": verdict, "holds_for": "such models", "treatment": 0.5 + effect,
        "control": 0.5, "confidence": 0.95, "interval": "percentile bootstrap", "resampled": "items",
        "resamples": 2000, "seed": 0, "n_pairs": 1, "n_treatments": 1, "n_controls": 1, "replicates": 6,
        "n_datasets": 1 if dataset else 2, "n_trials": 1, "n_items": 200 if dataset else 400, **changes,
    }  # fmt: skip


def contrasts(*rows):
    """Rows of contrasts.csv: those given, or one pooled over two datasets that disagree."""
    some = [effect(), effect(dataset="shapes"), effect(dataset="toys", low=-0.1, verdict="undecided")]
    return pd.DataFrame(list(rows) or some)


def no_contrasts():
    """An empty contrasts.csv."""
    return contrasts().iloc[:0]


def tables(models=("first", "second"), datasets=("shapes", "toys"), compared=None, **options):
    """What figures are drawn from, without a contrast unless given."""
    return Tables(
        results(models, datasets, **options),
        no_contrasts() if compared is None else compared,
        dict.fromkeys(datasets, 4),
        list(models),
    )


def model_card(name, language="labels", images=1000, **changes):
    """Card of a model."""
    return {
        "name": name, "source": "checkpoint", "architecture": "timm/net", "origin": "file", "licence": "MIT",
        "sha256": "a" * 64, "weights_sha256": "b" * 64, "feature_size": 8, "parameters": 1_000_000,
        "preprocessing": {
            "image_size": 64, "resize": 64, "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3,
        },
        "classifier": None, "seed": None, "language": language, "pretraining_images": images,
        "pretraining_data": "some images", "robust": False, **changes,
    }  # fmt: skip


def dataset_card(name, exact=0, near=0, **changes):
    """Card of a dataset."""
    return {
        "name": name, "source": "image_folder", "origin": "folder", "licence": "CC BY 4.0",
        "classes": ["a", "b", "c", "d"], "label_space": None, "captions": False,
        "splits": {s: {"items": 200, "sha256": "c" * 64} for s in ("train", "test")},
        "mean": [0.5] * 3, "std": [0.5] * 3,
        "duplicates": {"exact": exact, "near": near, "threshold": 4}, **changes,
    }  # fmt: skip


def make_run(languages=("captions", "labels"), compared=None, rows=None, title="Does it help?", **changes):
    """Outcome of a small configuration of two models, the first of them the treatment of ``language``."""
    models = [
        model_card(name, language) for name, language in zip(("first", "second"), languages, strict=True)
    ]
    config = {
        "title": title, "seed": 0, "datasets": {"shapes": {}, "toys": {}},
        "protocols": {
            "clustering": {"seeds": 5}, "few_shot": {"shots": [1, 5], "trials": 20},
            "transfer": {"validation_fraction": 0.2, "epochs": 20},
            "robustness": {"epsilons": EPSILONS, "steps": 20},
        },
        "statistics": {"confidence": 0.95, "resamples": 2000},
    }  # fmt: skip
    values = {
        "results": results() if rows is None else rows,
        "contrasts": contrasts() if compared is None else compared,
        "models": {card["name"]: card for card in models},
        "datasets": {name: dataset_card(name) for name in ("shapes", "toys")},
        "comparisons": [comparison()],
        "config": config,
        **changes,
    }
    return Run(**values)


def comparison(
    name="language", question="Do captions help?", pairs=(("first", "second"),), groups=("timm/net",)
):
    """A contrast with its models."""
    return Comparison(name=name, question=question, pairs=list(pairs), groups=list(groups))


def written(run, drawn, folder, downloads=(), modules=(transfer, summary)):
    """Text of the report of a run, whose figures are drawn from some tables."""
    figures = []
    for module in modules:
        name = module.__name__.rsplit(".", 1)[-1]
        paths = {kind: folder / f"{name}.{kind}" for kind in ("json", "svg", "png", "pdf")}
        export.save(module.draw(drawn), **paths)
        spec = json.loads(paths["json"].read_text(encoding="utf-8"))
        figures.append(Figure(name, f"Caption of {name}.", paths["svg"].read_text(encoding="utf-8"), spec))
    path = folder / "report.html"
    write_report(
        path, run, figures, list(downloads), benchmarks=folder / "none", digests={"few_shot": "0123"}
    )
    return path.read_text(encoding="utf-8")
