"""Compare answers of the default experiment whose encoders are trained for shorter and for longer.

The experiment is run with encoders that see fewer and more images, on the protocols that its conclusions rest
on. Everything else, seeds included, is the same.

    python benchmarks/images_seen.py
    python benchmarks/images_seen.py --images 7500 15000 --seeds 3

Written are a table, with the effect of each contrast and its interval, and a figure of it.
"""

import copy
import sys
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import experiments

from wordsight.catalogue import display
from wordsight.figures import export
from wordsight.figures.panels import dodge
from wordsight.figures.style import FAINT, finish, look, panel_title
from wordsight.tables.csv import read_csv

IMAGES = [7_500, 15_000, 30_000, 60_000, 120_000]
APART = 1.25  # factor between the first and last contrast on the axis, so that no bar hides another
COLUMNS = ["contrast", "protocol", "setting", "images_seen", "effect", "low", "high", "verdict"]


def settings(images: int, seeds: int) -> dict[str, Any]:
    """Keys of the default configuration that change: encoders of so many images, on the primary protocols."""
    default = copy.deepcopy(dict(experiments.default()))
    training, protocols = default["pretraining"], default["protocols"]
    training["images_seen"] = images
    for objective in training["objectives"].values():
        objective["seeds"] = seeds
    primary = default["statistics"]["primary"]
    contrasts = default["contrasts"]
    trained = {name: contrasts[name] for name in contrasts if not name.endswith("-untrained")}
    return {
        "pretraining": training,
        "protocols": {name: protocols[name] for name in protocols if name in primary},
        "models": {},
        "contrasts": trained,
    }


def measure(folder: Path, images: list[int], seeds: int) -> pd.DataFrame:
    """Effects that decide, of runs with so many images seen, in percentage points."""
    tables = []
    for count in images:
        rows = read_csv(experiments.run(folder / f"images-{count}", **settings(count, seeds)))
        tables.append(rows[rows["decides"]].assign(images_seen=count)[COLUMNS])
    return pd.concat(tables, ignore_index=True)


def draw(table: pd.DataFrame) -> Any:
    """Draw a panel for each protocol, with a curve for each contrast over the number of images seen."""
    rows = table.assign(**{name: 100 * table[name] for name in ("effect", "low", "high")})
    names = list(dict.fromkeys(rows["contrast"]))
    rows["position"] = rows["images_seen"] * dodge(rows, names, APART, field="contrast")
    ends = [rows["position"].min() / APART, rows["position"].max() * APART]
    x = alt.X("position:Q", title="images seen", scale=alt.Scale(type="log", nice=False, domain=ends))
    x = x.axis(values=sorted(set(rows["images_seen"])), format="~s", grid=False)
    y = alt.Y("effect:Q", title="difference in points")
    panels = []
    for protocol in dict.fromkeys(rows["protocol"]):
        part = alt.Chart(rows[rows["protocol"] == protocol])
        curves = part.encode(x, y, **look(names, names, field="contrast"))
        zero = alt.Chart(pd.DataFrame({"y": [0]})).mark_rule(color=FAINT, strokeDash=[4, 3]).encode(y="y:Q")
        bars = part.mark_rule(strokeOpacity=0.5).encode(
            x, y="low:Q", y2="high:Q", color=curves.encoding.color
        )
        marks = curves.mark_point(filled=True, size=50, opacity=1)
        # The legend looks like the first layer.
        layers = alt.layer(marks, zero, bars, curves.mark_line(), marks)
        panels.append(layers.properties(title=panel_title(display.protocol(protocol)), width=340, height=210))
    return finish(
        alt.concat(*panels, columns=2),
        "Do answers depend on how long encoders are trained?",
        ["differences between the sides of each contrast; bars: 95 % intervals, each for itself"],
        "Effects over the number of training images seen, a panel for each protocol.",
    )


def main() -> None:
    """Run, write the table and the figure, and print the table."""
    parser = experiments.parser(__doc__, "images_seen", into="docs")
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    table = measure(arguments.folder, arguments.images, arguments.seeds)
    experiments.write(table, arguments.into / "results/images_seen.csv")
    export.save_png(draw(table), arguments.into / "images/images_seen.png")


if __name__ == "__main__":
    main()
