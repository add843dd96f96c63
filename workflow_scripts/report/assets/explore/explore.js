/* The page: tabs, the model box, and the view that the address names. */
"use strict";

(function (atlas) {
  const { make } = atlas;
  const place = document.getElementById("explorer");
  atlas.folder = place.dataset.folder;
  const tabs = make("div", { class: "tabs", role: "tablist", "aria-label": "Views" });
  const box = make("details", { class: "box", open: innerWidth > 900 }, make("summary", {}, "Models"));
  const inside = make("div", { class: "box-inside" });
  const panel = make("div", { class: "panel", role: "tabpanel", id: "view", tabindex: -1 });
  let latest = 0;

  function drawTabs() {
    tabs.replaceChildren(...Object.entries(atlas.views).map(([id, view]) => {
      const chosen = atlas.get("view") === id;
      return make("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-selected": String(chosen), "aria-controls": "view", tabindex: chosen ? 0 : -1, onclick: () => atlas.set({ view: id }) }, view.title);
    }));
    panel.setAttribute("aria-labelledby", `tab-${atlas.get("view")}`);
  }

  /** Draw all again, and give the focus back to the control that had it. */
  async function draw() {
    const turn = ++latest;
    drawAround();
    const host = make("div", {});
    panel.setAttribute("aria-busy", "true");
    try {
      await atlas.views[atlas.get("view")].render(host, Math.max(260, panel.clientWidth));
    } catch (error) {
      host.replaceChildren(make("p", { class: "banner", role: "alert" }, error.message));
      if (!error.expected) throw error;
    } finally {
      if (turn === latest) {
        const focus = document.activeElement?.id;
        panel.replaceChildren(...host.childNodes);
        panel.setAttribute("aria-busy", "false");
        panel.querySelector("[data-reveal]")?.scrollIntoView({ block: "nearest" });
        if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus({ preventScroll: true });
      }
    }
  }

  function drawAround() {
    const focus = document.activeElement?.id;
    const list = inside.querySelector(".models");
    const top = list ? list.scrollTop : 0;
    drawTabs();
    box.firstElementChild.textContent = atlas.boxTitle();
    inside.replaceChildren(...atlas.modelBox());
    inside.querySelector(".models").scrollTop = top;
    if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus({ preventScroll: true });
  }

  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const ids = Object.keys(atlas.views);
    const next = ids[(ids.indexOf(atlas.get("view")) + step + ids.length) % ids.length];
    atlas.set({ view: next });
    document.getElementById(`tab-${next}`).focus();
  });

  const copied = make("span", { class: "quiet", "aria-live": "polite" });
  const link = make("button", { type: "button", id: "copy-link", onclick: async () => {
    try { await navigator.clipboard.writeText(location.href); copied.textContent = "Copied"; } catch { copied.textContent = "Copy it from the address bar"; }
    setTimeout(() => { copied.textContent = ""; }, 3000);
  } }, "Copy link to this view");

  box.append(inside);
  place.append(make("div", { class: "top" }, tabs, make("p", { class: "send" }, link, " ", copied)), make("div", { class: "columns" }, box, panel));
  place.hidden = false;

  atlas.load("index").then((index) => {
    atlas.index = index;
    if (!index.analyses.length) throw new Error("This run has no tables to explore.");
    atlas.follow(draw);
    atlas.onTheme(draw);
    addEventListener("beforeprint", () => { draw(); });
    addEventListener("afterprint", () => { draw(); });
    let width = panel.clientWidth;
    addEventListener("resize", () => {
      if (Math.abs(panel.clientWidth - width) < 8) return;
      width = panel.clientWidth;
      draw();
    });
    return draw();
  }).catch((error) => panel.replaceChildren(make("p", { class: "banner", role: "alert" }, error.message)));
})(window.atlas);
