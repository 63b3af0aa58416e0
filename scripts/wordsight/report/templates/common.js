"use strict";
// Shared by figures and tables: unpacking, saving, copying, and tables as text.

/** Unpack text that the page contains as gzip in base64. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function save(content, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Copy text. Browsers that deny files on disk the clipboard can still copy a selection. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function button(words, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

let hints = 0;

/** Fade a part that scrolls sideways where it is cut, and say above it that it scrolls. */
function showCuts(part) {
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.id = `hint-${(hints += 1)}`;
  hint.textContent = "Scroll sideways to see all of it.";
  part.before(hint);
  const update = () => {
    const hidden = part.scrollWidth - part.clientWidth;
    part.classList.toggle("cut-left", part.scrollLeft > 1);
    part.classList.toggle("cut-right", hidden - part.scrollLeft > 1);
    hint.hidden = hidden <= 1;
    if (hint.hidden) part.removeAttribute("aria-describedby");
    else part.setAttribute("aria-describedby", hint.id);
  };
  const watcher = new ResizeObserver(update);
  for (const one of [part, ...part.children]) watcher.observe(one);
  part.addEventListener("scroll", update, { passive: true });
}

/** Row of buttons with a status message, which screen readers announce. */
function actions(words, ...children) {
  const row = document.createElement("p");
  row.className = "actions";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  row.append(words, ...children, said);
  row.say = (text) => {
    said.textContent = text;
    setTimeout(() => (said.textContent = ""), 4000);
  };
  return row;
}

// A table is {caption, columns, rows, numeric}: cells are text, and `numeric` holds the indices of columns of numbers.

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

function asCsv({ columns, rows }) {
  return [columns, ...rows].map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

/** Cells of CSV text by row, the titles first. */
function fromCsv(text) {
  const rows = [];
  let row = [];
  // A cell (quoted, with doubled quotes inside, or plain) and the separator after it.
  for (const [, inside, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === "" && row.length === 0 && !inside && !plain) break; // after the last line
    row.push(inside === undefined ? plain : inside.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

const MARKDOWN = /[\\`*_|<>&]|\](?=\()/g;

function asMarkdown({ columns, rows, numeric }) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  const escaped = (cells) => cells.map((cell) => cell.replace(/\s+/g, " ").replace(MARKDOWN, String.raw`\$&`));
  const rule = columns.map((_, place) => (numeric.has(place) ? "---:" : "---"));
  return [escaped(columns), rule, ...rows.map(escaped)].map(line).join("");
}

const LATEX = {
  "\\": String.raw`\textbackslash{}`, "~": String.raw`\textasciitilde{}`, "^": String.raw`\textasciicircum{}`,
  "<": String.raw`\textless{}`, ">": String.raw`\textgreater{}`, "|": String.raw`\textbar{}`,
  '"': String.raw`\textquotedbl{}`, "±": String.raw`$\pm$`, "−": "$-$", "–": "--", "²": String.raw`\textsuperscript{2}`,
};

function escapeLatex(text) {
  const safe = text.replace(/\s+/g, " ").replace(/[\\{}$&#%_^~<>|"±−–²]/g, (sign) => LATEX[sign] ?? `\\${sign}`);
  return /^[[*]/.test(safe) ? `{${safe[0]}}${safe.slice(1)}` : safe; // else LaTeX reads it as an argument of the preceding \\
}

function asLatex({ caption, columns, rows, numeric }) {
  const line = (cells) => `${cells.map(escapeLatex).join(" & ")} \\\\`;
  const sides = columns.map((_, place) => (numeric.has(place) ? "r" : "l")).join("");
  return [
    String.raw`% \usepackage{booktabs}`,
    String.raw`\begin{table}`, String.raw`\centering`, `\\caption{${escapeLatex(caption)}}`,
    `\\begin{tabular}{${sides}}`, String.raw`\toprule`, line(columns), String.raw`\midrule`,
    ...rows.map(line), String.raw`\bottomrule`, String.raw`\end{tabular}`, String.raw`\end{table}`, "",
  ].join("\n");
}

for (const link of document.querySelectorAll("a[data-packed]")) {
  link.addEventListener("click", async (event) => {
    event.preventDefault(); // without scripts, the link saves the packed file
    const name = link.download.replace(/\.gz$/, "");
    save(await unpacked(link.href.split("base64,")[1]), "text/csv", name);
  });
}

for (const text of document.querySelectorAll("pre[data-copy]")) {
  const what = text.dataset.copy;
  const row = actions("", button("Copy", `Copy ${what}`, async () => {
    await copy(text.textContent);
    row.say("copied");
  }));
  text.before(row);
}
