"use strict";
// A click on a column title sorts the table, numbers by value; long tables can be searched; all can be copied.
const LONG = 8; // rows from which a table has a search box

/** Number at the start of a cell; a cell without a number sorts below all others. */
function numberIn(text) {
  const found = /^[<≈]?\s*([+−-]?)([\d,]*\.?\d+(?:e[+-]?\d+)?|inf)/.exec(text.trim());
  if (!found) return -Infinity;
  const size = found[2] === "inf" ? Infinity : parseFloat(found[2].replaceAll(",", ""));
  return found[1] === "−" || found[1] === "-" ? -size : size;
}

function textOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.textContent.trim();
}

/** How DataTables treats a cell: shown unchanged, sorted by number or text, searched only by its text. */
const render = (numeric, shown, text) => (cell, kind) =>
  kind === "display" ? shown(cell) : numeric && kind !== "filter" ? numberIn(text(cell)) : text(cell);

function settings(columns, numeric, shown, text) {
  return {
    autoWidth: false,
    order: [],
    columnDefs: columns.map((_, target) => {
      const type = numeric.has(target) ? "num" : "string";
      return { targets: target, type, render: render(numeric.has(target), shown, text) };
    }),
    language: { search: "Search", info: "_TOTAL_ rows", infoFiltered: "of _MAX_", infoEmpty: "no rows", zeroRecords: "no row matches" },
  };
}

/** Put title and search box above the part that scrolls, and the rest of DataTables' controls below it. */
function place(wrapper, caption, ...buttons) {
  const above = document.createElement("div");
  above.className = "above";
  const own = wrapper.querySelector("caption");
  if (own) {
    const title = document.createElement("span");
    title.className = "title";
    title.textContent = caption;
    title.setAttribute("aria-hidden", "true"); // screen readers read the caption instead
    own.className = "unseen";
    above.append(title);
  }
  const search = wrapper.querySelector(".dt-search");
  if (search) {
    search.querySelector("input").setAttribute("aria-label", `Search ${caption}`);
    above.append(search);
  }
  wrapper.before(above);
  const below = actions("Copy as ", ...buttons.flatMap((made) => [made, " "]));
  below.prepend(...wrapper.querySelectorAll(".dt-info, .dt-paging"));
  wrapper.after(below);
  showCuts(wrapper);
}

/** Buttons that copy the rows shown, in their order. */
function copying(shown, caption) {
  const kinds = { CSV: asCsv, Markdown: asMarkdown, LaTeX: asLatex };
  return Object.entries(kinds).map(([kind, write]) =>
    button(kind, `Copy as ${kind}: ${caption}`, async (event) => {
      const table = shown();
      await copy(write(table));
      event.target.parentElement.say(`${table.rows.length} rows copied as ${kind}`);
    }),
  );
}

function enhance(table) {
  const wrapper = table.closest(".wide");
  const caption = wrapper.getAttribute("aria-label");
  const titles = [...table.tHead.rows[0].cells];
  const columns = titles.map((title) => title.textContent.trim());
  const numeric = new Set(titles.flatMap((title, at) => (title.classList.contains("number") ? [at] : [])));
  const long = table.tBodies[0].rows.length >= LONG;
  const grid = new DataTables.default(table, {
    ...settings(columns, numeric, (html) => html, textOf),
    paging: false,
    layout: { topStart: null, topEnd: long ? "search" : null, bottomStart: long ? "info" : null, bottomEnd: null },
  });
  const shown = () => {
    const rows = grid.rows({ search: "applied", order: "applied" }).nodes().toArray();
    return { caption, columns, numeric, rows: rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())) };
  };
  place(wrapper, caption, ...copying(shown, caption));
}

for (const table of document.querySelectorAll("table.sortable")) enhance(table);
for (const table of document.querySelectorAll("table.glance")) showCuts(table.closest(".wide"));
