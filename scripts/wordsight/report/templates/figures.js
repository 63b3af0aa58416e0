"use strict";
// Each figure is in the page as SVG; with scripts, an interactive chart replaces it.

/** Data of a chart as one table; if there are several data sets, the first column has their numbers. */
function dataOf(spec) {
  const sets = Object.values(spec.datasets ?? {});
  const named = [...new Set(sets.flat().flatMap(Object.keys))];
  const image = (name) => sets.flat().some((row) => String(row[name]).startsWith("data:"));
  const columns = named.filter((name) => !image(name));
  const cells = (row) => columns.map((name) => (row[name] ?? "").toString());
  if (sets.length < 2) return { columns, rows: sets.flat().map(cells) };
  const rows = sets.flatMap((set, place) => set.map((row) => [`${place + 1}`, ...cells(row)]));
  return { columns: ["set", ...columns], rows };
}

/** Add buttons around the link to the PDF, which works without scripts. */
function addButtons(figure, spec, view) {
  const { figure: name, title } = figure.dataset;
  const pdf = figure.querySelector(".actions a");
  const make = (kind, act) => button(kind, `Save as ${kind}: ${title}`, act);
  const svg = async () => save(await view.toSVG(), "image/svg+xml", `${name}.svg`);
  const png = async () => {
    const canvas = await view.toCanvas(2);
    canvas.toBlob((blob) => save(blob, "image/png", `${name}.png`));
  };
  pdf.before(make("SVG", svg), " ", make("PNG", png), " ");
  pdf.after(" ", make("CSV", () => save(asCsv(dataOf(spec)), "text/csv", `${name}.csv`)));
}

/** Show everything again; Vega-Lite itself reacts to a double click only outside the panels. */
function showAll(view) {
  const picked = view.getState({ data: (name) => name.endsWith("_store"), signals: () => false });
  for (const name of Object.keys(picked.data)) view.data(name, []);
  view.runAsync();
}

/** All objects inside a specification. */
const inside = (node) =>
  Array.isArray(node) ? node.flatMap(inside)
  : node && typeof node === "object" ? [node, ...Object.values(node).flatMap(inside)]
  : [];

/** Add a list below a figure that, like a click in its legend, shows only one name; it works without a mouse. */
function addList(figure, spec, view) {
  const { datasets, ...charts } = spec;
  const parts = inside(charts);
  const picked = parts.find((part) => part.bind === "legend");
  if (!picked) return;
  const [field] = picked.select.fields;
  const names = parts.find((part) => part.field === field && part.scale?.domain).scale.domain;
  const list = document.createElement("select");
  list.append(new Option("all", ""), ...names.map((name) => new Option(name)));
  list.setAttribute("aria-label", `Show only: ${figure.dataset.title}`);
  const store = `${picked.name}_store`;
  list.addEventListener("change", () => {
    const values = list.selectedIndex > 0 ? [{ unit: "", fields: [{ type: "E", field }], values: [list.value] }] : [];
    view.data(store, values).runAsync();
  });
  view.addDataListener(store, (_, rows) => {
    list.selectedIndex = rows.length === 1 ? 1 + names.indexOf(rows[0].values[0]) : rows.length ? -1 : 0;
  });
  const label = document.createElement("label");
  label.append("show ", list);
  figure.querySelector(".actions").append(label);
}

/** Panels of a chart below one another, as wide as its place, where the chart says how much stands beside them. */
function fitted(spec, room) {
  const beside = spec.usermeta?.beside;
  const wide = spec.concat?.[0].width + beside + 2 * spec.padding;
  if (!beside || room >= Math.min(spec.columns, spec.concat.length) * wide) return spec;
  const width = Math.min(spec.concat[0].width, room - beside - 2 * spec.padding);
  const { title, ...rest } = spec; // too long for a narrow page, which says the same below
  const config = { ...spec.config, legend: { ...spec.config.legend, columns: 2 } };
  return { ...rest, columns: 1, concat: spec.concat.map((panel) => ({ ...panel, width })), config };
}

/** A text in lines of at most so many letters. */
function broken(text, letters) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length > letters && lines.at(-1)) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** A chart whose title is not wider than its place, where that is narrow; numbers are pixels of a letter. */
function titled(spec, room) {
  if (!spec.title) return spec;
  const { text, subtitle } = spec.title;
  const across = room - 2 * spec.padding;
  const title = { ...spec.title, text: broken(text, across / 9), subtitle: subtitle.flatMap((line) => broken(line, across / 6.2)) };
  return { ...spec, title };
}

async function hydrate(figure) {
  const whole = JSON.parse(await unpacked(document.getElementById(`spec-${figure.dataset.figure}`).textContent));
  const room = figure.querySelector(".card").clientWidth;
  const spec = titled(fitted(whole, room), room);
  const options = {
    ast: true, // interpret expressions, since the page forbids evaluating strings as code
    renderer: "svg",
    tooltip: { theme: "page" },
    actions: false,
  };
  const { view } = await vegaEmbed(figure.querySelector(".live"), spec, options);
  addButtons(figure, spec, view);
  addList(figure, spec, view);
  figure.querySelector(".live").addEventListener("dblclick", () => showAll(view));
  figure.classList.add("hydrated");
}

(async () => {
  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    await hydrate(figure).catch((error) => console.error(`figure ${figure.dataset.figure}: ${error}`));
    showCuts(figure.querySelector(".card"));
    await new Promise((next) => setTimeout(next)); // one after another, so that the page stays responsive
  }
})();
