/* Heads: layers x heads of one model or two, any kind of map, framed by the head's kind, in the order of layers or of a number. */
"use strict";

(function (atlas) {
  const { make } = atlas;
  const kindId = (kind) => `${kind.analysis}|${kind.name}`;
  const what = (one) => [one.analysis, one.metric, one.dataset, one.facet, one.setting].join("|");
  const named = (one, all) => atlas.words(one.metric) + (all.filter((other) => other.metric === one.metric).length > 1 ? ` (${[one.dataset, atlas.option(one.facet), one.setting].filter(Boolean).join(", ")})` : "");
  let dialog = null;

  /** Load all of one model's heads: numbers, kinds, and the maps of a kind and image. */
  async function loaded(model, map, image) {
    const file = atlas.index.heads[model.id];
    const data = file ? await atlas.load(file) : { numbers: [], kinds: [] };
    const own = map?.models[model.id];
    const item = own && (own.items.find((one) => one.id === image) || own.items[0]);
    const parts = item ? await Promise.all(item.parts.map(atlas.load)) : [];
    return { model, ...data, maps: item ? assemble(parts, own.shape, model) : null, item };
  }

  function assemble(parts, [rows, columns], model) {
    const cells = rows * columns;
    const codes = new Uint8Array(model.layers * model.heads * cells).fill(255);
    const maps = { rows, columns, codes, low: [], high: [], prefix: null, picture: parts[0].picture };
    for (const part of parts) {
      codes.set(atlas.codes(part.codes, Uint8Array), (part.layer - 1) * model.heads * cells);
      maps.low.push(...part.low);
      maps.high.push(...part.high);
      if (part.prefix) maps.prefix = (maps.prefix || []).concat(part.prefix);
    }
    maps.value = (head, i) => atlas.decode(codes[head * cells + i], maps.low[head], maps.high[head], 255);
    return maps;
  }

  /** Return how many times as often uniform attention, over a grid, has each displacement: what a head is divided by. */
  function uniform(rows, columns) {
    const [high, wide] = [(rows + 1) / 2, (columns + 1) / 2];
    return (i) => (high - Math.abs(Math.floor(i / columns) + 1 - high)) * (wide - Math.abs((i % columns) + 1 - wide)) / (high * wide) ** 2;
  }

  /** Return the small canvas of a head's map, and the numbers that its colours stand for. */
  function picture(one, head, scale, common) {
    const { maps } = one;
    if (scale === "uniform") {
      const even = uniform(maps.rows, maps.columns);
      // Logarithms to the base of two, from an eighth to eight times.
      const canvas = atlas.pixels(maps.rows, maps.columns, (i) => { const value = maps.value(head, i); return value === null ? null : value <= 0 ? 0 : (Math.log2(value / even(i)) + 3) / 6; }, true);
      return { canvas, low: "1/8", high: "8 × uniform" };
    }
    const [low, high] = scale === "common" ? common : [maps.low[head], maps.high[head]];
    return { canvas: atlas.pixels(maps.rows, maps.columns, (i) => { const value = maps.value(head, i); return value === null ? null : (value - low) / (high - low || 1); }), low: atlas.number(low), high: atlas.number(high) };
  }

  atlas.views.heads = {
    title: "Heads",
    async render(host, width) {
      const kinds = atlas.index.maps;
      const able = (id) => atlas.index.heads[id] || kinds.some((kind) => kind.models[id]);
      const models = atlas.index.models.filter((model) => able(model.id));
      if (!models.length) { host.append(make("p", {}, "No analysis of this run measures single heads.")); return; }
      const preferred = [...atlas.marked(), ...atlas.shown(), ...models].filter((model) => able(model.id));
      const first = models.find((model) => model.id === atlas.get("model")) || preferred[0];
      const other = models.find((model) => model.id === atlas.get("other") && model !== first);
      const pair = other ? [first, other] : [first];
      const open = kinds.filter((kind) => pair.some((model) => kind.models[model.id]));
      const map = open.find((kind) => kindId(kind) === atlas.get("map")) || open[0];
      const items = map ? (map.models[first.id] || map.models[other.id]).items.map((item) => item.id) : [];
      const image = items.includes(atlas.get("image")) ? atlas.get("image") : items[0];
      const both = await Promise.all(pair.map((model) => loaded(model, map, image)));
      const wanted = atlas.get("range") || "own";
      const scale = wanted === "uniform" && !map?.displacement ? "own" : wanted;
      const ranges = both.filter((one) => one.item).map((one) => one.item.range);
      const common = [d3.min(ranges, (range) => range[0]), d3.max(ranges, (range) => range[1])];
      const measures = d3.groups(both.flatMap((one) => one.numbers), what).map(([, own]) => own[0]);
      const sorts = d3.groups(both.flatMap((one) => one.kinds), (kind) => `${kind.analysis}|${kind.metric}`).map(([, own]) => own[0]);
      const kindOf = atlas.get("kind") === "none" ? null : sorts.find((kind) => `${kind.analysis}|${kind.metric}` === atlas.get("kind")) || sorts[0];
      const sort = measures.find((one) => what(one) === atlas.get("sort"));
      const names = atlas.index.headKinds;
      const colour = (name) => d3.schemeObservable10[names.indexOf(name) % 10];
      const of = map ? d3.max(pair, (model) => map.models[model.id]?.of ?? 0) : 0;
      const left = of > items.length ? ` The report has ${items.length} of ${of} images; the others are in the run's maps.` : "";
      const state = { both, map, image, left, scale, common, measures, sort, kindOf, colour };
      const size = Math.floor(Math.max(22, Math.min(84, (Math.max(280, other && width > 760 ? width / 2 - 12 : width) - 36) / d3.max(pair, (model) => model.heads) - 10)));
      const choose = (key, none = "") => (value) => atlas.set({ [key]: value === none ? "" : value });
      const byAnalysis = (list, entry) => [...d3.group(list, (one) => one.analysis)].map(([key, own]) => ({ group: atlas.title(key), options: own.map(entry) }));
      host.append(
        make("div", { class: "menus" },
          atlas.menu("pick-model", "Model", models.map((model) => [model.id, model.name]), first.id, (value) => atlas.set({ model: value, other: value === other?.id ? first.id : other?.id })),
          atlas.menu("pick-other", "Beside", [["", "(none)"], ...models.filter((model) => model !== first).map((model) => [model.id, model.name])], other?.id || "", choose("other")),
          map ? atlas.menu("pick-map", "Map", byAnalysis(open, (kind) => [kindId(kind), atlas.words(kind.name)]), kindId(map), (value) => atlas.set({ map: value, image: "" })) : null,
          items.length > 1 ? atlas.menu("pick-image", "Image", items.map((id) => [id, id]), image, choose("image")) : null,
          map ? atlas.menu("pick-range", "Colours", [["own", "Each head's own range"], ["common", "One range for all"], ...(map.displacement ? [["uniform", "Ratio to uniform attention"]] : [])], scale, choose("range", "own")) : null,
          sorts.length ? atlas.menu("pick-kind", "Frames", [...sorts.map((kind) => [`${kind.analysis}|${kind.metric}`, atlas.words(kind.metric)]), ["none", "(none)"]], kindOf ? `${kindOf.analysis}|${kindOf.metric}` : "none", choose("kind")) : null,
          measures.length ? atlas.menu("pick-sort", "Order", [["", "Layer and head"], ...byAnalysis(measures, (one) => [what(one), `${named(one, measures)}, highest first`])], sort ? what(sort) : "", choose("sort")) : null),
        make("h2", {}, map ? `${atlas.words(map.name)}: maps of heads` : "Heads"),
        make("p", { class: "quiet" }, words(state)),
        legend(state),
        make("div", { class: `head-models${other && width > 760 ? " two" : ""}` }, both.map((one) => grid(one, state, size))),
        atlas.downloads(() => `heads ${map?.name || ""} ${pair.map((model) => model.id).join(" ")}`, () => sheet(state), () => both.flatMap((one) => listed(one, state))));
      if (both[0].maps?.picture) host.querySelector(".head-models").before(make("p", {}, make("img", { src: both[0].maps.picture, alt: `The image ${image}`, class: "seen" })));
    },
  };

  function words({ map, scale, sort, left }) {
    const axes = map?.displacement ? "A place is a displacement from the source token, which is in the middle; far ones can be reached from few tokens, so that uniform attention is a pyramid." : map ? "A place is a patch of the image." : "This run kept no maps of heads.";
    const range = scale === "uniform" ? " Red: more than uniform attention, blue: less." : "";
    return `${axes}${range}${left}${sort ? " Under each head: [layer, head] and the number it is sorted by." : ""} A click or Enter shows a head large, with its numbers.`;
  }

  const kindName = (one, kindOf, head) => {
    const own = kindOf && one.kinds.find((kind) => kind.metric === kindOf.metric && kind.analysis === kindOf.analysis);
    return own && own.codes[head] >= 0 ? own.names[own.codes[head]] : null;
  };
  const numberOf = (one, measure, head) => one.numbers.find((own) => what(own) === what(measure))?.value[head] ?? null;

  function legend({ both, kindOf, colour }) {
    if (!kindOf) return null;
    const all = both.flatMap((one) => d3.range(one.model.layers * one.model.heads).map((head) => kindName(one, kindOf, head))).filter(Boolean);
    const counts = d3.sort(d3.rollup(all, (own) => own.length, (name) => name), ([, count]) => -count);
    return make("p", { class: "legend" }, counts.map(([name, count]) => make("span", {}, make("span", { class: "swatch", style: `background: ${colour(name)}`, "aria-hidden": "true" }), `${atlas.words(name)} ${count}`)));
  }

  /** Return the heads of a model in the chosen order, as lists: one a layer, or one of all. */
  function rowsOf(one, sort) {
    const { layers, heads } = one.model;
    if (!sort) return d3.range(layers).map((layer) => ({ label: String(layer + 1), heads: d3.range(heads).map((head) => layer * heads + head) }));
    return [{ label: "", heads: d3.sort(d3.range(layers * heads), (head) => -(numberOf(one, sort, head) ?? -Infinity)) }];
  }

  function grid(one, state, size) {
    const { map, sort, kindOf, colour, scale, common } = state;
    const buttons = [];
    const rows = rowsOf(one, sort).map(({ label, heads }) => make("div", { class: sort ? "heads-row sorted" : "heads-row" },
      sort ? null : make("span", { class: "layer", "aria-hidden": "true" }, label),
      heads.map((head) => {
        const [layer, place] = [Math.floor(head / one.model.heads) + 1, (head % one.model.heads) + 1];
        const kind = kindName(one, kindOf, head);
        const number = sort ? numberOf(one, sort, head) : null;
        const shown = `[${layer}, ${place}] ${sort ? atlas.number(number) : ""}`.trim();
        const says = [shown, sort && atlas.words(sort.metric), `${one.model.name}, layer ${layer}, head ${place}`, kind && atlas.words(kind)].filter(Boolean).join(", ");
        const drawn = one.maps ? picture(one, head, scale, common).canvas : make("span", { class: "no-map" }, "·");
        const button = make("button", { type: "button", class: "head", id: `head-${one.model.id}-${head}`, "aria-label": says, title: says, tabindex: buttons.length ? -1 : 0, style: `--size: ${size}px;${kind ? ` --kind: ${colour(kind)}` : ""}`, onclick: () => large(state, one, head, button) },
          drawn, sort ? make("span", {}, shown) : null);
        buttons.push(button);
        return button;
      })));
    const box = make("section", { class: "head-model", "aria-label": `Heads of ${one.model.name}` }, make("h3", {}, one.model.name),
      make("p", { class: "quiet" }, map && !one.maps ? "The run has no such maps of this model." : sort ? "Highest first" : `Rows: layers. Columns: ${one.model.heads} heads.`),
      make("div", { class: "scroll head-grid" }, rows));
    box.addEventListener("keydown", (event) => {
      const at = buttons.indexOf(document.activeElement);
      const per = sort ? 1 : one.model.heads;
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: per, ArrowUp: -per }[event.key];
      if (at < 0 || !step || !buttons[at + step]) return;
      event.preventDefault();
      buttons[at].tabIndex = -1;
      buttons[at + step].tabIndex = 0;
      buttons[at + step].focus();
    });
    return box;
  }

  /** Show a head large, beside the same head of the other model, with all its numbers. */
  function large(state, one, head, opener) {
    dialog?.remove();
    const { heads } = one.model;
    const [layer, place] = [Math.floor(head / heads) + 1, (head % heads) + 1];
    const same = state.both.filter((other) => layer <= other.model.layers && place <= other.model.heads).map((other) => ({ one: other, head: (layer - 1) * other.model.heads + place - 1 }));
    const says = make("p", { class: "readout", "aria-live": "polite" }, "Hover over a map, or focus it and use the arrow keys.");
    const go = (step) => { const next = head + step; if (next >= 0 && next < one.model.layers * heads) large(state, one, next, opener); };
    dialog = make("dialog", { class: "large", "aria-label": `Layer ${layer}, head ${place}` },
      make("div", { class: "large-top" }, make("h3", {}, `Layer ${layer}, head ${place}${state.map ? `: ${atlas.words(state.map.name).replace(/^./, (letter) => (/^[A-Z][a-z]/.test(atlas.words(state.map.name)) ? letter.toLowerCase() : letter))}` : ""}`),
        make("button", { type: "button", id: "previous-head", onclick: () => go(-1), disabled: head === 0 }, "Previous"),
        make("button", { type: "button", id: "next-head", onclick: () => go(1), disabled: head === one.model.layers * heads - 1 }, "Next"),
        make("button", { type: "button", id: "close-head", onclick: () => dialog.close() }, "Close")),
      make("div", { class: "large-maps" }, same.map(({ one: own, head: at }) => make("figure", {}, make("figcaption", {}, own.model.name, kindName(own, state.kindOf, at) ? ` · ${atlas.words(kindName(own, state.kindOf, at))}` : ""), own.maps ? bigMap(own, at, state, says) : make("p", {}, "no map")))),
      says, numbersOf(same, state),
      atlas.downloads(() => `head ${layer} ${place} ${same.map((entry) => entry.one.model.id).join(" ")}`, () => sheet({ ...state, chosen: same }), () => same.flatMap(({ one: own, head: at }) => mapRows(own, at, state))));
    document.body.append(dialog);
    dialog.addEventListener("close", () => { dialog.remove(); dialog = null; opener.focus(); });
    dialog.showModal();
  }

  function bigMap(one, head, { map, scale, common }, says) {
    const { canvas, low, high } = picture(one, head, scale, common);
    const { rows, columns } = one.maps;
    let at = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
    const frame = make("div", { class: "big", tabindex: 0, role: "group", "aria-label": `Map of ${one.model.name}; arrow keys read its values`, style: `aspect-ratio: ${columns} / ${rows}` }, canvas, make("span", { class: "cursor" }), map.displacement ? make("span", { class: "middle" }) : null);
    const show = (next) => {
      at = next;
      const [r, c] = [Math.floor(at / columns), at % columns];
      frame.querySelector(".cursor").style.cssText = `left: ${(100 * c) / columns}%; top: ${(100 * r) / rows}%; width: ${100 / columns}%; height: ${100 / rows}%; display: block`;
      const where = map.displacement ? `${r - (rows - 1) / 2} down, ${c - (columns - 1) / 2} right of the source`.replaceAll("-", "−") : `row ${r + 1}, column ${c + 1}`;
      const value = one.maps.value(head, at);
      const ratio = scale === "uniform" && value !== null ? `, ${atlas.number(value / uniform(rows, columns)(at))} × uniform` : "";
      says.textContent = `${one.model.name}, ${where}: ${atlas.number(value)}${ratio}`;
    };
    frame.addEventListener("pointermove", (event) => {
      const box = frame.getBoundingClientRect();
      const [r, c] = [Math.floor(((event.clientY - box.top) / box.height) * rows), Math.floor(((event.clientX - box.left) / box.width) * columns)];
      if (r >= 0 && r < rows && c >= 0 && c < columns) show(r * columns + c);
    });
    frame.addEventListener("focus", () => show(at));
    frame.addEventListener("keydown", (event) => {
      const [r, c] = [Math.floor(at / columns), at % columns];
      const next = { ArrowUp: [r - 1, c], ArrowDown: [r + 1, c], ArrowLeft: [r, c - 1], ArrowRight: [r, c + 1] }[event.key];
      if (!next) return;
      event.preventDefault();
      if (next[0] >= 0 && next[0] < rows && next[1] >= 0 && next[1] < columns) show(next[0] * columns + next[1]);
    });
    const bar = atlas.pixels(1, 64, (i) => i / 63, scale === "uniform");
    bar.className = "colour-bar";
    return [frame, make("p", { class: "scale" }, low, bar, high)];
  }

  function numbersOf(same, { measures }) {
    const rows = measures.map((measure) => [named(measure, measures), measure.unit, ...same.map(({ one, head }) => {
      const own = one.numbers.find((other) => what(other) === what(measure));
      if (!own || own.value[head] === null) return "–";
      const n = Array.isArray(own.n) ? own.n[head] : own.n;
      return atlas.reading({ value: own.value[head], low: own.low?.[head] ?? null, high: own.high?.[head] ?? null, n }, "", atlas.count(measure.analysis, measure.metric, measure.facet));
    })]);
    const prefix = same.filter(({ one }) => one.maps?.prefix);
    if (prefix.length) {
      const count = prefix[0].one.maps.prefix.length / (prefix[0].one.model.layers * prefix[0].one.model.heads);
      rows.push(["Of this map, on tokens without a place", "", ...same.map(({ one, head }) => { const own = one.maps?.prefix; const per = own ? own.length / (one.model.layers * one.model.heads) : count; return own ? own.slice(head * per, (head + 1) * per).map(atlas.number).join(", ") : "–"; })]);
    }
    const table = atlas.table("Numbers of this head", ["Number", "Unit", ...same.map(({ one }) => one.model.name)], rows);
    table.open = true;
    return table;
  }

  const facts = ({ map, image }) => ({ analysis: map?.analysis, map: map?.name, image });
  function mapRows(one, head, state) {
    if (!one.maps) return [];
    const { rows, columns } = one.maps;
    const about = { model: one.model.id, layer: Math.floor(head / one.model.heads) + 1, head: (head % one.model.heads) + 1, ...facts(state) };
    const middle = state.map.displacement ? [(rows - 1) / 2, (columns - 1) / 2] : [-1, -1];
    return d3.range(rows * columns).map((i) => { const value = one.maps.value(head, i); return { ...about, [state.map.displacement ? "down" : "row"]: Math.floor(i / columns) - middle[0], [state.map.displacement ? "right" : "column"]: (i % columns) - middle[1], value: value === null ? null : Number(value.toPrecision(4)) }; });
  }

  function listed(one, { sort, measures }) {
    return rowsOf(one, sort).flatMap(({ heads }) => heads).map((head) => ({
      model: one.model.id, layer: Math.floor(head / one.model.heads) + 1, head: (head % one.model.heads) + 1,
      ...Object.fromEntries(atlas.index.headMetrics.map((metric) => [metric, one.kinds.filter((kind) => kind.metric === metric).map((kind) => kind.names[kind.codes[head]] ?? "")[0] ?? ""])),
      ...Object.fromEntries(measures.map((measure) => [named(measure, measures) + (measure.unit ? ` (${measure.unit})` : ""), numberOf(one, measure, head)])),
    }));
  }

  /** Draw the grids, or chosen heads large, as a file of its own. */
  function sheet(state) {
    const theme = atlas.theme(true);
    const { both, scale, common, sort, kindOf, colour, chosen, map } = state;
    const size = chosen ? 260 : 46;
    const cells = [];
    let [x, width, height] = [10, 0, 0];
    for (const one of both) {
      const rows = chosen ? [{ label: "", heads: chosen.filter((entry) => entry.one === one).map((entry) => entry.head) }] : rowsOf(one, sort);
      const per = sort && !chosen ? 12 : d3.max(rows, (row) => row.heads.length) || 1;
      const lines = rows.flatMap(({ label, heads }) => d3.range(Math.ceil(heads.length / per)).map((i) => ({ label, heads: heads.slice(i * per, (i + 1) * per) })));
      lines.forEach(({ label, heads }, r) => heads.forEach((head, c) => cells.push({ one, head, label: c ? "" : label, x: x + 24 + c * (size + 8), y: 44 + r * (size + (sort ? 22 : 8)) })));
      cells.push({ title: one.model.name, x: x + 24, y: 32 });
      const wide = 40 + per * (size + 8);
      height = Math.max(height, 60 + lines.length * (size + (sort ? 22 : 8)));
      width += wide;
      x += wide;
    }
    const svg = atlas.drawing(width + 10, height + 30, theme, "Heads");
    svg.append("text").attr("x", 34).attr("y", 15).attr("font-weight", 700).text(map ? `${atlas.words(map.name)}${state.image ? `, ${state.image}` : ""}` : "Heads");
    for (const { one, head, label, title, x: left, y } of cells) {
      if (title) { svg.append("text").attr("x", left).attr("y", y).text(title); continue; }
      const kind = kindName(one, kindOf, head);
      if (one.maps) svg.append("image").attr("href", picture(one, head, scale, common).canvas.toDataURL()).attr("x", left).attr("y", y).attr("width", size).attr("height", size).attr("preserveAspectRatio", "none").style("image-rendering", "pixelated");
      svg.append("rect").attr("x", left - 1).attr("y", y - 1).attr("width", size + 2).attr("height", size + 2).attr("fill", "none").attr("stroke", kind ? colour(kind) : theme.line).attr("stroke-width", kind ? 2.5 : 1);
      if (label) svg.append("text").attr("x", left - 8).attr("y", y + size / 2 + 4).attr("text-anchor", "end").text(label);
      if (sort || chosen) svg.append("text").attr("x", left).attr("y", y + size + 12).attr("font-size", 9).text(`[${Math.floor(head / one.model.heads) + 1}, ${(head % one.model.heads) + 1}]${sort ? ` ${atlas.number(numberOf(one, sort, head))}` : ""}`);
    }
    const names = [...new Set(cells.filter((cell) => cell.one).map(({ one, head }) => kindName(one, kindOf, head)).filter(Boolean))];
    names.forEach((name, i) => {
      svg.append("rect").attr("x", 34 + i * 110).attr("y", height + 6).attr("width", 10).attr("height", 10).attr("fill", colour(name));
      svg.append("text").attr("x", 48 + i * 110).attr("y", height + 15).attr("font-size", 10).text(atlas.words(name));
    });
    return svg.node();
  }
})(window.atlas);
