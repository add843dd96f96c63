/* What all parts of the explorer share: elements, words, numbers, colours, downloads. Classic scripts, one object, no build:
   modules and fetch do not work in pages opened from a folder. */
"use strict";
window.atlas = {};

(function (atlas) {
  /** Make an element: attributes (handlers begin with "on"), then children, of which null and false are left out. */
  atlas.make = function (tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  };

  const SPELLED = { cls: "CLS", iou: "IoU", miou: "mIoU", cka: "CKA", nmi: "NMI", ari: "ARI", pck: "PCK", knn: "k-NN", corloc: "CorLoc", mlp: "MLP", f1: "F1", r2: "R²", ssim: "SSIM", psnr: "PSNR", mse: "MSE", p1: "1st percentile", p99: "99th percentile" };

  /** Spell a column's word for reading: "mask_iou_cls" is "Mask IoU CLS". */
  atlas.words = function (name) {
    const words = String(name).split("_").map((word) => SPELLED[word] || word).join(" ");
    return /^[a-z]+( |$)/.test(words) ? words.charAt(0).toUpperCase() + words.slice(1) : words;
  };

  /** Spell an option of a menu, which may be empty. */
  atlas.option = (name) => (name === "" ? "(not named)" : /^[a-z0-9_]+$/.test(name) ? atlas.words(name) : name);

  atlas.title = (key) => atlas.index.titles[key] || atlas.words(key.split("/").pop());

  atlas.number = function (value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2).replace("-", "−").replace("e+", "e");
    return String(Number(value.toPrecision(size >= 1000 ? 6 : 3))).replace("-", "−");
  };

  /** Return what the n of a metric and facet of an analysis counts and what intervals are over, as far as the study says it. */
  atlas.count = (analysis, metric, facet) => { const own = atlas.index.counts[analysis] || {}; return own[metric] || own[facet] || own.all || ["", ""]; };

  /** Say a value with its interval and how much it is of; `counted` is what atlas.count returns. */
  atlas.reading = function ({ value, low, high, n }, unit, counted = ["", ""]) {
    const [of, over] = counted;
    const measure = unit ? ` ${unit}` : "";
    const interval = low === null || low === undefined ? "" : `, interval ${atlas.number(low)} to ${atlas.number(high)}${over && over !== of ? ` over ${over}` : ""}`;
    return `${atlas.number(value)}${measure}${interval}${n === null || n === undefined ? "" : `, n = ${n}${of ? ` ${of}` : ""}`}`;
  };

  // Colours

  const INK = { light: { ink: "#1d2129", quiet: "#5c6370", line: "#dfe3e8", paper: "#ffffff" }, dark: { ink: "#e7eaee", quiet: "#a0a8b4", line: "#313842", paper: "#14171c" } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let printing = false;
  addEventListener("beforeprint", () => { printing = true; });
  addEventListener("afterprint", () => { printing = false; });

  /** Return the colours to draw with; files and paper are always light. */
  atlas.theme = function (light = printing) {
    const name = dark.matches && !light ? "dark" : "light";
    return { name, ...INK[name] };
  };
  atlas.onTheme = (redraw) => dark.addEventListener("change", redraw);

  /** Return the colour of a family; on dark paper its lightness is raised until it can be seen. */
  atlas.familyColour = function (family, theme) {
    const colour = d3.lch(atlas.index.families.find((one) => one.id === family).colour);
    if (theme.name === "dark") colour.l = Math.max(colour.l, 66);
    return colour.formatHex();
  };

  /** Return the colour of a family's words, dark enough to be read on light paper. */
  atlas.textColour = function (colour, theme) {
    const text = d3.lch(colour);
    if (theme.name === "light") text.l = Math.min(text.l, 45);
    return text.formatHex();
  };

  const steps = Array.from({ length: 256 }, (_, i) => d3.rgb(d3.interpolateViridis(i / 255)));
  const apart = Array.from({ length: 256 }, (_, i) => d3.rgb(d3.interpolateRdBu(1 - i / 255)));

  /** Return a small canvas of numbers: `share` gives 0 to 1 a cell, null where there is none. */
  atlas.pixels = function (rows, columns, share, diverging = false) {
    const canvas = document.createElement("canvas");
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const scale = diverging ? apart : steps;
    for (let i = 0; i < rows * columns; i++) {
      const at = share(i);
      if (at === null || Number.isNaN(at)) continue;
      const colour = scale[Math.round(255 * Math.min(1, Math.max(0, at)))];
      image.data.set([colour.r, colour.g, colour.b, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  };
  atlas.shade = (at, diverging = false) => (diverging ? apart : steps)[Math.round(255 * Math.min(1, Math.max(0, at)))].formatHex();
  /** Return black or white, whichever reads better on a colour. */
  atlas.textOn = (colour) => (d3.lab(colour).l > 58 ? "#1d2129" : "#ffffff");

  // Pictures

  /** Return an empty drawing of a size, with the page's type. */
  atlas.drawing = function (width, height, theme, label) {
    return d3.create("svg").attr("xmlns", "http://www.w3.org/2000/svg").attr("viewBox", `0 0 ${width} ${height}`)
      .attr("width", width).attr("height", height).attr("role", "img").attr("aria-label", label)
      .attr("font-family", "system-ui, sans-serif").attr("font-size", 11).attr("fill", theme.ink);
  };

  // Downloads

  const quoted = (cell) => (cell === null || cell === undefined ? "" : /[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  /** Return rows (a list of objects with the same keys) as CSV. */
  atlas.csv = function (rows) {
    if (!rows.length) return "";
    const columns = Object.keys(rows[0]);
    return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((cells) => cells.map(quoted).join(",")).join("\r\n") + "\r\n";
  };

  /** Return a drawing as the text of a file of its own, on white. */
  atlas.svgText = function (svg) {
    const copy = svg.cloneNode(true);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    ground.setAttribute("width", "100%");
    ground.setAttribute("height", "100%");
    ground.setAttribute("fill", "#ffffff");
    copy.prepend(ground);
    return new XMLSerializer().serializeToString(copy);
  };

  atlas.save = function (name, type, text) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = atlas.make("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };

  /** Return the two buttons that every view has; `drawn` returns the drawing in light colours, `rows` its numbers. */
  atlas.downloads = function (name, drawn, rows) {
    const file = () => name().replace(/[^A-Za-z0-9]+/g, "_");
    return atlas.make("div", { class: "downloads" },
      atlas.make("button", { type: "button", "data-save": "svg", onclick: () => atlas.save(`${file()}.svg`, "image/svg+xml", atlas.svgText(drawn())) }, "SVG"),
      atlas.make("button", { type: "button", "data-save": "csv", onclick: () => atlas.save(`${file()}.csv`, "text/csv", atlas.csv(rows())) }, "CSV"));
  };

  /** Return a menu with a label; `options` are [value, text] or { group, options }. */
  atlas.menu = function (id, label, options, chosen, change) {
    const entry = ([value, text]) => atlas.make("option", { value, selected: String(value) === String(chosen) }, text);
    const list = options.map((one) => (Array.isArray(one) ? entry(one) : atlas.make("optgroup", { label: one.group }, one.options.map(entry))));
    return atlas.make("label", { class: "menu" }, atlas.make("span", {}, label),
      atlas.make("select", { id, onchange: (event) => change(event.target.value) }, list));
  };

  /** Return a table of texts, folded away. */
  atlas.table = function (caption, head, rows) {
    const body = rows.map((cells) => atlas.make("tr", {}, cells.map((cell, i) => atlas.make(i ? "td" : "th", i ? {} : { scope: "row" }, cell))));
    return atlas.make("details", { class: "numbers-table" }, atlas.make("summary", {}, "The numbers as a table"),
      atlas.make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}, scrolls sideways` },
        atlas.make("table", {}, atlas.make("caption", {}, caption),
          atlas.make("thead", {}, atlas.make("tr", {}, head.map((cell) => atlas.make("th", { scope: "col" }, cell)))),
          atlas.make("tbody", {}, body))));
  };
})(window.atlas);
