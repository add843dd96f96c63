/* Points that can be read: by hovering, and by arrow keys once the chart has the focus. */
"use strict";

(function (atlas) {
  const { make } = atlas;
  const read = new Map();

  /** Return a frame of a drawing whose points say their values.
   *
   * `id` keeps the focus and the place read where the view is drawn again. `points` are { x, y, group, text } in the drawing's units; left and right go along a group, up and down to another one.
   */
  atlas.readable = function (id, svg, points, label, open = null) {
    const says = make("p", { class: "readout", "aria-live": "polite" }, points.length ? "Hover over a point, or focus the chart and use the arrow keys." : "Nothing to show: choose models.");
    const frame = make("div", { class: "chart", id, tabindex: 0, role: "group", "aria-label": `${label}. Arrow keys read its values${open ? ", Enter opens" : ""}.` }, svg);
    const ring = d3.select(svg).append("circle").attr("class", "ring").attr("r", 6).attr("fill", "none").attr("stroke", atlas.theme().ink).attr("stroke-width", 2).attr("visibility", "hidden");
    // Plot names its groups of marks, which have no role that may have a name.
    for (const group of svg.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
    let at = -1;
    const go = function (next) {
      if (next < 0 || next >= points.length) return;
      at = next;
      read.set(id, { text: points[at].text, at });
      ring.attr("cx", points[at].x).attr("cy", points[at].y).attr("visibility", "visible");
      says.textContent = points[at].text;
    };
    const nearest = function (event) {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      return d3.minIndex(points, (point) => Math.hypot(point.x - x, point.y - y));
    };
    frame.addEventListener("pointermove", (event) => go(nearest(event)));
    frame.addEventListener("focus", () => {
      const before = read.get(id);
      if (at < 0) go(before && points[before.at]?.text === before.text ? before.at : 0);
    });
    if (open) frame.addEventListener("click", (event) => { go(nearest(event)); if (at >= 0) open(points[at]); });
    frame.addEventListener("keydown", function (event) {
      const here = points[at];
      if (!here) return;
      if (event.key === "Enter" && open) { event.preventDefault(); open(here); return; }
      const own = points.map((point, i) => [point, i]).filter(([point]) => point.group === here.group);
      const groups = [...new Set(points.map((point) => point.group))];
      const place = own.findIndex(([, i]) => i === at);
      const other = (step) => {
        const group = groups[(groups.indexOf(here.group) + step + groups.length) % groups.length];
        const there = points.map((point, i) => [point, i]).filter(([point]) => point.group === group);
        return there[d3.minIndex(there, ([point]) => Math.abs(point.x - here.x))][1];
      };
      const moves = { ArrowRight: () => own[Math.min(own.length - 1, place + 1)][1], ArrowLeft: () => own[Math.max(0, place - 1)][1], ArrowDown: () => other(1), ArrowUp: () => other(-1), Home: () => own[0][1], End: () => own[own.length - 1][1] };
      if (moves[event.key]) { event.preventDefault(); go(moves[event.key]()); }
    });
    return [frame, says];
  };

  /** Write names beside points without one covering another: of each the first free place; without one it is left out. */
  atlas.nameAll = function (svg, names, width, height) {
    const taken = names.map(({ x, y }) => [x - 4, y - 4, x + 4, y + 4]);
    const group = d3.select(svg).append("g").attr("font-size", 11);
    for (const { x, y, text, colour, bold } of [...names].sort((a, b) => Number(b.bold) - Number(a.bold))) {
      const long = 6.1 * text.length + 4;
      const places = [[x + 8, y + 4, "start"], [x - 8, y + 4, "end"], [x, y - 9, "middle"], [x, y + 16, "middle"]];
      const box = ([px, py, anchor]) => { const left = anchor === "start" ? px : anchor === "end" ? px - long : px - long / 2; return [left, py - 10, left + long, py + 3]; };
      const free = places.find((place) => { const b = box(place); return b[0] > 2 && b[2] < width - 2 && b[1] > 2 && b[3] < height && taken.every((t) => b[2] < t[0] || b[0] > t[2] || b[3] < t[1] || b[1] > t[3]); }) || (bold ? places[0] : null);
      if (!free) continue;
      taken.push(box(free));
      group.append("text").attr("x", free[0]).attr("y", free[1]).attr("text-anchor", free[2]).attr("fill", colour).attr("font-weight", bold ? 700 : 400).text(text);
    }
  };

  /** Move heights apart until neighbours are `gap` away, as little as possible. */
  atlas.spread = function (places, gap, top, bottom) {
    const sorted = [...places].sort((a, b) => a.y - b.y);
    let last = top - gap;
    for (const place of sorted) { place.at = Math.max(place.y, last + gap); last = place.at; }
    let next = bottom + gap;
    for (const place of sorted.reverse()) { place.at = Math.min(place.at, next - gap); next = place.at; }
    return places;
  };
})(window.atlas);
