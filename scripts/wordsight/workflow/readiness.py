"""Is everything here that a configuration needs, and is it in order? ``make fetch`` asks.

``python -m wordsight.workflow.readiness CONFIG --targets`` prints the files that Snakemake has to make:
prepared images, text models and corpora, and a check of each encoder. Without the option, it prints a table
of what was made, with one line for each problem, and writes the same with all details to
``results/fetch.txt``.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from wordsight.catalogue.label_spaces import label_space_of
from wordsight.config.experiment import Config
from wordsight.config.load import load, read
from wordsight.datasets.card import DatasetCard
from wordsight.downloads import lock
from wordsight.errors import WordsightError
from wordsight.files.disk import read_json, write_text
from wordsight.models.card import NetworkCard
from wordsight.report.made_with import machine, software
from wordsight.text.card import CorpusCard, TextCard
from wordsight.workflow import own_files, params
from wordsight.workflow.anonymous import anonymous

DETAILS = "results/fetch.txt"
LAST_LINES = 40  # of the log of a step that failed
ERROR = re.compile(r"^\S+ \S+ ERROR (.*)$", re.MULTILINE)
OK, ODD, WRONG = "ok", "odd", "wrong"


@dataclass(frozen=True)
class Kind:
    """What a section of the configuration holds.

    Attributes
    ----------
    word : for one of its entries
    step : rule that prepares it
    card : file that describes it once it is prepared
    type : of that file
    """

    word: str
    step: str
    card: str
    type: Any


KINDS = {
    "datasets": Kind("images", "dataset", "resources/datasets/{}/card.json", DatasetCard),
    "models": Kind("encoder", "model", "resources/models/{}/network.json", NetworkCard),
    "text_models": Kind("text model", "text_model", "resources/text_models/{}/card.json", TextCard),
    "corpora": Kind("corpus", "corpus", "resources/corpora/{}/card.json", CorpusCard),
}


@dataclass
class Need:
    """A dataset, an encoder, a text model or a corpus of the configuration, and what was found of it.

    Attributes
    ----------
    section, name : where the configuration has it
    values : its keys there
    targets : files that show that it is in order
    missing : files that only the user can bring and that aren't there, a line each
    problems, cautions : what is wrong, and what is odd but may be intended
    facts : what is known, for the table
    details : all that a check found
    log : of the step that failed
    """

    section: str
    name: str
    values: dict[str, Any]
    targets: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    details: str = ""
    log: Path | None = None
    card: Any = None

    @property
    def kind(self) -> Kind:
        """What it is."""
        return KINDS[self.section]

    @property
    def title(self) -> str:
        """What it is, and its name."""
        return f"{self.kind.word} {self.name}"

    @property
    def state(self) -> str:
        """In a word."""
        return WRONG if self.problems else ODD if self.cautions else OK


def needs(config: Config) -> list[Need]:
    """All that a configuration names and does not make itself."""
    found = []
    for section, kind in KINDS.items():
        for name, values in getattr(config, section).items():
            if values.source == "pretrain" or (section == "models" and config.network(name) != name):
                continue
            need = Need(section, name, params.values_of(config, section, name))
            need.missing = own_files.missing(config, section, name)
            checks = [f"results/checks/{name}.json"] if section == "models" else [kind.card.format(name)]
            need.targets = checks
            found.append(need)
    images = [need.name for need in found if need.section == "datasets" and not need.missing]
    for need in found:
        need.targets += [
            f"results/checks/{need.name}/{name}.json" for name in images if _judges(config, need, name)
        ]
    return found


def _judges(config: Config, need: Need, dataset: str) -> bool:
    """Whether the publisher of an encoder states its accuracy on these images."""
    section = config.datasets[dataset]
    stated = need.section == "models" and need.values.get("top1")
    validation = section.source == "imagenet" and section.variant == "validation"
    return bool(stated and validation and label_space_of(section) == need.values["classifier"])


# What became of each


def inspect(need: Need) -> None:
    """Find out what became of something, from the files and logs of the steps that made it."""
    if need.missing:
        need.problems += need.missing
        return
    card = Path(need.kind.card.format(need.name))
    if not card.exists():
        _failed(need, Path(f"logs/{need.kind.step}/{need.name}.log"))
        return
    need.card = need.kind.type.model_validate(read_json(card))
    need.facts.append(_fact(need))
    for target in map(Path, need.targets):
        if target != card:
            _inspect_check(need, target)


def _inspect_check(need: Need, target: Path) -> None:
    """Read what a check found; one of other weights, from an earlier run, counts as none."""
    values = read_json(target) if target.exists() else {}
    step = "check_model" if target.parent.name == "checks" else "check_top1"
    if values.get("weights_sha256") != need.card.weights_sha256:
        _failed(need, Path(f"logs/{step}") / target.relative_to("results/checks").with_suffix(".log"))
        return
    need.cautions += values["cautions"]
    shown = ("photographs named", "top-1")
    need.facts += [values["facts"][name] for name in shown if name in values["facts"]]
    need.details += "".join(f"{name}: {value}\n" for name, value in values["facts"].items())


def _failed(need: Need, log: Path) -> None:
    """Say why a step has no result: its last error, or that it never ran to an end."""
    need.log = log if log.exists() else None
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = text.strip().splitlines()
    errors = ERROR.findall(text)
    if not lines:
        need.problems.append("it was not fetched, since its step did not run; run `make fetch` again")
    elif errors and errors[-1] != "stopped":
        need.problems.append(errors[-1])
    else:  # a traceback ends in the error; a step that was killed ends anywhere
        need.problems.append(f"its step ended with: {lines[-1]}; see {log}")


def _fact(need: Need) -> str:
    """What is known of something that is there."""
    card = need.card
    if need.section == "datasets":
        splits = card.splits
        return f"{len(card.classes):,} classes, {splits.train.items:,} and {splits.test.items:,} images"
    if need.section == "models":
        return f"{card.feature_size:,} features of {card.preprocessing.image_size} pixels"
    if need.section == "text_models":
        return f"{card.size:,} numbers for each of {card.words:,} words"
    return f"{card.articles:,} articles"


# Who vouches for each


def witness(need: Need) -> str:
    """Who says that a file is the right one."""
    values, source = need.values, need.values["source"]
    if source == "random":
        return "no file"
    if source == "packaged":
        return "the package's lock"
    if values.get("sha256"):
        return "the configuration"
    if values.get("path") and Path(values["path"]).exists():
        return "you"
    if source in ("torchvision", "cub200"):
        return "its publisher"
    if re.fullmatch("[0-9a-f]{40}", str(values.get("revision"))):
        return "a commit of the hub"
    return FIRST_SEEN


FIRST_SEEN = "first seen here"


def first_seen(found: Sequence[Need]) -> list[str]:
    """Lines of the lock file for which no publisher and no configuration vouches."""
    recorded = lock.entries()
    kept: dict[str, str] = {}
    for need in found:
        if need.card is None or witness(need) != FIRST_SEEN:
            continue
        urls = need.values.get("url") or []
        own = {address for address in ([urls] if isinstance(urls, str) else urls) if address in recorded}
        own |= {address for address, entry in recorded.items() if entry.sha256 == _sha256(need.card)}
        repositories = {address.rpartition("/")[0] for address in own if address.startswith("hf://")}
        if need.values.get("name"):
            repositories.add(f"hf://{need.values['name']}")
        own |= {address for address in recorded if address.rpartition("/")[0] in repositories}
        for address in sorted(own):
            commit = f" (commit {recorded[address].commit})" if recorded[address].commit else ""
            kept[address] = f"{recorded[address].sha256}  {address}{commit}"
    return list(kept.values())


def _sha256(card: Any) -> str:
    return getattr(card, "sha256", "") or "none"


# Words


def table(found: Sequence[Need]) -> list[str]:
    """A line for each, in columns."""
    head = ("what", "name", "is", "vouched for by", "found")
    rows = [head] + [
        (need.kind.word, need.name, need.state, witness(need), "; ".join(need.facts) or "-") for need in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def problems(found: Sequence[Need]) -> list[str]:
    """All problems, a line each."""
    return [f"{need.title}: {problem}" for need in found for problem in need.problems]


def details(found: Sequence[Need]) -> str:
    """All that helps someone else to find out what is wrong, without secrets and without the user's name."""
    return anonymous("\n".join(_details(found)) + "\n")


def _details(found: Sequence[Need]) -> Iterator[str]:
    yield (
        "What `make fetch` found. Send this file when something is wrong. Passwords, keys, your name and the "
        "paths of your folders were taken out as far as a program can tell; read it before you send it."
    )
    yield from _part("Made with", [", ".join(" ".join(pair) for pair in software()), machine()])
    yield from _part("Found", table(found))
    yield from _part("Problems", problems(found) or ["none"])
    cautions = [f"{need.title}: {caution}" for need in found for caution in need.cautions]
    yield from _part("Odd, but maybe intended", cautions or ["none"])
    yield from _part("First seen here, without a digest of their publisher", first_seen(found) or ["none"])
    for need in found:
        if need.problems:
            values = {key: value for key, value in need.values.items() if value is not None}
            yield from _part(
                f"{need.title}, as configured", [yaml.safe_dump(values, sort_keys=False).rstrip()]
            )
        if need.log:
            text = need.log.read_text(encoding="utf-8", errors="replace")
            yield from _part(f"{need.title}: the end of {need.log}", text.splitlines()[-LAST_LINES:])
    for need in found:
        if need.details:
            yield from _part(f"{need.title}: what its checks found", [need.details.rstrip()])


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield from ("", title, "-" * min(len(title), 80), *lines)


def main() -> int:
    """Print the targets, or what became of them; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="configuration")
    parser.add_argument("--targets", action="store_true", help="print the files that have to be made")
    arguments = parser.parse_args()
    found = needs(load(read(arguments.config)))
    if arguments.targets:
        print(*(target for need in found if not need.missing for target in need.targets))
        return 0
    for need in found:
        inspect(need)
    write_text(DETAILS, details(found))
    wrong = problems(found)
    print(*table(found), *([""] if wrong else []), *(f"wrong: {line}" for line in wrong), "", sep="\n")
    print(_closing(found, wrong))
    return int(bool(wrong))


def _closing(found: Sequence[Need], wrong: Sequence[str]) -> str:
    seen = sum(witness(need) == FIRST_SEEN and need.card is not None for need in found)
    said = f"{len(found)} things are needed, {len(wrong)} problems were found"
    first = (
        f", and {seen} have files that no one but this machine's first download vouches for" if seen else ""
    )
    return f"{said}{first}. {DETAILS} has the details, to send when something is wrong."


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WordsightError as error:
        sys.exit(f"wordsight: error: {error}")
