// The scorecard with scripts on: search, filter by verdict and study, sort. With scripts off the page shows everything.
(() => {
  "use strict";
  const place = document.getElementById("sc-filter");
  const sections = [...document.querySelectorAll(".sc-study")];
  const rows = sections.flatMap((section) =>
    [...section.querySelectorAll("tr[data-verdict]")].map((node) => ({
      node, section, block: node.closest(".sc-table") || node.closest(".scroll"), text: node.textContent.toLowerCase(),
    })));
  const folded = new Map([...document.querySelectorAll(".sc-table")].map((block) => [block, block.open]));
  const make = (tag, given, ...inside) => {
    const node = Object.assign(document.createElement(tag), given);
    node.append(...inside);
    return node;
  };

  const search = make("input", { type: "search", placeholder: "model, metric, dataset, reason" });
  search.setAttribute("aria-label", "Search numbers and claims");
  const study = make("select", {}, make("option", { value: "" }, "all studies"),
    ...sections.map((section) => make("option", { value: section.dataset.study }, section.dataset.study)));
  study.setAttribute("aria-label", "Study");
  const there = new Set(rows.map((row) => row.node.dataset.verdict));
  const verdicts = place.dataset.verdicts.split("|").filter((verdict) => there.has(verdict));
  const boxes = verdicts.map((verdict) => make("input", { type: "checkbox", checked: true, value: verdict }));
  const said = make("span", { className: "quiet" });
  said.setAttribute("role", "status");

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const narrowed = Boolean(words.length || study.value || kept.size < boxes.length);
    const shown = new Map();
    let count = 0;
    for (const row of rows) {
      const fits = kept.has(row.node.dataset.verdict) && (!study.value || row.section.dataset.study === study.value) &&
        words.every((word) => row.text.includes(word));
      row.node.hidden = !fits;
      if (fits) count += 1;
      for (const around of [row.block, row.section]) shown.set(around, (shown.get(around) || 0) + Number(fits));
    }
    for (const [around, fitting] of shown) {
      around.hidden = !fitting;
      // A table opens when something is looked for, and is as it was when nothing is.
      if (folded.has(around)) around.open = narrowed && fitting ? true : folded.get(around);
    }
    said.textContent = `${count} of ${rows.length} shown`;
  };
  search.addEventListener("input", show);
  for (const control of [study, ...boxes]) control.addEventListener("change", show);
  place.append(search, study, ...boxes.map((box) => make("label", {}, box, ` ${box.value}`)), said);
  show();

  const value = (row, column) => {
    const cell = row.cells[column];
    if (!("sort" in cell.dataset)) return cell.textContent.trim().toLowerCase();
    return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
  };
  for (const table of document.querySelectorAll(".sc-numbers")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", { type: "button", className: "sc-sort" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const sorted = [...body.rows].sort((one, other) => {
          const [a, b] = [value(one, column), value(other, column)];
          if (a === null || b === null) return (a === null) - (b === null); // what has no number stays last
          const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
          return falling ? -order : order;
        });
        body.append(...sorted);
      });
    });
  }

  // Paper cannot be clicked: it has what claims rest on; tables of which nothing was compared stay folded, with their counts.
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const block of document.querySelectorAll(".sc-claims details:not([open])")) {
      block.open = true;
      opened.push(block);
    }
  });
  addEventListener("afterprint", () => {
    for (const block of opened.splice(0)) block.open = false;
  });
})();
