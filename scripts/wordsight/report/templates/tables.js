"use strict";
// A click on a column's title sorts its table, numbers as numbers; a long table can be searched; all can be copied.
const LONG = 8; // rows from which a table has a search box

/** Number at the start of a cell; what has none is below all. */
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

/** How DataTables takes a cell: shown as it stands, sorted by number or text, searched by its text alone. */
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
    title.setAttribute("aria-hidden", "true"); // those who hear the page hear the caption
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
}

/** Buttons that copy what a table shows, in its order. */
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
