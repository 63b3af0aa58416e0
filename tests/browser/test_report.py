"""The report in a real browser: charts come alive without a network, and the page stands without scripts."""

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from hand_made import OBJECTIVES, contrasts, make_run, tables, trained_run, trained_tables, written
from wordsight.figures import (
    clustering,
    cross_style_few_shot,
    few_shot,
    robustness,
    summary,
    training,
    transfer,
)

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
MODULES = (clustering, few_shot, robustness, summary, transfer)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=20000",
    "--enable-logging=stderr",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@dataclass
class Seen:
    """What a browser made of a page."""

    dom: str
    console: list[str]

    def figures(self):
        """HTML of each figure."""
        return re.findall(r"<figure .*?</figure>", self.dom, flags=re.DOTALL)


def browse(path, profile, *flags):
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return Seen(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    written(make_run(), tables(compared=contrasts()), folder, modules=MODULES)
    return folder / "report.html"


@pytest.fixture(scope="module")
def seen(page, tmp_path_factory):
    return browse(page, tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def seen_trained(tmp_path_factory):
    """Page of a run that trained thirteen objectives and compares six of them with labels."""
    folder = tmp_path_factory.mktemp("trained")
    run = trained_run(pairs=[(objective, "labels") for objective in OBJECTIVES[1:7]])
    modules = (cross_style_few_shot, few_shot, robustness, summary, training)
    written(run, trained_tables(compared=run.contrasts), folder, modules=modules)
    return browse(folder / "report.html", tmp_path_factory.mktemp("profile"))


def with_script(text, script):
    """Page with one more script at its end."""
    head, end, tail = text.rpartition("</body>")
    return f"{head}<script>{script}</script>{end}{tail}"


def live(figure):
    """The interactive half of a figure."""
    return figure.partition('class="live')[2]


def test_every_chart_comes_alive(seen):
    figures = seen.figures()
    assert len(figures) == len(MODULES)
    for figure in figures:
        assert 'class="hydrated"' in figure[:200]
        assert re.search(r'<svg [^>]*class="marks"', live(figure))
        assert "mark-symbol" in live(figure)
        assert "Save as PNG" in live(figure)


def test_the_charts_of_objectives_come_alive_without_a_word_on_the_console(seen_trained):
    figures = seen_trained.figures()
    assert len(figures) == 5
    assert all('class="hydrated"' in figure[:200] for figure in figures)
    assert seen_trained.console == []


def test_a_live_chart_shows_as_many_marks_as_the_static_one(seen, seen_trained):
    for figure in seen.figures() + seen_trained.figures():
        still, _, alive = figure.partition('class="live')
        symbols = r'<g class="mark-symbol role-mark[^"]*"[^>]*>(.*?)</g>'
        counts = [sum(part.count("<path") for part in re.findall(symbols, half)) for half in (still, alive)]
        assert counts[0] == counts[1]
        assert counts[0] > 0 or "role-mark" in alive


def test_the_console_is_silent(seen):
    assert seen.console == []


def test_the_console_would_tell_of_a_broken_chart(page, tmp_path):
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace('"mark":{', '"mork":{', 1), encoding="utf-8")
    seen = browse(broken, tmp_path / "profile")
    assert seen.console
    assert sum('class="hydrated"' in figure[:200] for figure in seen.figures()) == len(MODULES) - 1


def test_a_script_that_is_not_the_pages_own_does_not_run(page, tmp_path):
    injected = tmp_path / "injected.html"
    text = page.read_text(encoding="utf-8")
    injected.write_text(with_script(text, "document.title = 'taken'"), encoding="utf-8")
    seen = browse(injected, tmp_path / "profile")
    assert "<title>Does it help?</title>" in seen.dom
    assert any("Content Security Policy" in line for line in seen.console)
    assert all('class="hydrated"' in figure[:200] for figure in seen.figures())


def test_without_scripts_every_figure_stands_as_it_was_drawn(page, tmp_path):
    seen = browse(page, tmp_path / "profile", "--blink-settings=scriptEnabled=false")
    for figure in seen.figures():
        still, _, alive = figure.partition('class="live')
        assert 'class="hydrated"' not in figure
        assert "<svg" in still
        assert "<svg" not in alive
    assert "<button" not in seen.dom


def run_in(page, script, folder):
    """Browse a page with one more script, which its policy is made to allow."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = page.read_text(encoding="utf-8").replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    changed = folder / "changed.html"
    changed.write_text(with_script(text, script), encoding="utf-8")
    seen = browse(changed, folder / "profile")
    assert seen.console == []
    return seen


def test_a_click_on_a_title_sorts_its_table_by_number(page, tmp_path):
    script = """
      const table = [...document.querySelectorAll("table.sortable")].find((t) => t.caption?.textContent.startsWith("Few-shot"));
      const titles = [...table.tHead.rows[0].cells];
      const button = titles.find((t) => t.textContent === "toys").querySelector("button");
      button.click(); button.click();
      document.title = [...table.tBodies[0].rows].map((r) => r.cells[3].textContent).join("|") + titles[3].getAttribute("aria-sort");
    """
    seen = run_in(page, script, tmp_path)
    assert "<title>61.0 ± 2.0|61.0 ± 2.0|60.0 ± 2.0|60.0 ± 2.0descending</title>" in seen.dom


def test_a_click_in_the_legend_shows_its_model_alone(page, tmp_path, seen):
    script = """
      const timer = setInterval(() => {
        const symbol = document.querySelector("figure.hydrated[data-figure=few_shot] .live .role-legend-symbol path");
        if (!symbol) return;
        clearInterval(timer);
        symbol.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      }, 50);
    """
    faint = 'opacity="0.12"'
    assert faint not in seen.dom
    assert run_in(page, script, tmp_path).dom.count(faint) > 4
