"""Results are compared with their stamps: what was edited, copied or made of something else is named."""

import json
import os
import shutil
from pathlib import Path

import pytest

from wordsight.files import stamps
from wordsight.workflow.content import Memory
from wordsight.workflow.freshness import Checks

INPUTS = ("in/a.parquet", "in/b.parquet")
OUTPUTS = ("out/table.csv", "out/other.csv")
PARAMS = {"code": "0123", "seed": 1, "section": {"shots": [1, 2]}}


@pytest.fixture(autouse=True)
def _made(tmp_path, monkeypatch):
    """What a step made of two files."""
    monkeypatch.chdir(tmp_path)
    for name in (*INPUTS, *OUTPUTS):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(f"content of {name}")
    stamps.write(INPUTS, "before", {}, {})
    stamp()


def stamp(params=PARAMS, inputs=INPUTS):
    known = {name: stamps.content_of(Path(name)) for name in inputs}
    stamps.write(OUTPUTS, "rule", stamps.digests(params), known)


def problem(params=PARAMS, inputs=INPUTS, *, recorded=True):
    checks = Checks(Memory(Path("memory.json")))
    return checks.problem(OUTPUTS, inputs, params, recorded=recorded), list(checks.lines())


def rewrite(name, text="other"):
    """Write other bytes of the same length, and set the time back: Snakemake would see nothing."""
    path = Path(name)
    before = path.stat()
    path.write_text(text.ljust(before.st_size)[: before.st_size])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_is_as_it_was_made_is_fresh():
    assert problem() == ("", [])
    assert problem(dict(reversed(PARAMS.items()))) == ("", [])


def test_results_that_were_touched_or_moved_are_fresh(tmp_path, monkeypatch):
    for name in (*INPUTS, *OUTPUTS):
        os.utime(name, (1, 1))
    assert problem() == ("", [])
    shutil.copytree(tmp_path, tmp_path.parent / "moved", copy_function=shutil.copy)
    monkeypatch.chdir(tmp_path.parent / "moved")
    assert problem() == ("", [])


def test_a_step_is_looked_at_once_until_another_one_may_have_changed_its_files(monkeypatch):
    checks, asked = Checks(Memory(Path("memory.json"))), []
    digests = stamps.digests
    monkeypatch.setattr(stamps, "digests", lambda params: asked.append(params) or digests(params))
    for _ in range(2):
        assert checks.problem(OUTPUTS, INPUTS, PARAMS, recorded=True) == ""
    assert checks.problem(("out/none.csv",), INPUTS, PARAMS, recorded=False) != ""
    assert len(asked) == 2
    rewrite(OUTPUTS[0])
    rewrite(INPUTS[1])
    assert checks.problem(OUTPUTS, INPUTS, PARAMS, recorded=True) == ""
    checks.forget()
    assert checks.problem(OUTPUTS, INPUTS, PARAMS, recorded=True) == "was changed after its step had made it"
    Path(OUTPUTS[0]).unlink()
    Path(OUTPUTS[1]).unlink()
    checks.forget()
    assert checks.problem(OUTPUTS, INPUTS, PARAMS, recorded=True) == "was made from another in/b.parquet"


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_table_that_was_edited_by_hand_is_named(name):
    rewrite(name)
    words, lines = problem()
    assert words == "was changed after its step had made it"
    assert lines == [f"{name}: {words}; its step runs again"]


@pytest.mark.parametrize("name", INPUTS)
def test_another_input_is_named_whatever_its_time(name):
    rewrite(name)
    words, lines = problem()
    assert words == f"was made from another {name}"
    assert lines == [f"{OUTPUTS[0]}: {words}; its step runs again"]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({**PARAMS, "seed": 2}, "seed"),
        ({**PARAMS, "code": "4567", "section": {"shots": [2, 1]}}, "code, its section of the configuration"),
        ({**PARAMS, "mode": "paper"}, "mode"),
        ({"code": 1, "seed": "0123", "section": {"shots": [1, 2]}}, "code, seed"),
    ],
)
def test_other_values_are_named(params, names):
    words, lines = problem(params)
    assert words == f"{names} changed since it was made"
    assert lines == []  # Snakemake says this itself
    _, lines = problem(params, recorded=False)
    assert lines[0] == f"{OUTPUTS[0]}: {words}; its step runs again"


def test_other_inputs_are_noticed():
    for inputs in (INPUTS[:1], (*INPUTS, "in/c.parquet")):
        assert problem(inputs=inputs)[0] == "was made from other files"


@pytest.mark.parametrize(
    "damage",
    [
        None,
        "",
        "{}",
        "[]",
        '{"rule": 1',
        '{"rule": "a", "params": 3, "inputs": [], "sha256": "x", "state": [1]}',
    ],
)
def test_a_result_without_a_stamp_is_not_trusted(damage):
    stamps.place(OUTPUTS[1]).unlink()
    if damage is not None:
        stamps.place(OUTPUTS[1]).write_text(damage)
    words, lines = problem()
    assert words == "has no stamp that says what it was made from"
    assert lines == [f"{OUTPUTS[1]}: {words}; its step runs again"]


def test_tables_that_were_copied_from_elsewhere_over_ones_own_are_named():
    mine = Path(OUTPUTS[0]).read_text()
    Path(OUTPUTS[0]).write_text("of another experiment")
    stamp({**PARAMS, "seed": 2})  # they bring their stamps along
    assert problem(recorded=False)[0] == "seed changed since it was made"
    Path(OUTPUTS[0]).write_text(mine)
    assert problem()[0] == "was changed after its step had made it"


def test_a_missing_result_that_nothing_needs_is_no_problem_while_something_tells_of_it():
    for name in OUTPUTS:
        Path(name).unlink()
    assert problem() == ("", [])
    for name in OUTPUTS:
        stamps.place(name).unlink()
    assert problem() == ("", [])
    assert problem(recorded=False) == ("is missing, and so is its record", [])


def test_a_missing_input_is_no_problem_since_what_makes_it_is_checked_itself():
    Path(INPUTS[0]).unlink()
    assert problem() == ("", [])


def test_it_is_known_that_snakemake_has_no_record():
    checks = Checks(Memory(Path("memory.json")))
    for recorded in (True, False):
        assert checks.problem(OUTPUTS, INPUTS, PARAMS, recorded=recorded) == ""
        assert checks.unrecorded != recorded
        checks.forget()


def test_only_the_first_results_are_named():
    checks = Checks(Memory(Path("memory.json")))
    for number in range(14):
        Path(f"{number}.csv").write_text("")
        checks.problem([f"{number}.csv"], [], {}, recorded=True)
    lines = list(checks.lines())
    assert len(lines) == 11
    assert lines[-1] == "4 more results aren't what their steps would make now"


def test_a_folder_is_stamped_by_what_is_in_it():
    Path("out/tokenizer").mkdir()
    Path("out/tokenizer/words.txt").write_text("a b")
    stamps.write(["out/tokenizer"], "rule", {}, {})
    checks = Checks(Memory(Path("memory.json")))
    assert checks.problem(["out/tokenizer"], [], {}, recorded=True) == ""
    rewrite("out/tokenizer/words.txt", "c d")
    checks = Checks(Memory(Path("memory.json")))
    assert (
        checks.problem(["out/tokenizer"], [], {}, recorded=True) == "was changed after its step had made it"
    )


def test_unchanged_files_are_not_read_again(monkeypatch):
    monkeypatch.setattr(stamps.hashing, "sha256", lambda path: pytest.fail(f"{path} was read"))
    monkeypatch.setattr("wordsight.workflow.content.sha256", lambda path: pytest.fail(f"{path} was read"))
    assert problem() == ("", [])


def test_a_stamp_is_one_line_of_json():
    (line,) = stamps.place(OUTPUTS[0]).read_text().splitlines()
    assert json.loads(line).keys() == {"rule", "params", "inputs", "sha256", "state"}
