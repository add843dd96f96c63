/* Curves: one metric over layers, absolute or relative, a line a model. What has one layer alone is drawn as a row of points. */
"use strict";

(function (atlas) {
  const NAMED = 12; // lines that all get a name beside them

  atlas.views = atlas.views || {};
  atlas.views.curves = {
    title: "Curves",
    async render(host, width) {
      const picked = await atlas.pick("", atlas.beginnings().curves);
      const rows = picked.rows.filter((row) => row.layer !== null);
      const several = d3.max(d3.rollup(rows, (own) => own.length, (row) => row.model).values()) > 1;
      const relative = atlas.get("depth") === "relative";
      const log = atlas.get("scale") === "log" && rows.every((row) => row.value > 0);
      const bare = picked.rows.length > rows.length && !rows.length ? picked.rows : rows;
      const name = () => `${picked.chosen.metric} ${picked.chosen.dataset} ${picked.chosen.facet} ${picked.chosen.setting}`;
      const draw = (theme, wide) => (several ? lines(picked, rows, { relative, log }, theme, wide) : dots(picked, bare, theme, wide));
      const drawn = draw(atlas.theme(), width);
      const menus = [...picked.menus];
      if (several) {
        menus.push(atlas.menu("pick-depth", "Depth", [["absolute", "Layer"], ["relative", "Share of depth"]], atlas.get("depth"), (value) => atlas.set({ depth: value === "relative" ? value : "" })));
        if (rows.every((row) => row.value > 0)) menus.push(atlas.menu("pick-scale", "Scale", [["linear", "Linear"], ["log", "Logarithmic"]], atlas.get("scale"), (value) => atlas.set({ scale: value === "log" ? value : "" })));
      }
      host.append(atlas.make("div", { class: "menus" }, menus), atlas.make("h2", {}, picked.label), atlas.make("p", { class: "quiet" }, picked.detail),
        ...atlas.readable("chart", drawn.svg, drawn.points, picked.label),
        atlas.downloads(name, () => draw(atlas.theme(true), 860).svg, () => bare.map((row) => ({ model: row.model, name: atlas.model(row.model).name, layer: row.layer, ...atlas.facts(picked), value: row.value, ci_low: row.low, ci_high: row.high, n: row.n }))),
        table(picked, bare));
    },
  };

  const text = (picked, row) => {
    const model = atlas.model(row.model);
    const layer = row.layer === null ? "" : `, layer ${row.layer} of ${model.layers}`;
    return `${model.name}${layer}: ${atlas.reading(row, picked.unit, picked.counted)}`;
  };

  function lines(picked, rows, { relative, log }, theme, width) {
    const by = d3.group(rows, (row) => row.model);
    const models = atlas.shown().filter((model) => by.has(model.id));
    const marked = new Set(atlas.marked().map((model) => model.id));
    const x = relative ? (row) => row.layer / atlas.model(row.model).layers : "layer";
    const wide = width > 520;
    const named = models.filter((model) => marked.has(model.id) || (wide && !marked.size && models.length <= NAMED) || (wide && models.length <= NAMED));
    const margin = wide && named.length ? Math.min(170, 16 + 6.4 * d3.max(named, (model) => model.name.length)) : 14;
    const height = Math.round(Math.max(280, Math.min(480, width * 0.52)));
    const marks = [Plot.ruleY([], {})];
    for (const model of models) {
      const own = by.get(model.id);
      const { colour, dash } = atlas.look(model, theme);
      const strong = marked.has(model.id);
      const faint = marked.size && !strong;
      if (strong && own.some((row) => row.low !== null)) marks.push(Plot.areaY(own, { x, y1: "low", y2: "high", fill: colour, fillOpacity: 0.18 }));
      marks.push(Plot.lineY(own, { x, y: "value", stroke: colour, strokeWidth: strong ? 2.8 : 1.5, strokeOpacity: faint ? 0.35 : 0.95, strokeDasharray: dash || null }));
      if (!faint && models.length <= 16) marks.push(Plot.dot(own, { x, y: "value", fill: colour, r: strong ? 3 : 2 }));
    }
    const most = d3.max(rows, (row) => row.layer);
    const svg = Plot.plot({
      width, height, marginRight: margin, marginLeft: 52, marginBottom: 38, style: { color: theme.ink, background: "none", fontFamily: "system-ui, sans-serif", fontSize: "11px" },
      x: { label: relative ? "Share of depth (layer / layers)" : "Layer", labelAnchor: "center", labelArrow: "none", ticks: relative ? 5 : most <= 16 ? d3.range(1, most + 1) : null, tickFormat: relative ? (d) => `${Math.round(d * 100)} %` : "d", domain: relative ? [0, 1] : [1, most] },
      y: { label: picked.label, labelArrow: "none", grid: true, type: log ? "log" : "linear", nice: true, ...(log ? { ticks: 5, tickFormat: atlas.number } : {}) },
      marks,
    });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${picked.label} over layers, ${models.length} models`);
    const [sx, sy] = [svg.scale("x"), svg.scale("y")];
    const points = models.flatMap((model) => by.get(model.id).map((row) => ({ x: sx.apply(relative ? row.layer / model.layers : row.layer), y: sy.apply(row.value), group: model.id, text: text(picked, row) })));
    const ends = named.map((model) => { const own = by.get(model.id); const last = own[own.length - 1]; return { model, x: sx.apply(relative ? last.layer / model.layers : last.layer), y: sy.apply(last.value) }; });
    const group = d3.select(svg).append("g").attr("font-size", 11);
    if (wide) {
      for (const { model, x: from, y, at } of atlas.spread(ends, 13, 10, height - 40)) {
        const { colour, text: ink } = atlas.look(model, theme);
        const faint = marked.size && !marked.has(model.id);
        group.append("path").attr("d", `M${from + 4},${y}L${width - margin + 4},${at}`).attr("stroke", colour).attr("stroke-opacity", 0.4).attr("fill", "none");
        group.append("text").attr("x", width - margin + 7).attr("y", at + 4).attr("text-anchor", "start").attr("fill", faint ? theme.quiet : ink).attr("font-weight", marked.has(model.id) ? 700 : 400).text(model.name);
      }
    } else atlas.nameAll(svg, ends.map(({ model, x: from, y }) => ({ x: from, y, text: model.name, colour: atlas.look(model, theme).text, bold: true })), width, height);
    return { svg, points };
  }

  function dots(picked, rows, theme, width) {
    const models = atlas.shown().filter((model) => rows.some((row) => row.model === model.id));
    const left = Math.min(width * 0.36, 20 + 6.4 * (d3.max(models, (model) => model.name.length) || 0));
    const height = 60 + 22 * models.length;
    const colour = (row) => atlas.look(atlas.model(row.model), theme).colour;
    const name = (row) => row.model;
    const svg = Plot.plot({
      width, height, marginLeft: left, marginBottom: 38, marginRight: 20, style: { color: theme.ink, background: "none", fontFamily: "system-ui, sans-serif", fontSize: "11px" },
      x: { label: picked.label, labelAnchor: "center", labelArrow: "none", grid: true, nice: true },
      y: { label: null, domain: models.map((model) => model.id), tickFormat: (id) => atlas.model(id).name, tickSize: 0 },
      marks: [Plot.ruleY(rows.filter((row) => row.low !== null), { x1: "low", x2: "high", y: name, stroke: colour, strokeWidth: 2, strokeOpacity: 0.6 }),
        Plot.dot(rows, { x: "value", y: name, fill: colour, r: (row) => (atlas.isMarked(row.model) ? 6 : 4) })],
    });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${picked.label}, ${models.length} models`);
    if (!rows.length) return { svg, points: [] };
    const [sx, sy] = [svg.scale("x"), svg.scale("y")];
    const points = rows.map((row) => ({ x: sx.apply(row.value), y: sy.apply(row.model) + (sy.bandwidth || 0) / 2, group: row.model, text: text(picked, row) }));
    return { svg, points };
  }

  function table(picked, rows) {
    const layers = [...new Set(rows.map((row) => row.layer))].sort((a, b) => a - b);
    const by = d3.group(rows, (row) => row.model, (row) => row.layer);
    const cell = (row) => (row ? [atlas.number(row.value), row.low === null ? "" : atlas.make("small", {}, ` ${atlas.number(row.low)}–${atlas.number(row.high)}`)] : "");
    const n = (own) => [...new Set([...own.values()].flat().map((row) => row.n))].filter((one) => one !== null).join(", ");
    const body = atlas.shown().filter((model) => by.has(model.id)).map((model) => [model.name, n(by.get(model.id)), ...layers.map((layer) => cell(by.get(model.id).get(layer)?.[0]))]);
    return atlas.table(`${picked.label}, ${picked.detail}; intervals small`, ["Model", "n", ...layers.map((layer) => (layer === null ? "Value" : `Layer ${layer}`))], body);
  }
})(window.atlas);
