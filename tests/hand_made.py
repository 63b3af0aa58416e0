"""Small tables and cards by hand, for the tests of what people look at."""

import json

import pandas as pd

from wordsight.catalogue import objectives, protocols
from wordsight.catalogue.cells import ALL_NEW, CELLS
from wordsight.datasets.card import DatasetCard
from wordsight.figures import export
from wordsight.figures.drawing import draw
from wordsight.models.card import ModelCard, TrainingCard
from wordsight.report.page import Figure, write_report
from wordsight.report.run import Run
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.self_checks import ATTACK_CHECKS
from wordsight.tables.reading import Tables

EPSILONS = [0.001, 0.01, 1.0]
CROSSED = ("cross_style_few_shot", "cross_style_probe", "cross_style_retrieval")
PROTOCOLS = ("clustering", "few_shot", "transfer", "robustness")


def row(protocol, model, dataset, metric, value, parameter="", setting=0.0, **changes):
    """One row of results.csv."""
    return {
        "protocol": protocol, "model": model, "dataset": dataset, "mode": "sound", "metric": metric,
        "parameter": parameter, "setting": float(setting), "value": value, "stderr": 0.02, "n": 200, "unit": "items",
        "trials": 1, "seed": 0, "statistic": "mean", "source": "random", "architecture": "timm/net",
        "language": "none", "pretraining_data": "none", "pretraining_images": 0, "robust": False,
        "objective": "", "training_seed": pd.NA, **changes,
    }  # fmt: skip


def results(models=("first", "second"), datasets=("shapes", "toys"), protocols=PROTOCOLS, shots=(1, 5)):
    """Rows of every protocol, with values that differ between models and datasets."""
    return pd.DataFrame([r for r in result_rows(models, datasets, shots) if r["protocol"] in protocols])


def result_rows(models, datasets, shots):
    """Rows of the four protocols that take any dataset."""
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
    return rows


CHECKS = (*ATTACK_CHECKS, "unbroken_at_largest")


def effect(protocol="transfer", dataset="", effect=0.2, low=0.1, high=0.3, verdict="helps", **changes):
    """One row of contrasts.csv; without a dataset, the pooled one.

    The row over all datasets decides, and across styles the one where all is new, unless the family is empty.
    """
    pooled = protocol not in CROSSED and not dataset
    family = changes.get("family", "all" if pooled or (protocol in CROSSED and dataset == ALL_NEW) else "")
    adjusted = (lambda p: min(2 * p, 1.0)) if family else (lambda _: float("nan"))
    margin = changes.get("margin", 0.03)
    undecided = verdict == "undecided"
    p_value, p_equivalence = (0.2 if undecided else 0.001), (0.001 if verdict == "equivalent" else 0.9)
    return {
        "contrast": "language", "protocol": protocol, "mode": "sound", "metric": protocols.PROTOCOLS[protocol].primary if protocol in protocols.PROTOCOLS else "accuracy",
        "parameter": "", "setting": 0.0, "scope": "dataset" if dataset else "pooled", "dataset": dataset,
        "effect": effect, "low": low, "high": high, "verdict": verdict,
        "reason": "overlap" if undecided else "", "holds_for": "such models", "treatment": 0.5 + effect,
        "control": 0.5, "confidence": 0.95, "interval": "variance components, Student t",
        "bootstrap_low": low, "bootstrap_high": high, "resampled": "items", "resamples": 2000, "seed": 0,
        "n_pairs": 1, "n_treatments": 1, "n_controls": 1, "replicate": "matched groups", "replicates": 6,
        "n_datasets": 1 if dataset else 2, "n_trials": 1, "n_items": 200 if dataset else 400, "stderr": 0.04,
        "df": 5.0, "p_value": p_value, "p_equivalence": p_equivalence, "margin": margin,
        "smallest_margin": max(abs(low), abs(high)), "main": bool(family), "decides": bool(family),
        "comparisons": 2 if family else 1, "p_worse": 0.01, "p_equivalent": 0.04, "p_better": 0.95,
        "p_superior": 0.9, "encoders_stderr": 0.02, "encoders_df": 199.0, "encoders_low": low,
        "encoders_high": high, "encoders_p": p_value, "encoders_p_equivalence": p_equivalence,
        "encoders_verdict": {"helps": "higher", "hurts": "lower"}.get(verdict, verdict),
        "over_datasets_low": float("nan"), "over_datasets_high": float("nan"),
        "datasets_found": float("nan") if dataset else 2.0, "collapsed": "", "n_clusters": 200 if dataset else 400, "family": family, "p_adjusted": adjusted(p_value),
        "p_equivalence_adjusted": adjusted(p_equivalence), "look": "", "level": 0.05,
        "minimum_detectable": 0.14,
        "more_replicates": 12.0 if undecided else float("nan"), "chance": 0.25, "untrained": 0.3,
        "relative": effect / 0.2, "flags": "", **changes,
    }  # fmt: skip


def plan_row(needed=21.0, **changes):
    """One row of plan.csv, which goes with the pooled row of :func:`effect`."""
    return {
        "contrast": "language", "protocol": "transfer", "mode": "sound", "metric": "accuracy", "parameter": "",
        "setting": 0.0, "family": "all", "primary": True, "verdict": "undecided", "margin": 0.03,
        "replicate": "models", "replicates": 6, "n_clusters": 400, "power": 0.3, "needed": needed,
        "needed_low": needed - 5, "needed_high": needed + 15, "images": 400.0, "images_alone": float("inf"),
        "confidence": 0.95, **changes,
    }  # fmt: skip


def recall_row(**changes):
    """One row of recall.csv."""
    return {
        "protocol": "transfer", "model": "first", "dataset": "shapes", "mode": "sound", "parameter": "",
        "setting": 0.0, "label": 0, "class": "a", "value": 0.6, "stderr": 0.02, "n": 50, "trials": 1, **changes,
    }  # fmt: skip


def sensitivity(
    analysis="random effects over datasets", left_out="", effect=0.2, low=0.1, high=0.3, **changes
):
    """One row of sensitivity.csv, which goes with the pooled row of :func:`effect`."""
    return {
        "contrast": "language", "protocol": "transfer", "mode": "sound", "metric": "accuracy", "parameter": "",
        "setting": 0.0, "analysis": analysis, "left_out": left_out, "effect": effect, "low": low, "high": high,
        "p_value": 0.001, "verdict": "helps", "heterogeneity": 0.4 if "random" in analysis else float("nan"),
        "n": 2, "note": "", **changes,
    }  # fmt: skip


def contrasts(*rows):
    """Rows of contrasts.csv: those given, or one pooled over two datasets that disagree."""
    some = [effect(), effect(dataset="shapes"), effect(dataset="toys", low=-0.1, verdict="undecided")]
    frame = pd.DataFrame(list(rows) or some)
    sizes = frame.groupby("family")["family"].transform("size").where(frame["family"] != "", 1)
    return frame.assign(comparisons=sizes)


def conclusions(*rows, name="meaning", question="Does meaning help?"):
    """Rows of conclusions.csv: a protocol and a verdict each, with the contrast that shows it least."""
    return pd.DataFrame(
        [
            {
                "conclusion": name, "question": question, "protocol": protocol, "mode": "sound",
                "metric": protocols.PROTOCOLS[protocol].primary, "parameter": "", "setting": 0.0,
                "verdict": verdict, "weakest": weakest, "p_value": 0.001 if verdict == "shown" else 0.3,
                "comparisons": len(rows), "p_adjusted": 0.002 if verdict == "shown" else 0.6, "level": 0.05,
            }
            for protocol, verdict, weakest in rows
        ]
    )  # fmt: skip


def no_contrasts():
    """An empty contrasts.csv."""
    return contrasts().iloc[:0]


def tables(models=("first", "second"), datasets=("shapes", "toys"), compared=None, **options):
    """What figures are drawn from, without a contrast unless given."""
    rows = results(models, datasets, **options)
    return Tables(
        rows,
        no_contrasts() if compared is None else compared,
        dict.fromkeys(datasets, 4),
        list(models),
        objective_means(rows),
        guessing=dict.fromkeys(datasets, 0.25),
    )


def model_card(name, language="labels", images=1000, **changes):
    """Card of a model."""
    values = {
        "name": name, "source": "checkpoint", "architecture": "timm/net", "origin": "file", "licence": "MIT",
        "sha256": "a" * 64, "weights_sha256": "b" * 64, "feature_size": 8, "places": {"pooled": 8},
        "features": "pooled", "parameters": 1_000_000,
        "preprocessing": {
            "image_size": 64, "resize": 64, "interpolation": "bicubic", "squash": False,
            "mean": [0.5] * 3, "std": [0.5] * 3,
        },
        "classifier": None, "seed": None, "language": language, "pretraining_images": images,
        "pretraining_data": "some images", "robust": False, **changes,
    }  # fmt: skip
    return ModelCard(**values)


def dataset_card(name, exact=0, near=0, **changes):
    """Card of a dataset with equally many images of each class, unless given."""
    classes = changes.get("classes", ["a", "b", "c", "d"])
    size = {
        "items": 200,
        "sha256": "c" * 64,
        "images_per_class": [200 // len(classes)] * len(classes) if classes else [],
    }
    values = {
        "name": name, "source": "image_folder", "origin": "folder", "licence": "CC BY 4.0",
        "classes": classes, "label_space": None, "captions": False, "splits": {"train": size, "test": size},
        "mean": [0.5] * 3, "std": [0.5] * 3,
        "duplicates": {"exact": exact, "near": near, "threshold": 4}, **changes,
    }  # fmt: skip
    return DatasetCard(**values)


def make_run(languages=("captions", "labels"), compared=None, rows=None, title="Does it help?", **changes):
    """Outcome of a small configuration of two models, the first of them the treatment of ``language``."""
    models = [
        model_card(name, language) for name, language in zip(("first", "second"), languages, strict=True)
    ]
    config = {
        "title": title, "seed": 0, "datasets": {"shapes": {}, "toys": {}},
        "protocols": {
            "clustering": {"datasets": ["shapes", "toys"], "seeds": 5},
            "few_shot": {"datasets": ["shapes", "toys"], "shots": [1, 5], "trials": 20},
            "transfer": {
                "datasets": ["shapes", "toys"], "regularisation": [0.1, 1.0, 10.0], "validation_fraction": 0.2,
                "epochs": 20,
            },
            "robustness": {
                "epsilons": EPSILONS, "steps": 20, "targeted": False,
                "datasets": {"shapes": {"head": "fitted", "images": 20}},
            },
        },
        "contrasts": {"language": {"match": ["architecture"]}},
        "statistics": {
            "confidence": 0.95, "resamples": 2000, "power": 0.8, "families": {},
            "margins": {"accuracy": 0.03, "robust_area": 0.03, "recall_at_1": 0.03},
        },
    }  # fmt: skip
    rows = results() if rows is None else rows
    values = {
        "results": rows,
        "contrasts": contrasts() if compared is None else compared,
        "models": {card.name: card for card in models},
        "datasets": {name: dataset_card(name) for name in ("shapes", "toys")},
        "comparisons": [comparison()],
        "config": config,
        "objectives": objective_means(rows),
        **changes,
    }
    return Run(**values)


def complete(**changes):
    """Run whose contrast covers every protocol on both datasets, so that nothing is to be warned of."""
    rows = [effect(name, dataset) for name in PROTOCOLS for dataset in ("", "shapes", "toys")]
    return make_run(compared=contrasts(*rows), **changes)


def comparison(
    name="language", question="Do captions help?", pairs=(("first", "second"),), groups=("timm/net",)
):
    """A contrast with its models."""
    return Comparison(name=name, question=question, pairs=list(pairs), groups=list(groups))


def written(run, drawn, folder, downloads=(), names=("transfer", "summary")):
    """Text of the report of a run, whose figures are drawn from some tables."""
    figures = []
    for name in names:
        paths = {kind: folder / f"{name}.{kind}" for kind in ("json", "svg", "png", "pdf")}
        export.save(draw(name, drawn), **paths)
        spec = json.loads(paths["json"].read_text(encoding="utf-8"))
        svg, pdf = paths["svg"].read_text(encoding="utf-8"), paths["pdf"].read_bytes()
        figures.append(Figure(name, f"Caption of {name}.", svg, spec, pdf))
    path = folder / "report.html"
    write_report(
        path, run, figures, list(downloads), benchmarks=folder / "none", digests={"few_shot": "0123"}
    )
    return path.read_text(encoding="utf-8")


# Models that the workflow trained: every objective from several seeds, beside an ordinary one.

OBJECTIVES = list(objectives.OBJECTIVES)
# Objectives of the two sides of several contrasts, some of them about language.
PAIRS = [
    ("captions_contrastive", "labels"),
    ("captions_contrastive", "captions_shuffled"),
    ("labels", "untrained"),
    ("captions_targets", "simclr"),
    ("captions_contrastive", "untrained"),
    ("captions_contrastive", "class_names"),
    ("adversarial", "labels"),
]


def trained(objectives=OBJECTIVES, seeds=3):
    """Objective and seed of each trained model."""
    return {f"{objective}-{seed}": (objective, seed) for objective in objectives for seed in range(seeds)}


def level(objective, seed=0):
    """A value that differs between objectives and, a little, between seeds."""
    place = OBJECTIVES.index(objective) if objective in OBJECTIVES else 6
    return 0.25 + 0.03 * (place * 5 % 13) + 0.01 * (seed - 1)


def trained_results(models=None, datasets=("shapes", "toys"), shots=(1, 5), protocols=PROTOCOLS + CROSSED):
    """Rows of every protocol, of trained models and of the ordinary one ``first``."""
    rows = result_rows(["first"], datasets, shots)
    models = trained() if models is None else models
    for model, (objective, seed) in models.items():
        for found in result_rows([model], datasets, shots):
            if found["metric"] in ("accuracy", "nmi", "robust_area"):
                found["value"] += level(objective, seed) - 0.5
            rows.append(found | {"objective": objective, "training_seed": seed})
    for model, pair in ({"first": ("", 0)} | models).items():
        rows += crossed_rows(model, *pair, shots)
    frame = pd.DataFrame([r for r in rows if r["protocol"] in protocols])
    return frame.astype({"training_seed": "Int64"})


def crossed_rows(model, objective, seed, shots=(1, 5)):
    """Rows of the protocols across styles of one model, in all four cells."""
    rows = []
    for place, cell in enumerate(CELLS):
        common = {
            "n": 120,
            "trials": 6,
            "objective": objective,
            "training_seed": seed if objective else pd.NA,
        }
        value = level(objective, seed) - 0.05 * place
        rows += [
            *(
                row("cross_style_few_shot", model, cell, "accuracy", value - 0.1 / s, "shots", s, **common)
                for s in shots
            ),
            row("cross_style_probe", model, cell, "accuracy", value, **common),
            row("cross_style_retrieval", model, cell, "recall_at_1", value / 2, **common),
            *(row(name, model, cell, "chance", 0.1, **common | {"unit": "trials"}) for name in CROSSED),
        ]
    return rows


def objective_means(rows):
    """Rows of objectives.csv that go with rows of results.csv."""
    records = rows["protocol"].map(protocols.PROTOCOLS.get)
    shown = [
        metric == record.primary or (metric, parameter) == record.drawing.curves
        for record, metric, parameter in zip(records, rows["metric"], rows["parameter"], strict=True)
    ]
    rows = rows[shown].assign(scope="dataset", place=rows["dataset"])
    rows["group"] = rows["objective"].where(rows["objective"] != "", rows["model"])
    pooled = rows[~rows["dataset"].isin(list(CELLS))].assign(scope="pooled", dataset="")
    keys = ["protocol", "mode", "metric", "parameter", "setting", "scope", "dataset", "group"]
    by_group = pd.concat([rows, pooled]).groupby(keys, sort=False)
    value, counts = by_group["value"].mean(), by_group[["model", "place"]].nunique()
    means = by_group.agg(n_trials=("trials", "min"), n_items=("n", "max")).assign(
        value=value, low=value - 0.04, high=value + 0.04, seeds=counts["model"], holds_for="these models",
        confidence=0.95, interval="variance components, Student t", resampled="seeds, trials, items",
        seed=0, n_datasets=counts["place"], learned=counts["model"].astype("Int64"),
    )  # fmt: skip
    return means.reset_index()


# What they are asked has no answer for a concept that they have not met.
NEVER_HELD_OUT = ("captions_shuffled", "captions_shuffled_within_class", "concept_labels")


def learning_curves(models=None, epochs=8):
    """Learning curves of trained models, as figures read them."""
    models = trained() if models is None else models
    rows = [
        {
            "group": objective, "model": model, "epoch": epoch, "loss": loss * (1 + 0.02 * seed),
            "held_out_loss": float("nan") if objective in NEVER_HELD_OUT else 1.1 * loss,
        }
        for model, (objective, seed) in models.items()
        if objective != "untrained"
        for epoch in range(epochs)
        for loss in [level(objective) * 8 / (1 + epoch) + 0.5]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def training_card(objective, seed, learned=True, **changes):
    """What a card says of a training by the workflow."""
    card = {
        "objective": objective, "seed": seed, "images": 900, "images_seen": 40_000, "flops": 2_500_000_000_000,
        "learning_rate": 0.003, "final_loss": 0.5 + 0.1 * seed, "measure": "nearest caption of 512",
        "measured": 0.4 if learned else 0.012, "at_start": 0.01, "chance": 0.01, "learned": learned, **changes,
    }  # fmt: skip
    nothing = {"images": 0, "images_seen": 0, "flops": 0}
    nothing |= dict.fromkeys(
        ["learning_rate", "final_loss", "measure", "measured", "at_start", "chance", "learned"]
    )
    return TrainingCard(**card | (nothing if objective == "untrained" else {}))


def trained_cards(models=None):
    """Cards of trained models."""
    return {
        name: model_card(
            name,
            objectives.OBJECTIVES[objective].language,
            0 if objective == "untrained" else 40_000,
            source="pretrain",
            architecture="small/resnet_w16",
            robust=objectives.OBJECTIVES[objective].robust,
            training=training_card(objective, seed),
        )
        for name, (objective, seed) in (trained() if models is None else models).items()
    }


def against(treatment, control, models=None, **changes):
    """A contrast of two objectives, matched by seed."""
    found = (trained() if models is None else models).items()
    sides = [[name for name, (objective, _) in found if objective == side] for side in (treatment, control)]
    pairs = list(zip(*sides, strict=False))
    groups = [f"small/resnet_w16, {seed}" for seed in range(len(pairs))]
    values = {"name": f"{treatment}-or-{control}", "question": "", "pairs": pairs, "groups": groups}
    return Comparison(**values | changes)


def trained_run(models=None, pairs=(("captions_contrastive", "labels"),), **changes):
    """Outcome of a configuration of trained models beside an ordinary one, with contrasts of objectives."""
    models = trained() if models is None else models
    comparisons = [against(*pair, models) for pair in pairs]
    rows = trained_results(models)
    effects = [
        effect(protocol, dataset, contrast=comparison.name, n_treatments=3, n_controls=3, replicates=3,
               holds_for="these models", n_datasets=1 if dataset else len(places), metric=metric)
        for comparison in comparisons
        for protocol, metric in ((name, protocols.PROTOCOLS[name].primary) for name in PROTOCOLS + CROSSED)
        for places in [list(CELLS) if protocol in CROSSED else ["shapes", "toys"]]
        for dataset in ["", *places]
    ]  # fmt: skip
    cards = {"first": model_card("first"), **trained_cards(models)}
    values = {"rows": rows, "models": cards, "comparisons": comparisons, "compared": pd.DataFrame(effects)}
    run = make_run(**values | changes)
    crossed = {
        "dataset": "drawings", "shots": [1, 5], "trials": 20, "regularisation": [1.0], "validation_fraction": 0.2,
    }  # fmt: skip
    run.config["protocols"] |= dict.fromkeys(CROSSED, crossed)
    run.config["pretraining"] = {
        "images": "toys", "resolution": 32, "batch_size": 128, "optimiser": {"weight_decay": 0.05},
    }  # fmt: skip
    run.config["contrasts"] = {comparison.name: {"match": ["seed"]} for comparison in run.comparisons}
    return run


def trained_tables(models=None, compared=None, **options):
    """What figures are drawn from where models were trained."""
    models = trained() if models is None else models
    rows = trained_results(models, **options)
    return Tables(
        rows,
        no_contrasts() if compared is None else compared,
        dict.fromkeys(("shapes", "toys"), 4),
        ["first", *models],
        objective_means(rows),
        learning_curves(models),
        guessing=dict.fromkeys(("shapes", "toys"), 0.25),
    )


def walk(node):
    """Every object of a specification."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from walk(child)
