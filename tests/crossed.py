"""Datasets of concepts in several styles, by hand, and features of them that are known."""

from pathlib import Path

import numpy as np
import pandas as pd

from wordsight.datasets.card import DatasetCard, Duplicates, SplitCard, Splits
from wordsight.datasets.reading import Split
from wordsight.files.feature_sets import Features

SEEN, UNSEEN = ("ink", "oil"), ("wax",)


def concept_names(label, kind, count):
    return [f"{kind}-{label}-{index:02d}" for index in range(count)]


def splits(classes=3, seen=8, unseen=4, held_out=2, unseen_classes=1, seen_styles=SEEN, unseen_styles=UNSEEN):
    """Train and test as a source of concepts in styles makes them; the last classes have unseen concepts alone."""
    train, test = [], []
    for label in range(classes + unseen_classes):
        kept = seen if label < classes else 0
        rest = held_out if label < classes else 0
        for concept in concept_names(label, "seen", kept):
            train += [(concept, style, label, False) for style in seen_styles]
            test += [(concept, style, label, False) for style in unseen_styles]
        for concept in concept_names(label, "held", rest):
            train += [(concept, style, label, True) for style in seen_styles]
            test += [(concept, style, label, False) for style in unseen_styles]
        for concept in concept_names(label, "unseen", unseen):
            test += [(concept, style, label, False) for style in (*seen_styles, *unseen_styles)]
    return split("train", train, classes + unseen_classes), split("test", test, classes + unseen_classes)


def split(name, rows, classes):
    """Split of rows (concept, style, label, held_out), whose ids are ``concept/style``."""
    concepts, styles, labels, held_out = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Split(
        card(classes),
        Path(f"{name}.parquet"),
        ids=[f"{concept}/{style}" for concept, style in zip(concepts, styles, strict=True)],
        labels=np.array(labels, dtype=np.int64),
        captions=[""] * len(rows),
        concepts=list(concepts),
        styles=list(styles),
        held_out=np.array(held_out, dtype=bool),
    )


def rows_of(part):
    """What :func:`split` made a split of."""
    return list(zip(part.concepts, part.styles, map(int, part.labels), part.held_out, strict=True))


def card(classes):
    sizes = SplitCard(items=0, sha256="0" * 64)
    return DatasetCard(
        name="d", source="emoji", origin="", licence="", classes=[f"class {i}" for i in range(classes)],
        label_space=None, captions=False, splits=Splits(train=sizes, test=sizes), mean=(0, 0, 0), std=(1, 1, 1),
        duplicates=Duplicates(exact=0, near=0, threshold=4),
    )  # fmt: skip


def encode(parts, encoder):
    """Features of both splits, of ``encoder(concept, style, label)`` in each item's place."""
    return tuple(
        Features(
            np.array(
                [
                    encoder(*item)
                    for item in zip(part.concepts, part.styles, map(int, part.labels), strict=True)
                ],
                dtype=np.float32,
            ),
            part.labels.copy(),
            list(part.ids),
        )
        for part in parts
    )


def vector(*names, width=32):
    """Vector that is drawn anew for each combination of names, the same in every call."""
    return np.random.default_rng([*"/".join(map(str, names)).encode()]).normal(size=width)


def by_concept(concept, style, label):
    return vector("concept", concept)


def by_style(concept, style, label):
    return vector("style", style)


def by_class(concept, style, label):
    return vector("class", label) + 0.05 * vector("noise", concept, style)


def by_nothing(concept, style, label):
    return vector("nothing", concept, style)


def given(parts, encoder):
    """What a protocol across styles reads."""
    train, test = encode(parts, encoder)
    return {"train": train, "test": test, "splits": parts}


def frames(tables):
    """Rows by cell, as one data frame each."""
    rows = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
    return {cell: part.reset_index(drop=True) for cell, part in rows.groupby("dataset", sort=False)}


def means(tables, metric):
    """Mean of a metric in every cell."""
    return {cell: rows.loc[rows["metric"] == metric, "value"].mean() for cell, rows in frames(tables).items()}
