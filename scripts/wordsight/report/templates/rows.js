"use strict";
// The rows of results.csv, which the page contains once: all, or those that a clicked number was computed from.
const CARRIED = document.querySelector("a[data-packed][download='results.csv.gz']");
const NUMBERS = ["setting", "value", "stderr", "n", "trials", "seed", "pretraining_images", "training_seed"];
const section = document.getElementById("rows");
let opened; // promise of the table, made at the first request

async function open() {
  const [columns, ...rows] = fromCsv(await unpacked(CARRIED.href.split("base64,")[1]));
  const caption = "Rows of results.csv";
  const wrapper = section.querySelector(".wide");
  const table = document.createElement("table");
  wrapper.append(table);
  wrapper.hidden = false;
  const numeric = new Set(NUMBERS.map((name) => columns.indexOf(name)));
  const escape = DataTables.default.render.text().display;
  const grid = new DataTables.default(table, {
    ...settings(columns, numeric, escape, (cell) => cell),
    columns: columns.map((title) => ({ title })),
    data: rows,
    pageLength: 25,
    layout: { topStart: null, topEnd: "search", bottomStart: "info", bottomEnd: "paging" },
  });
  for (const title of table.tHead.rows[0].cells) title.scope = "col";
  const shown = () => ({ caption, columns, numeric, rows: grid.rows({ search: "applied", order: "applied" }).data().toArray() });
  place(wrapper, caption, ...copying(shown, caption));
  return { columns, rows, grid };
}

/** Tests of a row, one for each name in a query; the sides of a contrast are lists of models. */
function tests(query, columns) {
  const found = [];
  for (const name of new Set(query.keys())) {
    const values = new Set(query.getAll(name));
    const at = columns.indexOf(name);
    if (at >= 0) found.push((row) => values.has(row[at]));
  }
  if (query.has("contrast")) {
    const sides = JSON.parse(document.getElementById("sides").textContent)[query.get("contrast")] ?? {};
    const asked = query.has("side") ? query.getAll("side") : Object.keys(sides);
    const models = new Set(asked.flatMap((side) => sides[side] ?? []));
    const at = columns.indexOf("model");
    found.push((row) => models.has(row[at]));
  }
  return found;
}

/** Show the rows that the page's address asks for, such as #rows?protocol=few_shot&setting=5. */
async function show() {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const { columns, rows, grid } = await (opened ??= open());
  const wanted = tests(query, columns);
  const found = rows.filter((row) => wanted.every((test) => test(row)));
  grid.search("").order([]).clear().rows.add(found).draw();
  const names = [...new Set(query.keys())].map((name) => `${name} = ${query.getAll(name).join(" or ")}`);
  const among = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
  section.querySelector("[role=status]").textContent = names.length ? `${among}: ${names.join(", ")}` : among;
  section.querySelector("h3").focus({ preventScroll: true });
  section.scrollIntoView();
}

const asksForRows = () => /^#rows\?/.test(location.hash);

if (CARRIED) {
  for (const link of document.querySelectorAll("a[data-rows]")) link.href = `#rows?${link.dataset.rows}`;
  // Needed because a second click on the same link does not change the address.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-rows]");
    if (link && link.hash === location.hash) show();
  });
  addEventListener("hashchange", () => asksForRows() && show());
  const all = button("Show all rows", "Show all rows of results.csv", () => {
    history.replaceState(null, "", "#rows?");
    show();
  });
  section.querySelector("[role=status]").before(all, " ");
  if (asksForRows()) show();
}
