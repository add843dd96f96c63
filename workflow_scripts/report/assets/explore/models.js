/* The model box: search, families, pick, highlight, hide. It holds for all views. */
"use strict";

(function (atlas) {
  const { make } = atlas;
  const listed = (key) => (atlas.get(key) ?? "").split(",").filter(Boolean);

  atlas.model = (id) => atlas.index.models.find((model) => model.id === id);

  /** Return the models that are shown, in the order of the run. */
  atlas.shown = function () {
    const only = atlas.get("only");
    const hidden = new Set(listed("hide"));
    const kept = new Set(listed("only"));
    return atlas.index.models.filter((model) => (only === undefined ? !hidden.has(model.id) : kept.has(model.id)));
  };
  atlas.isMarked = (id) => listed("mark").includes(id);
  atlas.marked = () => atlas.shown().filter((model) => atlas.isMarked(model.id));

  const DASHES = ["", "6 2.5", "9 2 2 2", "2.5 2", "12 2 2 2 2 2", "14 3"];
  /** Return how a model is drawn: the colour of its family and one for its name, a dash by its place in it. */
  atlas.look = function (model, theme) {
    if (model.random) return { colour: theme.quiet, text: theme.quiet, dash: "1.5 3" };
    const place = atlas.index.models.filter((one) => one.family === model.family && !one.random).indexOf(model);
    const colour = atlas.familyColour(model.family, theme);
    return { colour, text: atlas.textColour(colour, theme), dash: DASHES[place % DASHES.length] };
  };

  /** Show these models and hide all others. */
  function show(ids) {
    const models = atlas.index.models;
    const hide = models.filter((model) => !ids.has(model.id)).map((model) => model.id);
    const short = hide.length <= ids.size;
    atlas.set({ hide: short ? hide.join(",") : "", only: short ? "" : [...ids].join(",") || "none" });
  }

  let found = "";
  const matches = (model) => [model.name, model.id, model.method, model.architecture].join(" ").toLowerCase().includes(found);

  atlas.modelBox = function () {
    const shown = new Set(atlas.shown().map((model) => model.id));
    const theme = atlas.theme();
    const models = atlas.index.models;
    const families = atlas.index.families.filter((family) => models.some((model) => model.family === family.id));
    const dot = (family) => make("span", { class: "dot", style: `background: ${atlas.familyColour(family, theme)}`, "aria-hidden": "true" });
    const items = models.map((model) => make("li", { "data-model": model.id, hidden: !matches(model) },
      make("label", { title: [model.method, model.architecture].filter(Boolean).join(", ") },
        make("input", { type: "checkbox", id: `show-${model.id}`, checked: shown.has(model.id), onchange: (event) => {
          const ids = new Set(shown);
          if (event.target.checked) ids.add(model.id); else ids.delete(model.id);
          show(ids);
        } }), dot(model.family), make("span", {}, model.name)),
      make("button", { type: "button", id: `mark-${model.id}`, class: "mark", "aria-pressed": String(atlas.isMarked(model.id)), "aria-label": `Highlight ${model.name}`, title: "Highlight", onclick: () => {
        const marks = new Set(listed("mark"));
        if (marks.has(model.id)) marks.delete(model.id); else marks.add(model.id);
        atlas.set({ mark: [...marks].join(",") });
      } }, "★")));
    const onlyFound = make("button", { type: "button", id: "only-found", disabled: !found, onclick: () => show(new Set(models.filter(matches).map((model) => model.id))) }, "Only found");
    const search = make("input", { type: "search", id: "search-models", placeholder: "Search models", "aria-label": "Search models", value: found, oninput: (event) => {
      found = event.target.value.trim().toLowerCase();
      onlyFound.disabled = !found;
      for (const [i, item] of items.entries()) item.hidden = !matches(models[i]);
    }, onkeydown: (event) => { if (event.key === "Enter" && found) onlyFound.click(); } });
    const chips = families.map((family) => {
      const ids = models.filter((model) => model.family === family.id).map((model) => model.id);
      const on = ids.filter((id) => shown.has(id)).length;
      return make("button", { type: "button", id: `family-${family.id}`, class: "chip", "aria-pressed": String(on > 0), onclick: () => {
        const now = new Set(shown);
        for (const id of ids) if (on) now.delete(id); else now.add(id);
        show(now);
      } }, dot(family.id), `${family.name} ${on}/${ids.length}`);
    });
    return [
      make("div", { class: "tools" }, search),
      make("div", { class: "chips", role: "group", "aria-label": "Families by supervision" }, chips),
      make("div", { class: "tools", role: "group", "aria-label": "Which models are shown" },
        make("button", { type: "button", id: "show-all", onclick: () => show(new Set(models.map((model) => model.id))) }, "All"),
        make("button", { type: "button", id: "show-none", onclick: () => show(new Set()) }, "None"), onlyFound,
        make("button", { type: "button", id: "mark-none", disabled: !listed("mark").length, onclick: () => atlas.set({ mark: "" }) }, "No ★")),
      make("ul", { class: "models" }, items),
    ];
  };

  atlas.boxTitle = () => `Models: ${atlas.shown().length} of ${atlas.index.models.length} shown${atlas.marked().length ? `, ${atlas.marked().length} highlighted` : ""}`;
})(window.atlas);
