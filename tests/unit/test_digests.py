"""An edit of the code changes the digests of the steps that it means something to, and of no other.

Steps that import modules by a configured name are told of these, as the rules do.
"""

import ast
import importlib
import re
import shutil
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import get_origin

import pytest

from wordsight.catalogue.figures import FIGURES, drawn_by
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.section import Section
from wordsight.workflow import provenance

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ATTACKS = ("robustness", "robustness_piece")


def names(folder):
    """Modules and packages in a folder of the library."""
    places = (SCRIPTS / "wordsight" / folder).iterdir()
    return sorted(
        p.stem for p in places if p.stem[0] != "_" and (p.suffix == ".py" or (p / "__init__.py").exists())
    )


def steps():
    """Every step by its rule, with each set of modules that it may import by name."""
    found = {(path.stem, ()) for path in SCRIPTS.glob("*.py")}
    families = names("models/architectures")
    found |= {("dataset", (f"datasets.sources.{source}",)) for source in names("datasets/sources")}
    found |= {("model", (f"models.sources.{source}",)) for source in names("models/sources")}
    found |= {
        (step, (f"models.architectures.{family}",))
        for step in ("features", *ATTACKS, "check_model", "check_top1", "model")
        for family in families
    }
    found |= {
        (step, ("models.architectures.small", f"pretraining.objectives.{name}"))
        for step in ("pretrain", "learning_rate")
        for name in OBJECTIVES
        if name != "untrained"
    }
    found |= {("text_model", (f"text.sources.{source}",)) for source in names("text/sources")}
    found |= {("text_features", (f"text.readers.{source}",)) for source in names("text/readers")}
    found |= {(name, (f"protocols.{name}",)) for name, record in PROTOCOLS.items() if not record.runs_encoder}
    found |= {("figure", (f"figures.{drawn_by(name)}",)) for name in (*PROTOCOLS, *FIGURES)}
    return found


def digests():
    def script(step):
        return "evaluate.py" if step in PROTOCOLS and step != "robustness" else f"{step}.py"

    return {
        (step, modules): provenance.code_digest(script(step), *(f"wordsight.{name}" for name in modules))
        for step, modules in steps()
    }


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Copy of the scripts, from which digests are made, with the digests before any edit."""
    folder = tmp_path_factory.mktemp("copied") / "scripts"
    shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(provenance, "SCRIPTS", folder)
        yield folder, digests()


@pytest.fixture
def changed(copied):
    """Edit a file of the library by a function of its text; the steps, with their modules, whose digests change."""
    folder, before = copied
    texts = {}

    def edit(file, change):
        path = folder / "wordsight" / file
        texts[path] = path.read_text(encoding="utf-8")
        path.write_text(change(texts[path]), encoding="utf-8")
        return {key for key, digest in digests().items() if digest != before[key]}

    yield edit
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


def with_a_new_name(text):
    return f"{text}\nUNUSED = 1\n"


EVALUATIONS = {name for name, record in PROTOCOLS.items() if not record.runs_encoder}
IMAGES = {"sentences", "pretrain", "learning_rate", "features", *ATTACKS, "figure_data", "check_top1"}
WORDS = {"figure", "report", "result_tables", "contrast_tables", "learning_rates"}
# The steps that an edit of a module reruns.
EDITS = {
    "datasets/near_duplicates.py": {"dataset"},
    "datasets/building.py": {"dataset"},
    "datasets/sources/packaged.py": {"dataset", "check_model", "check_top1"},
    "datasets/sources/emoji/styles.py": {"dataset", "check_model", "check_top1"},
    "models/foreign/weights.py": {"model", "text_model"},
    "models/foreign/unpickling.py": {"model", "text_model"},
    "models/sources/timm.py": {"model"},
    "models/writing.py": {"model", "pretrain"},
    "pretraining/sentence_encoder.py": {"sentences"},
    "text/sentence_vectors.py": {"sentences", "text_model", "text_features"},
    "downloads/http.py": {"dataset", "model", "text_model", "corpus"},
    "catalogue/display.py": WORDS,
    "catalogue/protocols/few_shot.py": WORDS,
    "catalogue/objectives.py": WORDS,
    "catalogue/fitting.py": WORDS | {"learning_rate"},
    "catalogue/architectures.py": {"model", "pretrain"},
    "protocols/few_shot.py": {"few_shot"},
    "protocols/spectral.py": {"clustering"},
    "protocols/robustness/search.py": {*ATTACKS},
    "protocols/robustness/apgd.py": {*ATTACKS},
    "protocols/robustness/finished.py": {*ATTACKS},
    "datasets/corrupting.py": {"corrupted_images"},
    "datasets/versions.py": {"corrupted_images", "corruptions"},
    "datasets/writing.py": {"dataset", "corrupted_images"},
    "protocols/corruptions.py": {"corruptions"},
    "protocols/probe.py": {"transfer", *ATTACKS, "corruptions", "cross_style_probe", "learning_rate"},
    "statistics/audit.py": {"contrast_tables"},
    "figures/training.py": {"figure"},
    "report/cautions.py": {"report"},
    "workflow/targets.py": set(),
    "config/models.py": set(),
}


@pytest.mark.slow
@pytest.mark.parametrize("file", EDITS)
def test_an_edit_reruns_the_steps_that_it_means_something_to(changed, file):
    assert {step for step, _ in changed(file, with_a_new_name)} == EDITS[file]


FINE = ("models.architectures.small", "pretraining.objectives.concept_labels")
# Of steps that import one of several modules by name, an edit reruns those that import it.
ALONE = {
    "figures/training.py": {("figure", ("figures.training",))},
    "models/sources/timm.py": {("model", ("models.sources.timm",))},
    "pretraining/objectives/concept_labels.py": {("pretrain", FINE), ("learning_rate", FINE)},
}


@pytest.mark.parametrize("file", ALONE)
def test_an_edit_of_what_is_imported_by_name_is_of_that_name_alone(changed, file):
    assert changed(file, with_a_new_name) == ALONE[file]


def test_what_is_there_for_type_checkers_alone_counts_for_nothing(changed):
    start = "if TYPE_CHECKING:\n"

    def imports_more(text):
        assert start in text
        return text.replace(start, f"{start}    import json\n", 1)

    assert changed("protocols/few_shot.py", imports_more) == set()


# What a step may take from modules that its digest ignores, beside types.
LOADING = {"validate", "protocol_parameters"}
# Whether the memory was too little decides how many images pass together, and what is said; no result.
TALKING = {"logger", "progress", "step", "first_line", "masked", "plain", "out_of_memory"}


@cache
def taken_from_ignored_modules():
    """Names that any step's code imports from a module that its digest ignores, by that module."""
    paths = set()
    for step, modules in steps():
        script = "evaluate.py" if step in EVALUATIONS else f"{step}.py"
        paths |= provenance.closure(script, *(f"wordsight.{name}" for name in modules))[0].keys()
    found = defaultdict(set)
    for path in paths:
        tree = ast.parse((SCRIPTS / path).read_text(encoding="utf-8"))
        for node in ast.walk(provenance.executed(tree)):
            if isinstance(node, ast.ImportFrom) and provenance.ignored(node.module or ""):
                found[node.module] |= {alias.name for alias in node.names}
    return found


def is_type(value):
    """Whether a name stands for a type: a class, or a union, a literal or an annotated form of some."""
    return isinstance(value, type) or get_origin(value) is not None


def logic_of(kind):
    """Functions and properties that a type of the configuration has of its own, apart from what validates it."""
    validators = kind.__pydantic_decorators__
    checks = {*validators.field_validators, *validators.model_validators}
    return {
        name
        for owner in kind.__mro__
        if owner.__module__.startswith("wordsight.config")
        for name, value in vars(owner).items()
        if (callable(value) or isinstance(value, property))
        and not name.startswith("__")
        and name not in checks
    }


def test_no_logic_hides_in_modules_that_digests_ignore():
    for module, taken in taken_from_ignored_modules().items():
        for name in taken - LOADING - TALKING:
            value = getattr(importlib.import_module(module), name)
            assert is_type(value), f"{module}.{name} is no type: its digest counts nowhere"
            if isinstance(value, type) and issubclass(value, Section):
                assert not logic_of(value), f"{module}.{name} has logic, whose digest counts nowhere"


def test_values_of_every_step_reach_it_through_its_params_where_its_digest_ignores_their_types():
    """A default that a step made for itself would be neither in its params nor in its digest."""
    for module, taken in taken_from_ignored_modules().items():
        if module.startswith("wordsight.config"):
            for path in SCRIPTS.rglob("*.py"):
                if path.is_relative_to(SCRIPTS / "wordsight/config") or path.is_relative_to(
                    SCRIPTS / "wordsight/workflow"
                ):
                    continue
                calls = re.findall(rf"\b({'|'.join(taken)})\(\)", path.read_text(encoding="utf-8"))
                assert not calls, f"{path.name} makes {calls} of its defaults"
