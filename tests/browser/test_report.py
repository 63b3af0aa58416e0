"""The report in a real browser: it comes alive without a network, and stands without scripts."""

import io
import os
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from hand_made import (
    OBJECTIVES,
    PROTOCOLS,
    comparison,
    contrasts,
    effect,
    make_run,
    model_card,
    no_contrasts,
    results,
    tables,
    trained_run,
    trained_tables,
    written,
)
from wordsight.report.page import download
from wordsight.report.protocol_tables import cell_tables
from wordsight.tables.csv import write_csv

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("WORDSIGHT_CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
FIGURES = ("clustering", "few_shot", "overview", "robustness", "summary", "transfer")
TRAINED = ("cross_style_few_shot", "few_shot", "overview", "robustness", "summary", "training")
SIGNS = r"a_b & 50% {x} \y ~ ^ # $ <b>bold</b> | `c` *d* [e](f)"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed, and WORDSIGHT_CHROMIUM names none"
)


@dataclass
class Seen:
    """A page in the browser, what it wrote on the console and what it asked the network for."""

    page: object
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def one(self, selector):
        """The one element of a selector."""
        found = self.page.locator(selector)
        assert found.count() == 1, selector
        return found

    def figure(self, name):
        """A live figure."""
        return self.page.locator(f"figure[data-figure={name}]")

    def table(self, caption):
        """The part that scrolls of the table with a caption."""
        return self.page.locator(f'.wide[aria-label^="{caption}"]')

    def press(self, kind, of):
        """Press a button of a table or figure and wait for what it says."""
        self.page.get_by_role("button", name=f"{kind}: {of}").click()

    def copied(self, kind, of):
        """Text that a copy as a kind leaves in the clipboard."""
        self.page.evaluate("navigator.clipboard.writeText('')")
        self.press(f"Copy as {kind}", of)
        playwright.expect(self.page.get_by_text(f"copied as {kind}")).to_be_visible()
        text = self.page.evaluate("navigator.clipboard.readText()")
        self.page.get_by_text(f"copied as {kind}").evaluate("said => { said.textContent = '' }")
        return text


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def browse(browser):
    """Open a page of its own, as a reader would, and wait for its figures."""
    contexts = []

    def opened(path, *, scripts=True, scheme="light", width=1024, address="", live=None):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=scripts,
            reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.console.append(message.text))
        seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(path.as_uri() + address)
        if scripts:
            figures = seen.page.locator("figure[data-figure]").count() if live is None else live
            playwright.expect(seen.page.locator("figure.hydrated")).to_have_count(figures, timeout=20_000)
        return seen

    yield opened
    for context in contexts:
        context.close()


def page_of(run, drawn, folder, names):
    """Path of a report that carries its tables."""
    for name in ("results", "contrasts"):
        write_csv(folder / f"{name}.csv", getattr(run, name))
    carried = [download(folder / f"{name}.csv") for name in ("results", "contrasts")]
    written(run, drawn, folder, carried, names)
    return folder / "report.html"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return page_of(make_run(), tables(compared=contrasts()), tmp_path_factory.mktemp("page"), FIGURES)


@pytest.fixture(scope="module")
def run_of_trained():
    """A run that trained thirteen objectives and compares six of them with labels."""
    return trained_run(pairs=[(objective, "labels") for objective in OBJECTIVES[1:7]])


@pytest.fixture(scope="module")
def path_of_trained(run_of_trained, tmp_path_factory):
    drawn = trained_tables(compared=run_of_trained.contrasts)
    return page_of(run_of_trained, drawn, tmp_path_factory.mktemp("trained"), TRAINED)


@pytest.fixture(scope="module")
def path_of_long_names(tmp_path_factory):
    name = "the_same_as_above_but_with_a_very_long_name_that_says_everything_about_it"
    compared = contrasts(effect(contrast=name), effect(dataset="toys", contrast=name))
    names = [f"{name}_{number}" for number in range(6)]
    compared = pd.concat([compared.assign(contrast=one) for one in names], ignore_index=True)
    run = make_run(compared=compared, comparisons=[comparison(one, "") for one in names])
    return page_of(run, tables(compared=compared), tmp_path_factory.mktemp("long"), ("overview",))


@pytest.fixture(scope="module")
def seen(browse, path):
    return browse(path)


@pytest.fixture(scope="module")
def seen_trained(browse, path_of_trained):
    return browse(path_of_trained)


def changed(path, folder, old, new):
    """The page with something replaced where it last stands."""
    head, found, tail = path.read_text(encoding="utf-8").rpartition(old)
    assert found
    other = folder / "changed.html"
    other.write_text(f"{head}{new}{tail}", encoding="utf-8")
    return other


# Safe and silent


def test_no_word_on_the_console_and_no_request_but_for_the_page(seen, seen_trained, path, path_of_trained):
    for one, own in ((seen, path), (seen_trained, path_of_trained)):
        assert one.console == []
        asked = [url for url in one.requests if not url.startswith(("data:", "blob:"))]
        assert asked == [own.as_uri()]


def test_the_console_would_tell_of_a_broken_chart_and_the_others_stand(browse, path, tmp_path):
    text = path.read_text(encoding="utf-8")
    packed = re.search(r'id="spec-summary">([^<]+)', text).group(1)
    seen = browse(changed(path, tmp_path, packed, "QUJD"), live=len(FIGURES) - 1)
    assert any("figure summary" in line for line in seen.console)
    playwright.expect(seen.figure("summary").locator(".still svg")).to_be_visible()


def test_a_script_that_is_not_the_pages_own_does_not_run(browse, path, tmp_path):
    seen = browse(changed(path, tmp_path, "</body>", "<script>document.title = 'taken'</script></body>"))
    assert seen.page.title() == "Does it help?"
    assert any("Content Security Policy" in line for line in seen.console)


def test_without_scripts_figures_tables_and_downloads_stand(browse, path):
    seen = browse(path, scripts=False)
    assert seen.page.locator("figure .still svg").count() == len(FIGURES)
    assert seen.page.locator("figure .still").first.is_visible()
    assert seen.page.locator(".live svg").count() == 0
    assert seen.page.locator("button, input, select").count() == 0
    assert seen.page.locator("figure .actions a[download$='.pdf']").count() == len(FIGURES)
    assert seen.table("Few-shot: accuracy").locator("tbody tr").count() == 4
    seen.table("Few-shot: accuracy").locator("td a").first.click()
    assert seen.page.url.endswith("#rows")
    assert "pandas.read_csv" in seen.one("#rows").text_content()


# Figures


def test_every_chart_comes_alive_with_as_many_marks_as_it_has_in_print(seen, seen_trained):
    symbols = "g.mark-symbol.role-mark path"
    for one, names in ((seen, FIGURES), (seen_trained, TRAINED)):
        for name in names:
            figure = one.figure(name)
            assert figure.locator(".live svg.marks").is_visible()
            assert not figure.locator(".still").is_visible()
            drawn = figure.locator(f".live {symbols}").count()
            assert drawn == figure.locator(f".still {symbols}").count()
            assert drawn > 0 or figure.locator(".live .role-mark path").count() > 0


def test_a_click_in_the_legend_shows_its_model_alone_and_a_double_click_all(seen):
    figure = seen.figure("few_shot")
    faint = figure.locator('.live [opacity="0.12"]')
    assert faint.count() == 0
    figure.locator(".live .role-legend-symbol path").first.click()
    playwright.expect(faint.first).to_be_attached()
    assert faint.count() > 4
    figure.locator(".live svg").dblclick(position={"x": 150, "y": 150})
    playwright.expect(faint).to_have_count(0)
    figure.locator(".live .role-legend-symbol path").first.click()
    playwright.expect(faint.first).to_be_attached()
    figure.locator(".live .role-legend-symbol path").first.dblclick()
    playwright.expect(faint).to_have_count(0)


def test_a_list_below_a_figure_shows_a_model_alone_by_key_and_follows_the_legend(browse, path):
    seen = browse(path)
    assert seen.figure("transfer").locator("select").count() == 0
    figure = seen.figure("few_shot")
    picked = figure.get_by_role("combobox", name="Show only: Few-shot")
    assert picked.locator("option").all_text_contents() == ["all", "first", "second"]
    faint = figure.locator('.live [opacity="0.12"]')
    picked.press("ArrowDown")
    playwright.expect(picked).to_have_value("first")
    playwright.expect(faint.first).to_be_attached()
    picked.press("ArrowUp")
    playwright.expect(faint).to_have_count(0)
    figure.locator(".live .role-legend-symbol path").last.click()
    playwright.expect(picked).to_have_value("second")
    figure.locator(".live .role-legend-symbol path").first.dblclick()
    playwright.expect(picked).to_have_value("")
    assert seen.console == []


def test_pointing_at_a_mark_tells_its_numbers_in_the_colours_of_the_page(browse, path):
    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 24, 28)")):
        seen = browse(path, scheme=scheme)
        seen.figure("transfer").locator(".live g.mark-symbol.role-mark path").first.hover(force=True)
        tooltip = seen.page.locator("#vg-tooltip-element.visible")
        playwright.expect(tooltip).to_contain_text("first")
        assert tooltip.evaluate("tip => getComputedStyle(tip).backgroundColor") == paper


def saved(seen, kind, name):
    """Bytes that a button of a figure saves."""
    row = seen.figure(name).locator(".actions")
    with seen.page.expect_download() as caught:
        row.get_by_text(kind, exact=True).click()
    assert caught.value.suggested_filename == f"{name}.{kind.lower()}"
    return Path(caught.value.path()).read_bytes()


def test_each_figure_is_saved_as_svg_png_pdf_and_the_data_as_csv(seen_trained):
    for name in TRAINED:
        assert ET.fromstring(saved(seen_trained, "SVG", name)).tag == "{http://www.w3.org/2000/svg}svg"
        assert saved(seen_trained, "PNG", name).startswith(b"\x89PNG\r\n\x1a\n")
        assert saved(seen_trained, "PDF", name).startswith(b"%PDF-")
        assert len(pd.read_csv(io.BytesIO(saved(seen_trained, "CSV", name)))) > 0


def test_the_csv_of_a_figure_holds_what_it_draws(seen):
    data = pd.read_csv(io.BytesIO(saved(seen, "CSV", "transfer")))
    values = data.dropna(subset=["model"]).set_index(["model", "dataset"])["value"]
    assert values["first", "shapes"] == pytest.approx(0.5)
    assert values["second", "toys"] == pytest.approx(0.61)


# Tables


def column(table, place):
    return table.locator(f"tbody tr > :nth-child({place})").all_text_contents()


def sort(title, *directions):
    """Click on a title until its table is sorted, and sorted the other way."""
    for direction in directions:
        title.click()
        playwright.expect(title).to_have_attribute("aria-sort", direction)


def test_a_title_sorts_its_table_by_number_with_the_mouse_and_by_key(browse, path):
    table = browse(path).table("Few-shot: accuracy")
    sort(table.locator("thead th").nth(3), "ascending", "descending")
    assert column(table, 4) == ["61.0 ± 2.0", "61.0 ± 2.0", "60.0 ± 2.0", "60.0 ± 2.0"]
    title = table.locator("thead th").nth(1)
    title.get_by_role("button").press("Enter")
    playwright.expect(title).to_have_attribute("aria-sort", "ascending")
    assert column(table, 2) == ["1", "1", "5", "5"]


def test_signed_numbers_are_sorted_as_numbers_and_gaps_are_last(browse, tmp_path):
    effects = [-0.02, 0.2, 0.05, -0.3]
    rows = [effect(protocol, effect=value) for protocol, value in zip(PROTOCOLS, effects, strict=True)]
    rows[1]["relative"] = float("nan")
    run = make_run(compared=contrasts(*rows))
    table = browse(page_of(run, tables(compared=run.contrasts), tmp_path, ("transfer",))).table("Contrast")
    sort(table.get_by_role("columnheader", name="effect"), "ascending")
    assert column(table, 5) == ["−30.0", "−2.0", "+5.0", "+20.0"]
    sort(table.get_by_role("columnheader", name="gain over untrained"), "ascending", "descending")
    assert column(table, 14)[-1] == "–"


def test_a_long_table_is_searched_by_what_it_shows_and_a_short_one_has_no_box(seen, seen_trained):
    assert seen.page.get_by_role("searchbox", name="Search Few-shot: accuracy").count() == 0
    box = seen_trained.page.get_by_role("searchbox", name="Search Transfer: accuracy")
    rows = seen_trained.table("Transfer: accuracy").locator("tbody tr")
    box.fill("captions")
    names = rows.locator("th").all_text_contents()
    assert names
    assert all("captions" in name for name in names)
    box.fill("metric=accuracy")  # stands in every link, but is not shown
    assert rows.all_text_contents() == ["no row matches"]
    box.fill("")
    assert rows.count() == len(OBJECTIVES) + 1


def test_a_table_is_copied_in_the_order_and_selection_shown(browse, path_of_trained, run_of_trained):
    seen = browse(path_of_trained)
    caption = cell_tables(run_of_trained)[1].caption
    first = pd.read_csv(io.StringIO(seen.copied("CSV", caption)), dtype=str, keep_default_na=False)
    expected = cell_tables(run_of_trained)[1]
    assert list(first) == expected.columns
    assert first.to_numpy().tolist() == expected.rows
    seen.page.get_by_role("searchbox", name=f"Search {caption}").fill("labels")
    lines = seen.copied("Markdown", caption).splitlines()
    assert lines[0].startswith("| encoder | training runs | seen concepts, seen style |")
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | ---: |"
    assert all("labels" in line for line in lines[2:])
    assert r"\begin{tabular}{lrrrrr}" in seen.copied("LaTeX", caption)


def hostile(folder):
    """Page of a run in which a model is called what HTML, Markdown and LaTeX would read as theirs."""
    rows = results((SIGNS, "second"))
    run = make_run(
        rows=rows,
        models={
            name: model_card(name, "captions" if name == SIGNS else "labels") for name in (SIGNS, "second")
        },
        comparisons=[comparison(pairs=[(SIGNS, "second")])],
    )
    return page_of(run, tables((SIGNS, "second"), compared=contrasts()), folder, ("transfer",))


def test_names_are_escaped_in_all_that_is_copied_and_shown(browse, tmp_path):
    seen = browse(hostile(tmp_path))
    caption = "Transfer: accuracy, sound mode"
    copied = pd.read_csv(io.StringIO(seen.copied("CSV", caption)))
    assert copied["model"].tolist() == [SIGNS, "second"]
    assert seen.copied("Markdown", caption).splitlines()[2] == (
        r"| a\_b \& 50% {x} \\y ~ ^ # $ \<b\>bold\</b\> \| \`c\` \*d\* [e\](f) | 50.0 ± 2.0 | 60.0 ± 2.0 |"
    )
    lines = seen.copied("LaTeX", caption).splitlines()
    assert lines[8] == (
        r"a\_b \& 50\% \{x\} \textbackslash{}y \textasciitilde{} \textasciicircum{} \# \$ \textless{}b\textgreater{}"
        r"bold\textless{}/b\textgreater{} \textbar{} `c` *d* [e](f) & 50.0 $\pm$ 2.0 & 60.0 $\pm$ 2.0 \\"
    )
    seen.table(caption).locator("td a").first.click()
    shown = seen.page.locator("#rows tbody tr")
    playwright.expect(shown.first).to_contain_text(SIGNS)
    assert shown.locator("b").count() == 0
    assert seen.console == []


# The rows behind a number


def test_a_number_leads_to_its_rows(browse, path_of_trained, run_of_trained):
    seen = browse(path_of_trained)
    table = seen.table("Few-shot: accuracy")
    row = table.locator("tbody tr", has=seen.page.get_by_role("rowheader", name="SimCLR", exact=True)).first
    row.locator("td a").first.click()
    said = seen.page.locator("#rows [role=status]").first
    playwright.expect(said).to_contain_text(f"3 of {len(run_of_trained.results):,} rows")
    assert column(seen.page.locator("#rows"), 2) == ["simclr-0", "simclr-1", "simclr-2"]
    rows = pd.read_csv(io.StringIO(seen.copied("CSV", "Rows of results.csv")))
    wanted = "objective == 'simclr' and protocol == 'few_shot' and setting == 1 and dataset == 'shapes'"
    expected = run_of_trained.results.query(wanted)["value"]
    assert rows["value"].tolist() == pytest.approx(expected.tolist())
    assert row.locator("td").nth(2).text_content().startswith(f"{100 * expected.mean():.1f} [")
    seen.page.get_by_role("button", name="Show all rows of results.csv").click()
    playwright.expect(said).to_contain_text(f"{len(run_of_trained.results):,} of")
    assert seen.console == []


def test_the_sides_of_a_contrast_lead_to_the_rows_of_their_models(browse, path):
    seen = browse(path)
    cells = seen.table("Contrast language").locator("tbody tr").first.locator("td")
    for place, models in ((1, {"first"}), (2, {"second"}), (3, {"first", "second"})):
        cells.nth(place).locator("a").click()
        rows = seen.page.locator("#rows tbody tr")
        playwright.expect(rows).to_have_count(2 * len(models))
        assert set(column(seen.page.locator("#rows"), 2)) == models
        assert set(column(seen.page.locator("#rows"), 3)) == {"shapes", "toys"}


def test_an_address_opens_the_page_at_its_rows(browse, path):
    seen = browse(path, address="#rows?protocol=robustness&setting=0.01&dataset=toys&dataset=shapes")
    playwright.expect(seen.page.locator("#rows tbody tr")).to_have_count(4)
    playwright.expect(seen.page.locator("#rows h3")).to_be_focused()
    playwright.expect(seen.page.locator("#rows h3")).to_be_in_viewport()


def test_a_table_that_the_page_carries_is_saved_as_it_is_on_disk(seen, path):
    with seen.page.expect_download() as caught:
        seen.page.get_by_role("link", name="save results.csv").click()
    assert caught.value.suggested_filename == "results.csv"
    assert Path(caught.value.path()).read_bytes() == path.with_name("results.csv").read_bytes()


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browse, path_of_trained, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    seen = browse(path_of_trained, scheme=scheme, address="#rows?protocol=transfer")
    seen.page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    playwright.expect(seen.page.locator("#rows tbody tr").first).to_be_visible()
    found = axe.Axe().run(seen.page).response["violations"]
    serious = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    assert not serious, [(v["id"], v["nodes"][0]["html"][:200], len(v["nodes"])) for v in serious]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(browse, path_of_trained, scheme):
    seen = browse(path_of_trained, scheme=scheme, width=360, address="#rows?protocol=transfer")
    seen.page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    for width in (360, 1024, 1920):
        seen.page.set_viewport_size({"width": width, "height": 800})
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_cut_in_a_narrow_window_fades_and_says_that_it_scrolls(browse, path_of_trained):
    seen = browse(path_of_trained, width=360)
    card = seen.figure("robustness").locator(".card")
    hint = seen.figure("robustness").locator(".hint")
    playwright.expect(hint).to_be_visible()
    playwright.expect(card).to_have_class("card cut-right")
    playwright.expect(card).to_have_accessible_description(hint.text_content())
    assert card.get_attribute("aria-label")
    card.focus()
    card.press("ArrowRight")
    playwright.expect(card).to_have_class("card cut-right cut-left")
    card.evaluate("card => { card.scrollLeft = card.scrollWidth }")
    playwright.expect(card).to_have_class("card cut-left")
    table = seen.table("Few-shot: accuracy")
    playwright.expect(table).to_have_class("wide cut-right")
    playwright.expect(table.locator("xpath=preceding-sibling::p[1]")).to_be_visible()


def test_nothing_is_said_of_scrolling_where_all_is_seen_and_on_paper(browse, path_of_trained):
    seen = browse(path_of_trained)
    for name in TRAINED:
        playwright.expect(seen.figure(name).locator(".hint")).to_be_hidden()
    assert seen.page.locator(".card.cut-right, .card.cut-left").count() == 0
    assert seen.page.locator(".card[aria-describedby]").count() == 0
    seen.page.set_viewport_size({"width": 360, "height": 800})
    playwright.expect(seen.figure("robustness").locator(".hint")).to_be_visible()
    seen.page.emulate_media(media="print")
    assert seen.page.locator(".hint:visible").count() == 0
    masks = "[...document.querySelectorAll('.card, .wide')].map(part => getComputedStyle(part).maskImage)"
    assert set(seen.page.evaluate(masks)) == {"none"}


def test_the_title_of_a_figure_breaks_where_the_window_is_narrow(browse, path_of_trained):
    figure = browse(path_of_trained, width=360).figure("robustness")
    place = figure.locator(".card").bounding_box()
    for title in figure.locator(".live .role-title-text text, .live .role-title-subtitle text").all():
        if title.bounding_box()["y"] < place["y"] + 100:
            assert title.bounding_box()["x"] + title.bounding_box()["width"] <= place["x"] + place["width"]


def test_a_table_of_many_rows_scrolls_in_itself_below_its_titles(browse, tmp_path):
    names = [f"model-{number}" for number in range(50)]
    run = make_run(
        rows=results(names, protocols=["transfer"]),
        models={name: model_card(name, "captions" if name == names[0] else "labels") for name in names},
        comparisons=[],
        compared=no_contrasts(),
    )
    seen = browse(page_of(run, tables(names, protocols=["transfer"]), tmp_path, ("transfer",)))
    table = seen.table("Transfer: accuracy")
    assert table.bounding_box()["height"] <= 0.8 * 800
    above = table.locator("thead th").first.bounding_box()["y"] - table.bounding_box()["y"]
    table.evaluate("table => { table.scrollTop = 500 }")
    assert table.locator("thead th").first.bounding_box()["y"] - table.bounding_box()["y"] <= above
    assert table.locator("thead th").first.bounding_box()["y"] >= table.bounding_box()["y"] - 1
    seen.page.emulate_media(media="print")
    assert table.bounding_box()["height"] > 800


# Pairs of words in a chart whose boxes overlap by more than a pixel.
OVERLAPS = """chart => {
  const words = [...chart.querySelectorAll("text")].filter(one => one.textContent.trim());
  const boxes = words.map(one => [one.textContent, one.getBoundingClientRect()]);
  return boxes.flatMap(([said, a], place) => boxes.slice(place + 1)
    .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
    .map(([other]) => [said, other]));
}"""


@pytest.mark.parametrize("width", [360, 1024])
def test_the_first_picture_is_as_wide_as_its_place_and_no_words_in_it_overlap(browse, path_of_trained, width):
    figure = browse(path_of_trained, width=width).figure("overview")
    place = figure.locator(".card").evaluate("card => card.clientWidth")
    assert figure.locator(".live svg").bounding_box()["width"] <= place
    assert figure.locator(".live svg").evaluate(OVERLAPS) == []
    assert figure.evaluate("figure => figure === document.querySelector('figure')")


@pytest.mark.parametrize("width", [360, 1024])
def test_long_names_do_not_widen_the_page_and_break_only_after_underscores(browse, path_of_long_names, width):
    page = browse(path_of_long_names, width=width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = page.locator("figure[data-figure=overview] .live svg tspan:text('the_same')").all_text_contents()
    assert lines
    assert all(line.endswith("_") for line in lines)


def test_what_is_not_on_the_first_screen_is_one_click_away(browse, path_of_trained):
    seen = browse(path_of_trained)
    table = seen.page.locator("table.glance")
    assert not table.is_visible()
    seen.page.get_by_text("Every comparison, with numbers").click()
    playwright.expect(table).to_be_visible()


def test_charts_turn_dark_with_the_page(browse, path):
    filters = [
        browse(path, scheme=scheme).page.evaluate(
            "getComputedStyle(document.querySelector('.live svg')).filter"
        )
        for scheme in ("light", "dark")
    ]
    assert filters == ["none", "invert(0.9) hue-rotate(180deg)"]


def test_the_first_key_leads_to_the_answer(browse, path):
    seen = browse(path)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    assert seen.page.locator(".skip").bounding_box()["x"] >= 0


def test_on_paper_figures_stand_still_and_nothing_asks_to_be_pressed(browse, path_of_trained):
    seen = browse(path_of_trained, scheme="dark")
    seen.page.emulate_media(media="print")
    assert seen.page.locator(".still svg").first.is_visible()
    assert not seen.page.locator(".live").first.is_visible()
    assert seen.page.locator("button:visible, input:visible, select:visible").count() == 0
    assert seen.page.evaluate("getComputedStyle(document.querySelector('.still svg')).filter") == "none"
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
