"""The tables that people read: joined with traits, and the same bytes for the same values."""

import numpy as np
import pandas as pd
import pytest

from hand_made import model_card, training_card
from wordsight.errors import DataError
from wordsight.models.card import ModelCard
from wordsight.statistics.model_means import KEYS
from wordsight.tables.csv import read_csv, write_csv
from wordsight.tables.joined import TRAITS, objectives_table, results_table

CARDS = {
    "words": model_card(
        "words", "captions", 400_000_000, source="timm", architecture="timm/a", pretraining_data="LAION"
    ),
    "plain": model_card("plain", "none", 0, source="random", architecture="timm/a", pretraining_data="none"),
}
OURS = CARDS | {"words": CARDS["words"].model_copy(update={"training": training_card("simclr", 3)})}


def summary():
    rows = [
        ["few_shot", model, "d", "sound", "accuracy", "shots", setting, value]
        for model, setting, value in (("words", 5.0, 2 / 3), ("words", 1.0, np.inf), ("plain", 1.0, 0.25))
    ]
    frame = pd.DataFrame(rows, columns=[*KEYS, "value"])
    return frame.assign(stderr=[0.1, np.nan, 1e-9], n=500, seed=2**32 - 1)


def test_each_result_has_the_traits_of_its_model_and_rows_are_sorted():
    frame = results_table(summary(), CARDS)
    assert list(frame.columns) == [
        *KEYS,
        "value",
        "stderr",
        "n",
        "seed",
        *TRAITS,
        "objective",
        "training_seed",
    ]
    assert frame[["model", "setting"]].to_numpy().tolist() == [["plain", 1], ["words", 1], ["words", 5]]
    assert frame["language"].tolist() == ["none", "captions", "captions"]
    assert frame["pretraining_images"].tolist() == [0, 400_000_000, 400_000_000]


def test_every_trait_is_on_a_model_card():
    assert set(TRAITS) <= set(ModelCard.model_fields)


def test_a_model_without_a_card_is_named():
    with pytest.raises(DataError, match="'words'"):
        results_table(summary(), {"plain": CARDS["plain"]})


def test_the_order_of_the_summary_does_not_change_a_byte(tmp_path):
    write_csv(tmp_path / "1.csv", results_table(summary(), CARDS))
    shuffled = results_table(summary().iloc[::-1], dict(reversed(CARDS.items())))
    write_csv(tmp_path / "2.csv", shuffled)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_numbers_have_six_digits_and_nothing_is_lost_of_counts_infinities_and_gaps(tmp_path):
    write_csv(tmp_path / "results.csv", results_table(summary(), CARDS))
    lines = (tmp_path / "results.csv").read_text(encoding="utf-8").split("\n")
    assert lines[1:] == [
        "few_shot,plain,d,sound,accuracy,shots,1,0.25,1e-09,500,4294967295,random,timm/a,none,none,0,False,,",
        "few_shot,words,d,sound,accuracy,shots,1,inf,,500,4294967295,timm,timm/a,captions,LAION,400000000,False,,",
        "few_shot,words,d,sound,accuracy,shots,5,0.666667,0.1,500,4294967295,timm,timm/a,captions,LAION,400000000,False,,",
        "",
    ]
    assert b"\r" not in (tmp_path / "results.csv").read_bytes()


def test_pandas_reads_back_what_was_written(tmp_path):
    frame = results_table(summary(), OURS)
    write_csv(tmp_path / "results.csv", frame)
    missing = {"stderr": [""], "training_seed": [""]}
    again = pd.read_csv(tmp_path / "results.csv", keep_default_na=False, na_values=missing)
    again = again.astype({"training_seed": "Int64"})
    pd.testing.assert_frame_equal(again, frame, rtol=1e-5, check_dtype=False)


def test_what_the_workflow_trained_has_its_objective_and_seed_and_they_stay_what_they_are(tmp_path):
    write_csv(tmp_path / "results.csv", results_table(summary(), OURS))
    for frame in (results_table(summary(), OURS), read_csv(tmp_path / "results.csv")):
        assert frame["objective"].tolist() == ["", "simclr", "simclr"]
        assert frame["training_seed"].tolist() == [pd.NA, 3, 3]
        assert frame["training_seed"].dtype == "Int64"


def means():
    values = {"protocol": "transfer", "dataset": "d", "value": 0.5, "low": np.nan, "high": np.nan, "seeds": 3}
    return pd.DataFrame([values | {"group": group} for group in ("plain", "simclr")])


def test_an_objective_has_the_number_of_its_seeds_that_learned_and_other_models_have_none(tmp_path):
    cards = OURS | {
        f"simclr-{seed}": model_card("m", training=training_card("simclr", seed, learned=seed > 0))
        for seed in range(3)
    }
    write_csv(tmp_path / "objectives.csv", objectives_table(means(), cards))
    read = read_csv(tmp_path / "objectives.csv")
    assert read["learned"].tolist() == [pd.NA, 3]
    assert read["group"].tolist() == ["plain", "simclr"]
    assert read[["low", "high"]].isna().all(axis=None)
