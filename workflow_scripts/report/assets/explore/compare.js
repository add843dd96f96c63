/* Compare: any metric at any layer against any other, one point a model. */
"use strict";

(function (atlas) {
  const SHARES = { "25%": 0.25, "50%": 0.5, "75%": 0.75 };
  const NAMED = 14;

  /** Return the row of each model that a choice of layer takes; `better` is 0 where low numbers are good. */
  function at(rows, layer, better) {
    const taken = new Map();
    for (const [id, own] of d3.group(rows, (row) => row.model)) {
      const deep = own.filter((row) => row.layer !== null);
      const last = d3.greatest(deep, (row) => row.layer);
      const depth = atlas.model(id).layers;
      let row = own.length && !deep.length ? own[0] : undefined;
      if (deep.length) {
        if (layer === "last") row = last;
        else if (layer === "mean") row = { ...last, layer: null, value: d3.mean(deep, (one) => one.value), low: null, high: null };
        else if (layer in SHARES) row = deep.find((one) => one.layer === Math.max(1, Math.round(SHARES[layer] * depth)));
        else if (layer === "best") row = better === 0 ? d3.least(deep, (one) => one.value) : d3.greatest(deep, (one) => one.value);
        else row = deep.find((one) => one.layer === Number(layer));
      }
      if (row) taken.set(id, row);
    }
    return taken;
  }

  async function axis(name, fallback) {
    const picked = await atlas.pick(`${name}.`, fallback);
    const layer = atlas.get(`${name}.layer`) || "best";
    const most = d3.max(picked.rows, (row) => row.layer) || 0;
    const best = picked.better === 0 ? "Best (lowest)" : picked.better === 1 ? "Best (highest)" : "Highest";
    const options = [["best", best], ["last", "Last"], ["mean", "Mean of layers"], ...Object.keys(SHARES).map((share) => [share, `At ${share.replace("%", " %")} of depth`]), ...d3.range(1, most + 1).map((one) => [one, `Layer ${one}`])];
    const menus = most > 1 ? [...picked.menus, atlas.menu(`pick-${name}-layer`, "Layer", options, layer, (value) => atlas.set({ [`${name}.layer`]: value }))] : picked.menus;
    const which = most > 1 ? `, ${options.find(([value]) => String(value) === layer)?.[1].toLowerCase() || `layer ${layer}`}` : "";
    return { ...picked, menus, rows: at(picked.rows, layer, picked.better), label: picked.label + (layer === "best" || layer === "last" ? `${which} layer` : which).replace("best (highest)", "best").replace("best (lowest)", "best") };
  }

  atlas.views.compare = {
    title: "Compare",
    async render(host, width) {
      const begin = atlas.beginnings();
      const [x, y] = await Promise.all([axis("x", begin.x), axis("y", begin.y)]);
      const both = atlas.shown().filter((model) => x.rows.has(model.id) && y.rows.has(model.id)).map((model) => ({ model, x: x.rows.get(model.id), y: y.rows.get(model.id) }));
      const drawn = draw(x, y, both, atlas.theme(), width);
      const row = ({ model, x: a, y: b }) => ({ model: model.id, name: model.name, ...atlas.facts(x, "x_"), x_layer: a.layer, x_value: a.value, x_ci_low: a.low, x_ci_high: a.high, x_n: a.n, ...atlas.facts(y, "y_"), y_layer: b.layer, y_value: b.value, y_ci_low: b.low, y_ci_high: b.high, y_n: b.n });
      const fields = (name, one) => atlas.make("fieldset", { class: "menus" }, atlas.make("legend", {}, name), one.menus);
      host.append(fields("Across", x), fields("Up", y), atlas.make("h2", {}, `${y.label} against ${x.label.charAt(0).toLowerCase()}${x.label.slice(1)}`),
        atlas.make("p", { class: "quiet" }, `Across: ${x.detail}. Up: ${y.detail}. ${rankWords(both)}`),
        ...atlas.readable("chart", drawn.svg, drawn.points, `${y.label} against ${x.label}`),
        atlas.downloads(() => `${y.chosen.metric} against ${x.chosen.metric}`, () => draw(x, y, both, atlas.theme(true), 760).svg, () => both.map(row)),
        atlas.table(`${y.label} against ${x.label}`, ["Model", x.label, "Layer", y.label, "Layer"], both.map(({ model, x: a, y: b }) => [model.name, atlas.reading(a), a.layer ?? "", atlas.reading(b), b.layer ?? ""])));
    },
  };

  function rankWords(both) {
    const trained = both.filter(({ model }) => !model.random);
    if (trained.length < 4) return "";
    const x = d3.rank(trained, (one) => one.x.value);
    const y = d3.rank(trained, (one) => one.y.value);
    const [mx, my] = [d3.mean(x), d3.mean(y)];
    const spread = Math.sqrt(d3.sum(x, (one) => (one - mx) ** 2) * d3.sum(y, (one) => (one - my) ** 2));
    return spread ? `Correlation of ranks ${atlas.number(d3.sum(x, (one, i) => (one - mx) * (y[i] - my)) / spread)} over ${trained.length} models, the random one apart.` : "";
  }

  function draw(x, y, both, theme, width) {
    const height = Math.round(Math.max(320, Math.min(520, width * 0.62)));
    const some = atlas.marked().length > 0;
    const colour = ({ model }) => atlas.look(model, theme).colour;
    const strong = ({ model }) => atlas.isMarked(model.id);
    const barred = both.filter((one) => strong(one) || both.length <= NAMED);
    const svg = Plot.plot({
      width, height, marginLeft: 52, marginBottom: 40, marginRight: 16, style: { color: theme.ink, background: "none", fontFamily: "system-ui, sans-serif", fontSize: "11px" },
      x: { label: x.label, labelAnchor: "center", labelArrow: "none", grid: true, nice: true }, y: { label: y.label, labelArrow: "none", grid: true, nice: true },
      marks: [
        Plot.ruleY(barred.filter((one) => one.x.low !== null), { x1: (one) => one.x.low, x2: (one) => one.x.high, y: (one) => one.y.value, stroke: colour, strokeOpacity: 0.45 }),
        Plot.ruleX(barred.filter((one) => one.y.low !== null), { y1: (one) => one.y.low, y2: (one) => one.y.high, x: (one) => one.x.value, stroke: colour, strokeOpacity: 0.45 }),
        Plot.dot(both, { x: (one) => one.x.value, y: (one) => one.y.value, fill: (one) => (one.model.random ? theme.paper : colour(one)), stroke: colour, strokeWidth: 1.5, r: (one) => (strong(one) ? 7 : 4.5), fillOpacity: (one) => (some && !strong(one) ? 0.35 : 1) }),
      ],
    });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${y.label} against ${x.label}, ${both.length} models`);
    if (!both.length) return { svg, points: [] };
    const [sx, sy] = [svg.scale("x"), svg.scale("y")];
    const layer = (row) => (row.layer === null ? "" : ` (layer ${row.layer})`);
    const points = [...both].sort((a, b) => a.x.value - b.x.value).map((one) => ({ x: sx.apply(one.x.value), y: sy.apply(one.y.value), group: "", colour: atlas.look(one.model, theme).text, bold: strong(one), name: one.model.name,
      text: `${one.model.name}: across${layer(one.x)} ${atlas.reading(one.x, x.unit, x.counted)}; up${layer(one.y)} ${atlas.reading(one.y, y.unit, y.counted)}` }));
    atlas.nameAll(svg, points.filter((point) => point.bold || (!some && both.length <= 60)).map((point) => ({ ...point, text: point.name })), width, height - 30);
    return { svg, points };
  }
})(window.atlas);
