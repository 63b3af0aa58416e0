"use strict";
// Each figure stands in the page as SVG; where scripts run, an interactive chart takes its place.
for (const figure of document.querySelectorAll("figure[data-figure]")) {
  const spec = JSON.parse(document.getElementById(`spec-${figure.dataset.figure}`).textContent);
  const options = {
    ast: true, // interpret expressions, since the page forbids evaluating strings as code
    renderer: "svg",
    downloadFileName: figure.dataset.figure,
    scaleFactor: 2,
    tooltip: { theme: "light" },
    actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
    i18n: { PNG_ACTION: "Save as PNG", SVG_ACTION: "Save as SVG", CLICK_TO_VIEW_ACTIONS: "Save this figure" },
  };
  vegaEmbed(figure.querySelector(".live"), spec, options)
    .then(() => figure.classList.add("hydrated"))
    .catch((error) => console.error(`figure ${figure.dataset.figure}: ${error}`));
}
