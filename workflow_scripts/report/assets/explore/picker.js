/* Which numbers: menus of study and analysis, metric, dataset, facet, head and setting, each of what the ones before leave. */
"use strict";

(function (atlas) {
  const COLUMNS = { dataset: "Dataset", facet: "Facet", head: "Heads", setting: "Setting" };

  /** Return menus and the rows that they choose.
   *
   * `prefix` goes before the keys of the state, `fallback` is the analysis and metric to begin with.
   */
  atlas.pick = async function (prefix, fallback) {
    const key = (name) => prefix + name;
    const analyses = atlas.index.analyses;
    const analysis = analyses.find((one) => one.key === atlas.get(key("analysis"))) || fallback.analysis;
    const metric = analysis.metrics.find((one) => one.name === atlas.get(key("metric")))
      || (analysis === fallback.analysis ? fallback.metric : main(analysis));
    const id = (name) => `pick-${prefix.replace(".", "-")}${name}`;
    const studies = d3.group(analyses, (one) => one.key.split("/")[0]);
    const clear = Object.fromEntries(Object.keys(COLUMNS).map((column) => [key(column), ""]));
    const menus = [
      atlas.menu(id("analysis"), "Analysis", [...studies].map(([study, own]) => ({ group: atlas.title(study), options: own.map((one) => [one.key, atlas.title(one.key)]) })), analysis.key,
        (value) => atlas.set({ ...clear, [key("analysis")]: value, [key("metric")]: "" })),
      atlas.menu(id("metric"), "Metric", analysis.metrics.map((one) => [one.name, atlas.words(one.name)]), metric.name,
        (value) => atlas.set({ [key("analysis")]: analysis.key, [key("metric")]: value })),
    ];
    let runs = (await Promise.all(metric.parts.map(atlas.runs))).flat().filter((run) => run.metric === metric.name);
    const chosen = { analysis: analysis.key, metric: metric.name };
    for (const [column, label] of Object.entries(COLUMNS)) {
      const sizes = d3.rollup(runs, (own) => d3.sum(own, (run) => run.value.length), (run) => run[column]);
      const wanted = atlas.get(key(column)) === "-" ? "" : atlas.get(key(column));
      chosen[column] = sizes.has(wanted) ? wanted : [...sizes].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
      if (sizes.size > 1) {
        menus.push(atlas.menu(id(column), label, [...sizes.keys()].map((word) => [word || "-", atlas.option(word)]), chosen[column] || "-",
          (value) => atlas.set({ [key("analysis")]: analysis.key, [key("metric")]: metric.name, [key(column)]: value })));
      }
      runs = runs.filter((run) => run[column] === chosen[column]);
    }
    const shown = new Set(atlas.shown().map((model) => model.id));
    const rows = runs.filter((run) => shown.has(run.model)).flatMap(atlas.rowsOf).filter((row) => row.value !== null);
    const unit = runs[0].unit;
    const words = [chosen.dataset, ...["facet", "head", "setting"].map((column) => chosen[column])].filter(Boolean);
    return { menus, rows, unit, chosen, counted: atlas.count(analysis.key, metric.name, chosen.facet), better: metric.better, label: atlas.words(metric.name) + (unit && !["IoU", "CKA"].includes(unit) ? ` (${unit})` : ""), detail: words.map((word) => atlas.option(word)).join(" · ") };
  };

  const main = (analysis) => analysis.metrics.find((one) => one.better >= 0 && one.layers > 1) || analysis.metrics[0];

  /** Return the analyses to begin with: those of most models and several layers, with a metric that has a better end first. */
  atlas.beginnings = function () {
    const all = atlas.index.analyses.map((analysis) => ({ analysis, metric: main(analysis) }));
    const rank = ({ metric }) => (metric.layers > 1 ? 2 : 0) + (metric.better >= 0 ? 1 : 0) + metric.models / 1e4;
    const best = d3.max(all, rank);
    const good = all.filter((one) => rank(one) >= best - 0.5);
    const lead = all.find(({ metric }) => metric.layers > 1 && metric.models > 1) || all[0];
    return { curves: lead, x: good[0] || lead, y: good[1] || good[0] || lead };
  };

  /** Return the columns of a download that say what was chosen. */
  atlas.facts = ({ chosen, unit, counted: [of, over] }, prefix = "") => {
    const [study, analysis] = chosen.analysis.split("/");
    const { dataset, facet, head, setting, metric } = chosen;
    return Object.fromEntries(Object.entries({ study, analysis, dataset, facet, head, metric, setting, unit, n_of: of, interval_over: over }).map(([name, value]) => [prefix + name, value]));
  };
})(window.atlas);
