/* Matrix: how alike models are in one number a pair, reordered; a cell opens the depths of its two models against each other. */
"use strict";

(function (atlas) {
  let opened = false; // whether the reader has just opened the depths of two models, which stand below the matrix
  const KEYS = ["metric", "dataset", "setting", "facet", "other_facet"];

  /** Return the order of leaves of average-linkage clustering of items whose likeness is given. */
  atlas.clustered = function (count, alike) {
    let groups = d3.range(count).map((i) => [i]);
    const near = (a, b) => d3.mean(a, (i) => d3.mean(b, (j) => alike(i, j) ?? 0));
    while (groups.length > 1) {
      let best = [0, 1, -Infinity];
      for (let a = 0; a < groups.length; a++) for (let b = a + 1; b < groups.length; b++) { const how = near(groups[a], groups[b]); if (how > best[2]) best = [a, b, how]; }
      const [a, b] = best;
      // Of the four ways to lay two groups end to end the one whose touching ends are most alike.
      const ways = [[groups[a], groups[b]], [[...groups[a]].reverse(), groups[b]], [groups[a], [...groups[b]].reverse()], [[...groups[a]].reverse(), [...groups[b]].reverse()]];
      const joined = d3.greatest(ways, ([one, two]) => alike(one[one.length - 1], two[0]) ?? 0).flat();
      groups = [...groups.slice(0, a), joined, ...groups.slice(a + 1, b), ...groups.slice(b + 1)];
    }
    return groups.length ? groups[0] : [];
  };

  atlas.views.matrix = {
    title: "Matrix",
    async render(host, width) {
      const sources = atlas.index.pairs;
      if (!sources.length) { host.append(atlas.make("p", {}, "No analysis of this run compares models with each other.")); return; }
      const loaded = await Promise.all(sources.map((source) => atlas.load(source.models)));
      const all = loaded.flatMap((data, i) => data.matrices.map((matrix) => ({ ...matrix, source: sources[i], ids: data.models, id: [sources[i].analysis, ...KEYS.map((key) => matrix[key])].join("|") })));
      if (!all.length) { host.append(atlas.make("p", {}, "No analysis of this run has one number for each two models.")); return; }
      const one = all.find((matrix) => matrix.id === atlas.get("comparison")) || all.find((matrix) => matrix.setting === "all") || all[0];
      const text = (matrix) => [atlas.words(matrix.metric), matrix.dataset, matrix.facet === matrix.other_facet ? atlas.words(matrix.facet) : `${atlas.words(matrix.facet)} and ${atlas.words(matrix.other_facet)}`, matrix.setting].filter(Boolean).join(" · ");
      const value = (i, j) => one.value[i * one.ids.length + j];
      const there = atlas.shown().map((model) => one.ids.indexOf(model.id)).filter((i) => i >= 0 && one.ids.some((_, j) => value(i, j) !== null));
      const rank = (i) => atlas.index.families.findIndex((family) => family.id === atlas.model(one.ids[i]).family);
      const order = atlas.get("order") || "family";
      const places = order === "cluster" ? atlas.clustered(there.length, (a, b) => value(there[a], there[b])).map((i) => there[i]) : order === "family" ? d3.sort(there, (i) => rank(i)) : there;
      const models = places.map((i) => atlas.model(one.ids[i]));
      const cell = (r, c) => value(places[r], places[c]);
      const range = d3.extent(models.flatMap((_, r) => models.map((__, c) => cell(r, c))).filter((number) => number !== null));
      const spec = { rows: models.map((model) => model.name), columns: models.map((model) => model.name), looks: models, value: cell, range, unit: one.unit, label: `${atlas.words(one.metric)} between models` };
      const counted = atlas.count(one.source.analysis, one.metric, one.facet);
      const reading = (r, c) => { const at = places[r] * one.ids.length + places[c]; return `${models[r].name} (layer ${one.layers[models[r].id] ?? "?"}) and ${models[c].name} (layer ${one.layers[models[c].id] ?? "?"}): ${atlas.reading({ value: one.value[at], low: one.low[at], high: one.high[at], n: one.n[at] }, one.unit, counted)}`; };
      const drawn = heat(spec, atlas.theme(), width, reading);
      const deep = Object.keys(one.source.depths).length > 0;
      const open = (point) => {
        opened = true;
        atlas.set({ pair: `${models[point.r].id}~${models[point.c].id}`, block: "" });
      };
      const csv = () => models.flatMap((a, r) => models.map((b, c) => { const at = places[r] * one.ids.length + places[c]; return { analysis: one.source.analysis, model: a.id, other_model: b.id, ...Object.fromEntries(KEYS.map((key) => [key, one[key]])), value: one.value[at], ci_low: one.low[at], ci_high: one.high[at], n: one.n[at], n_of: counted[0], interval_over: counted[1], unit: one.unit }; }));
      host.append(
        atlas.make("div", { class: "menus" },
          atlas.menu("pick-comparison", "Comparison", [...d3.group(all, (matrix) => matrix.source.analysis)].map(([key, own]) => ({ group: atlas.title(key), options: own.map((matrix) => [matrix.id, text(matrix)]) })), one.id, (id) => atlas.set({ comparison: id })),
          atlas.menu("pick-order", "Order", [["family", "By family"], ["cluster", "By likeness (clustering)"], ["run", "As in the run"]], order, (chosen) => atlas.set({ order: chosen }))),
        atlas.make("h2", {}, spec.label), atlas.make("p", { class: "quiet" }, `${text(one)}.${deep ? " A click or Enter opens the depths of two models against each other." : ""}`),
        ...atlas.readable("chart", drawn.svg, drawn.points, spec.label, deep ? open : null),
        atlas.downloads(() => `${one.metric} ${one.setting} models`, () => heat(spec, atlas.theme(true), 760, reading).svg, csv),
        atlas.table(text(one), ["Model", ...models.map((model) => model.name)], models.map((model, r) => [model.name, ...models.map((_, c) => atlas.number(cell(r, c)))])));
      if (deep) await depths(host, one, width);
    },
  };

  /** Show the depths of the chosen two models against each other. */
  async function depths(host, one, width) {
    const [a, b] = (atlas.get("pair") || "").split("~").map(atlas.model);
    if (!a || !b) return;
    const section = atlas.make("section", { class: "pair", id: "pair", "aria-label": "Depths against each other", "data-reveal": opened });
    opened = false;
    host.append(section);
    const blocks = (await Promise.all([[a, b, false], [b, a, true]].filter(([, , turned]) => !turned || a !== b).map(async ([first, second, turned]) => {
      const file = one.source.depths[first.id];
      const own = file ? (await atlas.load(file)).blocks.filter((block) => block.other === second.id) : [];
      return own.map((block) => ({ ...block, turned, id: [block.metric, block.dataset, block.setting, block.left.join("+"), block.right.join("+")].join("|") }));
    }))).flat();
    section.append(atlas.make("h3", {}, `${a.name} and ${b.name}, depth by depth`));
    if (!blocks.length) { section.append(atlas.make("p", {}, "The run has no comparison of the depths of these two.")); return; }
    const block = blocks.find((own) => own.id === atlas.get("block")) || blocks.find((own) => own.metric === one.metric && own.dataset === one.dataset) || blocks[0];
    const words = (facets) => facets.map(atlas.words).join(", ");
    const name = (own) => `${atlas.words(own.metric)} · ${own.left.join() === own.right.join() ? words(own.left) : `${words(own.left)} against ${words(own.right)}`}${own.setting ? ` · ${own.setting}` : ""}`;
    const codes = atlas.codes(block.codes, Uint16Array);
    const [up, across] = block.turned ? [block.right, block.left] : [block.left, block.right];
    const [high, wide] = block.turned ? [block.columns, block.rows] : [block.rows, block.columns];
    const value = (r, c) => atlas.decode(codes[block.turned ? c * block.columns + r : r * block.columns + c], block.low[0], block.high[0], 65535);
    const label = (facets) => (i) => `layer ${Math.floor(i / facets.length) + 1}${facets.length > 1 ? `, ${atlas.words(facets[i % facets.length])}` : ""}`;
    const spec = { rows: d3.range(high).map(label(up)), columns: d3.range(wide).map(label(across)), ticks: [up.length, across.length], names: [a.name, b.name], value, range: [block.low[0], block.high[0]], unit: block.unit, label: `${atlas.words(block.metric)}, ${a.name} up, ${b.name} across` };
    const reading = (r, c) => `${a.name} ${spec.rows[r]}; ${b.name} ${spec.columns[c]}: ${atlas.reading({ value: value(r, c) }, block.unit)}`;
    const drawn = heat(spec, atlas.theme(), Math.min(width, 620), reading);
    const csv = () => d3.range(high).flatMap((r) => d3.range(wide).map((c) => ({ model: a.id, layer: Math.floor(r / up.length) + 1, facet: up[r % up.length], other_model: b.id, other_layer: Math.floor(c / across.length) + 1, other_facet: across[c % across.length], metric: block.metric, dataset: block.dataset, setting: block.setting, value: value(r, c) === null ? null : Number(value(r, c).toPrecision(4)), unit: block.unit })));
    if (blocks.length > 1) section.append(atlas.make("div", { class: "menus" }, atlas.menu("pick-block", "Parts compared", blocks.map((own) => [own.id, name(own)]), block.id, (id) => atlas.set({ block: id }))));
    section.append(atlas.make("p", { class: "quiet" }, `${name(block)}${up.length > 1 ? `; the ${up.length} parts of a layer lie side by side` : ""}.`), ...atlas.readable("chart-pair", drawn.svg, drawn.points, spec.label),
      atlas.downloads(() => `${block.metric} ${a.id} ${b.id}`, () => heat(spec, atlas.theme(true), 620, reading).svg, csv));
  }

  /** Draw a matrix as colours, with numbers where there is room, and a colour bar. */
  function heat(spec, theme, width, reading) {
    const [rows, columns] = [spec.rows.length, spec.columns.length];
    const models = !spec.ticks;
    const longest = models ? Math.min(130, width * 0.32, 12 + 6.2 * (d3.max(spec.rows, (name) => name.length) || 0)) : 44;
    const [left, top] = [longest, models ? longest : 40];
    const size = Math.max(models ? 9 : 2, Math.min(models ? 46 : 26, (width - left - 12) / Math.max(1, columns)));
    const [wide, high] = [left + size * columns + 12, top + size * rows + 64];
    const [low, most] = spec.range[0] === undefined ? [0, 1] : spec.range;
    const share = (number) => (number === null ? null : (number - low) / (most - low || 1));
    const svg = atlas.drawing(Math.max(wide, 260), high, theme, spec.label);
    if (!rows || !columns) return { svg: svg.node(), points: [] };
    const canvas = atlas.pixels(rows, columns, (i) => share(spec.value(Math.floor(i / columns), i % columns)));
    svg.append("image").attr("href", canvas.toDataURL()).attr("x", left).attr("y", top).attr("width", size * columns).attr("height", size * rows).attr("preserveAspectRatio", "none").style("image-rendering", "pixelated");
    const points = [];
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
      const number = spec.value(r, c);
      if (number === null) continue;
      points.push({ x: left + size * (c + 0.5), y: top + size * (r + 0.5), group: r, r, c, text: reading(r, c) });
      if (models && size >= 27) svg.append("text").attr("x", left + size * (c + 0.5)).attr("y", top + size * (r + 0.5) + 3.5).attr("text-anchor", "middle").attr("font-size", Math.min(11, size / 3)).attr("fill", atlas.textOn(atlas.shade(share(number)))).text(number.toFixed(2).replace("-", "−").replace(/^(−?)0\./, "$1."));
    }
    if (models) {
      const type = Math.min(11, size);
      const fit = (name) => { const most = Math.floor((longest - 10) / (type * 0.56)); return name.length > most ? `${name.slice(0, most - 1)}…` : name; };
      spec.looks.forEach((model, i) => {
        const colour = atlas.look(model, theme).text;
        const weight = atlas.isMarked(model.id) ? 700 : 400;
        svg.append("text").attr("x", left - 5).attr("y", top + size * (i + 0.5) + type / 3).attr("text-anchor", "end").attr("font-size", type).attr("fill", colour).attr("font-weight", weight).text(fit(model.name));
        svg.append("text").attr("transform", `translate(${left + size * (i + 0.5) + type / 3},${top - 5}) rotate(-90)`).attr("font-size", type).attr("fill", colour).attr("font-weight", weight).text(fit(model.name));
      });
    } else {
      const ticks = (count, per) => { const layers = count / per; const step = layers > 24 ? 6 : layers > 12 ? 3 : layers * size * per < 200 ? 2 : 1; return d3.range(1, layers + 1).filter((layer) => layer === 1 || layer % step === 0); };
      for (const layer of ticks(rows, spec.ticks[0])) svg.append("text").attr("x", left - 5).attr("y", top + size * spec.ticks[0] * (layer - 0.5) + 4).attr("text-anchor", "end").text(layer);
      for (const layer of ticks(columns, spec.ticks[1])) svg.append("text").attr("x", left + size * spec.ticks[1] * (layer - 0.5)).attr("y", top + size * rows + 14).attr("text-anchor", "middle").text(layer);
      ["Up", "Across"].forEach((way, i) => svg.append("text").attr("x", left).attr("y", 12 + 15 * i).attr("font-weight", 600).text(`${way}: layers of ${spec.names[i]}`));
    }
    const base = top + size * rows + (models ? 14 : 26);
    const bar = atlas.pixels(1, 64, (i) => i / 63);
    svg.append("image").attr("href", bar.toDataURL()).attr("x", left).attr("y", base).attr("width", 120).attr("height", 9).attr("preserveAspectRatio", "none");
    svg.append("text").attr("x", left).attr("y", base + 22).text(atlas.number(low));
    svg.append("text").attr("x", left + 120).attr("y", base + 22).attr("text-anchor", "end").text(`${atlas.number(most)}${spec.unit ? ` ${spec.unit}` : ""}`);
    return { svg: svg.node(), points };
  }
})(window.atlas);
