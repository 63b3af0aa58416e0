"use strict";
// A click on a column's title sorts the table by it, numbers as numbers; a second click turns the order round.
const number = (text) => (/^[+−-]?[\d.,]+/.test(text) ? parseFloat(text.replace("−", "-").replaceAll(",", "")) : NaN);

function compare(a, b) {
  const [x, y] = [number(a), number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, heading) {
  const up = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of heading.parentElement.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  const text = (row) => row.cells[heading.cellIndex].textContent.trim();
  const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)) * (up ? 1 : -1));
  body.append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.append(button);
  }
}
