// What the pages do beside being read. A classic script: pages opened from a folder may load no modules and fetch nothing.
(function () {
  "use strict";
  const root = document.body.dataset.root;
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];

  // Contents stand open beside the page where there is room.
  const contents = document.querySelector(".contents");
  if (contents && matchMedia("(min-width: 68rem)").matches) { contents.open = true; }

  // What is folded away opens where a link leads into it, and on paper.
  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target && target.parentElement; node; node = node.parentElement) {
      if (node.tagName === "DETAILS" && !node.open) { node.open = true; target.scrollIntoView(); }
    }
  }
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => all("main details:not([open])").forEach((one) => {
    one.open = true;
    one.dataset.printed = "";
  }));
  addEventListener("afterprint", () => all("details[data-printed]").forEach((one) => {
    one.open = false;
    delete one.dataset.printed;
  }));
  addEventListener("beforeprint", () => all("img[loading=lazy]").forEach((image) => { image.loading = "eager"; }));

  // Commands can be selected without this; the button saves the selecting.
  if (navigator.clipboard) {
    for (const line of all(".command")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", () => {
        navigator.clipboard.writeText(line.querySelector("code").textContent).then(() => {
          button.textContent = "Copied";
          setTimeout(() => { button.textContent = "Copy"; }, 1500);
        }, () => { button.remove(); });
      });
      line.append(" ", button);
    }
  }

  // A heading of a sortable table is a button: descending, ascending; numbers by their value, what is missing last.
  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") === (head.classList.contains("number") ? "descending" : "none");
        all("thead th", table).forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const key = (row) => row.cells[column].dataset.value === undefined
          ? row.cells[column].textContent.trim() : Number(row.cells[column].dataset.value);
        const missing = (value) => value === "\u2014" || value === "";
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          if (missing(x) || missing(y)) { return missing(x) - missing(y); }
          const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
          return rising ? order : -order;
        });
        body.append(...rows);
      });
      head.setAttribute("aria-sort", "none");
    });
  }

  // Claims by verdict.
  for (const group of all(".filter")) {
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) { return; }
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "true" ? "false" : "true");
      const shown = all("button[aria-pressed=true]", group).map((one) => one.dataset.verdict);
      all(".claims tr[data-verdict]").forEach((row) => { row.hidden = !shown.includes(row.dataset.verdict); });
      all(".claims > tbody").forEach((part) => { part.hidden = !all("tr[data-verdict]:not([hidden])", part).length; });
    });
  }

  // Search over titles of figures, tables, claims, models and terms. What is searched comes when it is wanted.
  const form = document.querySelector(".search");
  if (!form) { return; }
  const field = form.querySelector("input");
  const found = form.querySelector("#found");
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = found.querySelector("a");
    if (first) { first.click(); }
  });
  let asked = false;
  function load() {
    if (asked) { return; }
    asked = true;
    const script = document.createElement("script");
    script.src = root + "data/search.js";
    script.addEventListener("load", search);
    document.head.append(script);
  }
  function search() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    found.replaceChildren();
    found.hidden = !words.length || !window.atlasSearch;
    if (found.hidden) { return; }
    const hits = [];
    for (const [kind, title, more, href] of window.atlasSearch) {
      const [name, rest] = [`${kind} ${title}`.toLowerCase(), more.toLowerCase()];
      if (words.every((word) => name.includes(word) || rest.includes(word))) {
        hits.push([words.filter((word) => name.includes(word)).length, kind, title, href]);
      }
    }
    hits.sort((a, b) => b[0] - a[0]);
    const said = document.createElement("p");
    said.textContent = hits.length ? `${hits.length} found${hits.length > 12 ? ", the first 12" : ""}` : "Nothing found";
    const list = document.createElement("ul");
    for (const [, kind, title, href] of hits.slice(0, 12)) {
      const [item, link, label] = ["li", "a", "span"].map((tag) => document.createElement(tag));
      label.className = "quiet";
      label.textContent = `${kind} `;
      link.href = root + href;
      link.append(label, title);
      item.append(link);
      list.append(item);
    }
    found.append(said, list);
  }
  field.addEventListener("focus", load);
  field.addEventListener("input", search);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { field.value = ""; search(); field.focus(); }
  });
  form.addEventListener("click", (event) => { if (event.target.closest("a")) { found.hidden = true; } });
})();
