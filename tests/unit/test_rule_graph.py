"""The picture of the workflow: which rules the report needs, laid out so that each stands below what it reads."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise

import pytest

from wordsight.report.rule_graph import BOX_HEIGHT, BOX_WIDTH, as_svg, described, layout, reduced
from wordsight.rule_graph import rule_graph

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Rule:
    name: str


@dataclass(frozen=True)
class Job:
    rule: Rule
    number: int = 0


def jobs_of(reads):
    """Jobs by name and number, and what each reads, from ``{reader: [made, ...]}`` with names as ``rule-number``."""

    def job(text):
        name, _, number = text.partition("-")
        return Job(Rule(name), int(number or 0))

    depends_on = {job(reader): [job(made) for made in found] for reader, found in reads.items()}
    every = {*depends_on, *(made for found in depends_on.values() for made in found)}
    return sorted(every, key=str), lambda wanted: depends_on.get(wanted, [])


READS = {
    "all": ["report", "other"],
    "report": ["figure-0", "figure-1", "tables"],
    "figure-0": ["tables"],
    "figure-1": ["tables", "dataset-0"],
    "tables": ["few_shot-0", "few_shot-1"],
    "few_shot-0": ["dataset-0"],
    "few_shot-1": ["dataset-1"],
    "other": ["dataset-2"],
}
GRAPH = {
    "rules": [["dataset", 2], ["few_shot", 2], ["figure", 2], ["report", 1], ["tables", 1]],
    "edges": [
        ["dataset", "few_shot"],
        ["dataset", "figure"],
        ["few_shot", "tables"],
        ["figure", "report"],
        ["tables", "figure"],
        ["tables", "report"],
    ],
}


def test_the_graph_is_of_what_the_target_needs_with_the_number_of_jobs():
    assert rule_graph(*jobs_of(READS), "report") == GRAPH


def test_all_jobs_count_where_none_is_of_the_target():
    jobs, depends_on = jobs_of({"other": ["dataset-2"]})
    assert rule_graph(jobs, depends_on, "report") == {
        "rules": [["dataset", 1], ["other", 1]],
        "edges": [["dataset", "other"]],
    }


def test_an_edge_that_a_longer_way_implies_is_left_out_and_a_rule_that_reads_itself_is_no_cycle():
    graph = {"rules": GRAPH["rules"], "edges": [*GRAPH["edges"], ["figure", "figure"]]}
    assert sorted(reduced(graph).edges) == [
        ("dataset", "few_shot"),
        ("few_shot", "tables"),
        ("figure", "report"),
        ("tables", "figure"),
    ]


def wide_graph():
    """Ten rules between two, and an edge that passes their layer."""
    middle = [f"protocol_{number}" for number in range(10)]
    edges = [["dataset", name] for name in middle] + [[name, "summary"] for name in middle]
    edges += [["dataset", "model"], ["model", "features"], ["features", "summary"], ["weights", "summary"]]
    names = sorted({name for edge in edges for name in edge})
    return {"rules": [[name, 3] for name in names], "edges": edges}


@pytest.mark.parametrize("graph", [GRAPH, wide_graph()], ids=["small", "wide"])
def test_boxes_do_not_overlap_lines_lead_down_and_none_crosses_a_box(graph):
    rules = reduced(graph)
    placed = layout(rules)
    assert set(placed.boxes) == {name for name, _ in graph["rules"]}
    for (x, y), (other_x, other_y) in pairwise(sorted(placed.boxes.values(), key=lambda at: at[::-1])):
        assert y < other_y or abs(x - other_x) >= BOX_WIDTH
    for (made, reader), line in zip(sorted(rules.edges), placed.lines, strict=True):
        assert line[0] == (placed.boxes[made][0], placed.boxes[made][1] + BOX_HEIGHT)
        assert line[-1] == placed.boxes[reader]
        assert all(y < below for (_, y), (_, below) in pairwise(line))
        for (x, y), (_, below) in pairwise(line[1:-1]):
            inside = [
                n for n, (bx, by) in placed.boxes.items() if y <= by < below and abs(bx - x) < BOX_WIDTH / 2
            ]
            assert not inside


def test_the_picture_is_whole_the_same_each_time_and_says_in_words_what_it_shows():
    svg = as_svg(GRAPH)
    assert as_svg(GRAPH) == svg
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "rules-title rules-desc"
    assert root.find(f"{SVG}title").text == "Rules of the workflow"
    assert "graphics-symbol" not in svg  # marks without a name, where the title speaks for all
    assert root.find(f"{SVG}desc").text == described(GRAPH)
    texts = {text for element in root.iter(f"{SVG}text") for text in element.itertext()}
    assert {"dataset", "few_shot", "2 jobs", "1 job"} <= texts
    assert described(GRAPH) == (
        "5 rules with 8 jobs; dataset is read by few_shot; few_shot is read by tables; figure is read by report; "
        "tables is read by figure."
    )


def test_one_rule_alone_is_drawn():
    assert "rule_graph" in as_svg({"rules": [["rule_graph", 1]], "edges": []})


def test_names_are_escaped():
    ET.fromstring(as_svg({"rules": [["a<b", 1], ["c&d", 1]], "edges": [["a<b", "c&d"]]}))
