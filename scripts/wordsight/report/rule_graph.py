"""The picture of the workflow: its rules from top to bottom, each below all that it reads from."""

import re
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import altair as alt
import networkx as nx
import pandas as pd
import vl_convert

from wordsight.figures.export import VERSION
from wordsight.figures.style import FAINT, FONT, INK, counted

BOX_WIDTH, BOX_HEIGHT = 78, 44  # pixels
BEND_WIDTH = 6  # of a line that passes a layer
GAP_ACROSS, GAP_DOWN = 8, 34
LINE = 13  # letters of a rule's name that fit into a box
SWEEPS = 6  # over the layers, after which crossings hardly become fewer
FILL, STROKE, EDGE = "#eaf3fa", "#0072B2", "#b5b5b5"

Node = str | tuple[str, str, int]  # a rule, or the bend of an edge in a layer that it passes


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes
    ----------
    boxes : middle of the upper edge of each rule's box, in pixels
    lines : corners of each edge, from the rule that makes a file to the one that reads it
    """

    boxes: dict[str, tuple[float, float]]
    lines: list[list[tuple[float, float]]]


def reduced(graph: dict[str, Any]) -> "nx.DiGraph[str]":
    """Rules and what they read, without the edges that a longer way implies.

    Parameters
    ----------
    graph : as :func:`wordsight.rule_graph.rule_graph` gives it
    """
    whole: nx.DiGraph[str] = nx.DiGraph()
    whole.add_nodes_from(name for name, _ in graph["rules"])
    whole.add_edges_from((made, reader) for made, reader in graph["edges"] if made != reader)
    return nx.transitive_reduction(whole)


def layout(rules: "nx.DiGraph[str]") -> Layout:
    """Put rules into layers, as low as those that read from them allow, in an order that crosses few lines.

    After Sugiyama, Tagawa and Toda, Methods for visual understanding of hierarchical system structures, 1981,
    https://doi.org/10.1109/TSMC.1981.4308636: an edge that passes a layer has a bend there, and each layer is
    sorted by the mean place of its neighbours in the one before.
    """
    upwards = list(nx.topological_generations(rules.reverse()))
    layer_of = {name: len(upwards) - 1 - up for up, names in enumerate(upwards) for name in names}
    ways = [
        [made, *((made, reader, layer) for layer in range(layer_of[made] + 1, layer_of[reader])), reader]
        for made, reader in sorted(rules.edges)
    ]
    layers: list[list[Node]] = [sorted(names) for names in reversed(upwards)]
    bent: nx.DiGraph[Node] = nx.DiGraph(pair for way in ways for pair in pairwise(way))
    bent.add_nodes_from(rules)
    for way in ways:
        for bend in way[1:-1]:
            layers[bend[2]].append(bend)
    for sweep in range(SWEEPS):
        _sort(layers, bent, down=sweep % 2 == 0)
    across = _places(layers)
    down = {node: row * (BOX_HEIGHT + GAP_DOWN) for row, layer in enumerate(layers) for node in layer}
    lines = [
        [(across[node], down[node] + side) for node in way for side in (0.0, BOX_HEIGHT)][1:-1]
        for way in ways
    ]
    return Layout({name: (across[name], down[name]) for name in rules}, lines)


def _sort(layers: list[list[Node]], bent: "nx.DiGraph[Node]", *, down: bool) -> None:
    """Sort each layer by where its neighbours stand in the layer before."""
    beside = bent.predecessors if down else bent.successors
    for layer in layers if down else reversed(layers):
        places = _places(layers)
        wanted = {}
        for node in layer:
            around = [places[other] for other in beside(node)] or [places[node]]
            wanted[node] = (sum(around) / len(around), str(node))
        layer.sort(key=wanted.__getitem__)


def _places(layers: list[list[Node]]) -> dict[Node, float]:
    """Middle of each node from that of its layer, in pixels."""
    places: dict[Node, float] = {}
    for layer in layers:
        widths = [GAP_ACROSS + (BOX_WIDTH if isinstance(node, str) else BEND_WIDTH) for node in layer]
        left = -sum(widths) / 2
        for node, width in zip(layer, widths, strict=True):
            places[node] = left + width / 2
            left += width
    return places


def draw(graph: dict[str, Any]) -> alt.LayerChart:
    """Chart of the rules as boxes, with the number of jobs of each."""
    placed, jobs = layout(reduced(graph)), dict(graph["rules"])
    nodes = pd.DataFrame([_box(name, jobs[name], *place) for name, place in placed.boxes.items()])
    corners = [
        {"edge": edge, "corner": corner, "x": x, "y": y}
        for edge, line in enumerate(placed.lines)
        for corner, (x, y) in enumerate(line)
    ]
    edges = pd.DataFrame(corners, columns=["edge", "corner", "x", "y"])
    left, right = min(nodes["x"].min(), edges["x"].min()), max(nodes["x2"].max(), edges["x"].max())
    across = alt.Scale(domain=[left, right], nice=False, zero=False)
    down = alt.Scale(domain=[0, nodes["y2"].max()], nice=False, reverse=True)

    def at(x: str, y: str) -> dict[str, Any]:
        return {"x": alt.X(f"{x}:Q", scale=across, axis=None), "y": alt.Y(f"{y}:Q", scale=down, axis=None)}

    box = alt.Chart(nodes)
    lines = alt.Chart(edges).mark_line(color=EDGE, strokeWidth=1, strokeJoin="round")
    return (
        alt.layer(
            lines.encode(**at("x", "y"), detail="edge:N", order="corner:Q"),
            box.mark_rect(fill=FILL, stroke=STROKE, cornerRadius=4).encode(**at("x", "y"), x2="x2", y2="y2"),
            box.mark_text(color=INK, fontSize=10).encode(**at("middle", "name_y"), text="name"),
            box.mark_text(color=FAINT, fontSize=9).encode(**at("middle", "jobs_y"), text="jobs"),
        )
        .properties(width=float(right - left), height=float(nodes["y2"].max()), background="white", padding=4)
        .configure(font=FONT, aria=False)
        .configure_mark(aria=False)
        .configure_text(font=FONT, baseline="middle", lineHeight=11)
        .configure_view(stroke=None)
    )


def _box(name: str, jobs: int, x: float, y: float) -> dict[str, Any]:
    """Ends of a rule's box, and its text: a name of one line or two, and the number of jobs below."""
    lines = _broken(name)
    return {
        "x": x - BOX_WIDTH / 2,
        "x2": x + BOX_WIDTH / 2,
        "y": y,
        "y2": y + BOX_HEIGHT,
        "middle": x,
        "name": lines,
        "name_y": y + 17 - 5.5 * (len(lines) - 1),
        "jobs": counted(jobs, "job"),
        "jobs_y": y + BOX_HEIGHT - 9,
    }


def _broken(name: str) -> list[str]:
    """Lines of a rule's name, broken after underscores so that they fit into a box.

    >>> _broken("cross_style_few_shot")
    ['cross_style_', 'few_shot']
    """
    lines = [""]
    for part in re.findall(r"[^_]*_|[^_]+$", name):
        if lines[-1] and len(lines[-1]) + len(part) > LINE:
            lines.append("")
        lines[-1] += part
    return lines


def described(graph: dict[str, Any]) -> str:
    """Say in words what the picture shows, for those who do not see it."""
    readers: dict[str, list[str]] = {}
    for made, reader in sorted(reduced(graph).edges):
        readers.setdefault(made, []).append(reader)
    steps = [f"{made} is read by {', '.join(names)}" for made, names in readers.items()]
    rules, jobs = len(graph["rules"]), sum(count for _, count in graph["rules"])
    return "; ".join([f"{counted(rules, 'rule')} with {counted(jobs, 'job')}", *steps]) + "."


def as_svg(graph: dict[str, Any]) -> str:
    """Picture as SVG, with a title and a description that screen readers find."""
    svg = vl_convert.vegalite_to_svg(draw(graph).to_dict(), vl_version=VERSION)
    words = '<title id="rules-title">Rules of the workflow</title>'
    words += f'<desc id="rules-desc">{escape(described(graph))}</desc>'
    opening, rest = svg.split(">", 1)
    return f'{opening} role="img" aria-labelledby="rules-title rules-desc">{words}{rest}'
