/* What is looked at, kept in the address so that a view can be sent: view, models, and the choices of the view. */
"use strict";

(function (atlas) {
  const all = {};
  const own = { curves: ["analysis", "metric", "dataset", "facet", "head", "setting", "depth", "scale"], compare: [], heads: ["model", "other", "map", "image", "range", "kind", "sort"], matrix: ["comparison", "order", "pair", "block"] };
  for (const axis of ["x", "y"]) {
    for (const key of ["analysis", "metric", "dataset", "facet", "head", "setting", "layer"]) own.compare.push(`${axis}.${key}`);
  }
  let changed = () => {};

  atlas.get = (key) => all[key];

  /** Change what is looked at, write the address, and draw again. */
  atlas.set = function (changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined || value === null || value === "") delete all[key];
      else all[key] = String(value);
    }
    write();
    changed();
  };

  /** Note a choice that was made for the reader, without drawing again. */
  atlas.note = function (key, value) {
    all[key] = value;
    write();
  };

  atlas.address = function () {
    const kept = ["view", "only", "hide", "mark", ...own[all.view || "curves"]].filter((key) => all[key] !== undefined);
    return `#${kept.map((key) => `${key}=${encodeURIComponent(all[key])}`).join("&")}`;
  };

  function write() {
    if (location.hash !== atlas.address()) history.replaceState(null, "", atlas.address());
  }

  function read() {
    for (const key of Object.keys(all)) delete all[key];
    for (const piece of location.hash.slice(1).split("&").filter(Boolean)) {
      const [key, ...rest] = piece.split("=");
      try { all[key] = decodeURIComponent(rest.join("=")); } catch { /* not an address that was written here */ }
    }
    if (!(all.view in own)) all.view = "curves";
  }

  /** Begin with what the address says, and follow it. */
  atlas.follow = function (redraw) {
    read();
    changed = redraw;
    addEventListener("hashchange", () => { read(); redraw(); });
  };
})(window.atlas);
