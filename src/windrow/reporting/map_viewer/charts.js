// Small charts as SVG, each beside a table of the same numbers.
(function (app) {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 380, HEIGHT = 200, LEFT = 38, RIGHT = 8, TOP = 10, BOTTOM = 24;
  const DAY = 86400000;

  function element(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes || {}).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const time = (iso) => Date.parse(`${iso}T00:00:00Z`);
  app.time = time;

  // Round numbers within a range, about five of them.
  function ticks(range) {
    const rough = (range[1] - range[0]) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999) || 10);
    const found = [];
    for (let at = Math.ceil(range[0] / step - 1e-9); at * step <= range[1] + 1e-9; at++) found.push(at * step);
    return found;
  }

  function frame(title, domain, range, format) {
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart" });
    svg.append(element("title", {}, title));
    const x = (value) => LEFT + ((value - domain[0]) / Math.max(1e-9, domain[1] - domain[0])) * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((value - range[0]) / Math.max(1e-9, range[1] - range[0])) * (HEIGHT - TOP - BOTTOM);
    for (const value of ticks(range)) {
      svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }));
      svg.append(element("text", { x: LEFT - 5, y: y(value) + 4, class: "tick end" }, format(value)));
    }
    return { svg, x, y };
  }

  function months(chart, domain) {
    const first = new Date(domain[0]);
    const total = (domain[1] - domain[0]) / DAY / 30.4;
    const every = total > 8 ? 2 : 1;
    let at = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + (first.getUTCDate() > 1 ? 1 : 0), 1);
    for (let count = 0; at <= domain[1]; count++) {
      const date = new Date(at);
      if (count % every === 0) {
        chart.svg.append(element("line", { x1: chart.x(at), x2: chart.x(at), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4, class: "axis" }));
        chart.svg.append(element("text", { x: chart.x(at), y: HEIGHT - 6, class: "tick" }, date.toLocaleString("en", { month: "short", timeZone: "UTC" })));
      }
      at = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    }
  }

  const path = (points, attributes) => element("path", {
    d: points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""), fill: "none", ...attributes });

  // points: [{time, value, clear}]; predicted: [{time, value}].
  app.seriesChart = function (title, points, predicted) {
    const all = [...points, ...predicted];
    const values = all.filter((each) => each.clear !== false).map((each) => each.value);
    const shown = values.length ? values : all.map((each) => each.value);
    const low = Math.min(0, ...shown), high = Math.max(...shown, low + 0.1);
    const range = [low, low + (high - low) * 1.05];
    const times = all.map((each) => each.time);
    const domain = [Math.min(...times), Math.max(...times)];
    const chart = frame(title, domain, range, (value) => value.toFixed(2));
    months(chart, domain);
    const clamp = (value) => Math.max(range[0], Math.min(range[1], value));
    if (predicted.length) chart.svg.append(path(predicted.map((each) => [chart.x(each.time), chart.y(clamp(each.value))]), { class: "predicted" }));
    const clear = points.filter((each) => each.clear);
    chart.svg.append(path(clear.map((each) => [chart.x(each.time), chart.y(each.value)]), { class: "seen" }));
    points.forEach((each) => {
      const where = { cx: chart.x(each.time), cy: chart.y(clamp(each.value)), r: each.clear ? 2.8 : 2.4 };
      chart.svg.append(element("circle", { ...where, class: each.clear ? "clear" : "cloudy" }));
    });
    return chart.svg;
  };

  app.seasonChart = function (title, season, classes) {
    const number = season.dates.length;
    const chart = frame(title, [0, number], [0, 1], (value) => `${Math.round(100 * value)}`);
    season.dates.forEach((date, at) => {
      const label = new Date(time(date)).toLocaleString("en", { month: "narrow", timeZone: "UTC" });
      chart.svg.append(element("text", { x: chart.x(at + 0.5), y: HEIGHT - 6, class: "tick" }, label));
      const row = season.probability[at];
      if (!row) return;
      let below = 0;
      row.forEach((share, position) => {
        const top = chart.y(Math.min(1, below + share));
        const bar = element("rect", {
          x: chart.x(at + 0.08), width: chart.x(at + 0.92) - chart.x(at + 0.08), y: top,
          height: Math.max(0, chart.y(below) - top), fill: classes[position].colour,
        });
        bar.append(element("title", {}, `${date}: ${classes[position].name} ${Math.round(100 * share)} %`));
        chart.svg.append(bar);
        below += share;
      });
    });
    return chart.svg;
  };

  // NDVI on the ten-day calendar: that of the pixel, and those of its neighbours.
  app.calendarChart = function (title, own, neighbours, classes) {
    const values = [own || [], ...neighbours.map((each) => each.ndvi)].flat();
    const range = [Math.min(0, ...values), Math.max(0.8, ...values)];
    const chart = frame(title, [0, 35], range, (value) => value.toFixed(2));
    "JFMAMJJASOND".split("").forEach((letter, at) =>
      chart.svg.append(element("text", { x: chart.x(at * 3 + 1), y: HEIGHT - 6, class: "tick" }, letter)));
    neighbours.forEach((each) => chart.svg.append(path(
      each.ndvi.map((value, step) => [chart.x(step), chart.y(value)]), { stroke: classes[each.map_class - 1].colour, class: "neighbour" })));
    if (own) chart.svg.append(path(own.map((value, step) => [chart.x(step), chart.y(value)]), { class: "own" }));
    return chart.svg;
  };

  app.table = function (caption, heads, rows) {
    const table = document.createElement("table");
    table.createCaption().textContent = caption;
    const head = table.createTHead().insertRow();
    heads.forEach((name) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      head.append(cell);
    });
    const body = table.createTBody();
    rows.forEach((row) => {
      const line = body.insertRow();
      row.forEach((value) => { line.insertCell().textContent = value; });
    });
    return table;
  };

  app.foldedTable = function (summary, caption, heads, rows) {
    const folded = document.createElement("details");
    const title = document.createElement("summary");
    title.textContent = summary;
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", caption);
    scroll.append(app.table(caption, heads, rows));
    folded.append(title, scroll);
    return folded;
  };
})((window.windrowViewer = window.windrowViewer || {}));
