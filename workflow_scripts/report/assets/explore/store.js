/* Data, loaded when it is asked for: each file is a script that calls atlas.add. */
"use strict";

(function (atlas) {
  const held = new Map();
  const waiting = new Map();
  const decoded = new Map();

  /** Take in a file's data, deflated JSON in base64; files call this. */
  atlas.add = function (key, text) {
    held.set(key, inflated(text));
  };

  async function inflated(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text());
  }

  /** Return the data under a key, a promise. */
  atlas.load = function (key) {
    if (held.has(key)) return held.get(key);
    if (!waiting.has(key)) {
      waiting.set(key, new Promise((resolve, reject) => {
        const file = `${atlas.folder}/${key}.js`;
        const script = document.createElement("script");
        const missing = () => { waiting.delete(key); reject(Object.assign(new Error(`${file}: missing or damaged; write the report again`), { expected: true })); };
        script.onload = () => (held.has(key) ? resolve(held.get(key)) : missing());
        script.onerror = missing;
        script.src = file;
        document.head.append(script);
      }));
    }
    return waiting.get(key);
  };

  /** Return the runs of a part of a table: one model's numbers of one key over consecutive layers. */
  atlas.runs = async function (key) {
    const data = await atlas.load(key);
    if (!decoded.has(key)) decoded.set(key, unpack(data));
    return decoded.get(key);
  };

  function unpack(data) {
    const keys = data.keys.metric.map((_, i) => {
      const key = { better: data.keys.better[i] };
      for (const [column, words] of Object.entries(data.words)) key[column] = words[data.keys[column][i]];
      return key;
    });
    let start = 0;
    return data.runs.key.map((key, i) => {
      const count = data.runs.count[i];
      const own = (column) => (data[column] ? data[column].slice(start, start + count) : null);
      const run = { ...keys[key], model: data.models[data.runs.model[i]], first: data.runs.first[i], n: data.runs.n[i], value: own("value"), low: own("low"), high: own("high") };
      start += count;
      return run;
    });
  }

  /** Return the rows of a run; those without a layer have null. */
  atlas.rowsOf = (run) => run.value.map((value, i) => ({
    model: run.model, layer: run.first < 0 ? null : run.first + i, value,
    low: run.low ? run.low[i] : null, high: run.high ? run.high[i] : null, n: Array.isArray(run.n) ? run.n[i] : run.n,
  }));

  /** Return bytes or pairs of bytes that were written as base64. */
  atlas.codes = function (text, kind) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return kind === Uint8Array ? bytes : new kind(bytes.buffer);
  };

  /** Return the number that a code stands for; the largest code stands for none. */
  atlas.decode = (code, low, high, missing) => (code === missing ? null : low + (code / (missing - 1)) * (high - low));
})(window.atlas);
