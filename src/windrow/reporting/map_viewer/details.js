// What is known of the chosen pixel or parcel.
(function (app) {
  "use strict";

  const PLANETSCOPE = { B02: "blue", B03: "green", B04: "red", B08: "nir", B8A: "nir" };
  const NDVI = "NDVI";

  function part(name, text, attributes) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    Object.assign(made, attributes || {});
    return made;
  }

  const percent = (share) => `${Math.round(100 * share)} %`;

  function facts(details, about) {
    const nameOf = (value) => (value === null ? "no data" : about.classes[value - 1].name);
    const pairs = [["Class", nameOf(details.map_class)]];
    const add = (name, value, text) => { if (value !== null) pairs.push([name, text(value)]); };
    add("Confidence", details.probability, percent);
    add("Entropy", details.entropy, percent);
    add("Unlikeness", details.unlikeness, (value) => value.toFixed(2));
    add("Clear dates", details.clear_dates, String);
    add("Pixels", details.num_pixels, (value) => value.toLocaleString("en"));
    if (details.shares) pairs.push(["Pixels by class", details.shares.map((each) => `${nameOf(each.map_class)} ${each.num_pixels.toLocaleString("en")}`).join(", ") || "none"]);
    pairs.push([about.crs ? `Centre, ${about.crs}` : "Centre", `${details.x.toFixed(1)}, ${details.y.toFixed(1)}`]);
    if (details.longitude !== null) pairs.push(["Longitude, latitude", `${details.longitude.toFixed(5)}, ${details.latitude.toFixed(5)}`]);
    const list = part("dl");
    pairs.forEach(([name, value]) => list.append(part("dt", name), part("dd", value)));
    return list;
  }

  // Values of a band, or NDVI, of one row of reflectances; factor brings them to 0..1.
  function valueOf(bands, row, choice, factor) {
    if (choice !== NDVI) return row[bands.indexOf(choice)] * factor;
    const find = (...names) => row[bands.findIndex((band) => names.includes(band))] * factor;
    const red = find("B04", "red"), near = find("B08", "nir");
    return (near - red) / Math.max(1e-6, near + red);
  }

  function seriesSection(details) {
    const { series, planetscope } = details;
    const section = part("section");
    section.append(part("h3", "Sentinel-2 series"));
    if (!series.dates.length) {
      section.append(part("p", "No date has data here."));
      return section;
    }
    const choices = [...(series.bands.includes("B04") && series.bands.includes("B08") ? [NDVI] : []), ...series.bands];
    const label = part("label", "Value ");
    const select = part("select", undefined, { id: "series-value" });
    choices.forEach((name) => select.append(part("option", name)));
    label.append(select);
    const holder = part("div");
    const draw = () => {
      const choice = app.seriesChoice = select.value;
      const points = series.dates.map((date, at) => ({
        time: app.time(date), clear: series.clear[at], value: valueOf(series.bands, series.reflectance[at], choice, 1e-4) }));
      const fine = choice === NDVI ? NDVI : PLANETSCOPE[choice];
      const predicted = planetscope && fine ? planetscope.dates.map((date, at) => ({
        time: app.time(date), value: valueOf(planetscope.bands, planetscope.reflectance[at], fine, 1) })) : [];
      const clear = points.filter((each) => each.clear);
      const most = clear.reduce((best, each) => (best && best.value >= each.value ? best : each), null);
      const title = `${choice} at ${points.length} dates, ${clear.length} of them clear`
        + (most ? `; highest ${most.value.toFixed(2)} on ${new Date(most.time).toISOString().slice(0, 10)}` : "")
        + (predicted.length ? "; with the predicted PlanetScope series" : "");
      const heads = ["Date", choice, "Clouds"];
      const rows = points.map((each, at) => [series.dates[at], each.value.toFixed(3), each.clear ? "clear" : "cloudy"]);
      const tables = [app.foldedTable("Table of the series", title, heads, rows)];
      if (predicted.length) {
        tables.push(app.foldedTable("Table of the predicted PlanetScope series", `Predicted PlanetScope, ${fine}`, ["Date", fine, "Origin"],
          predicted.map((each, at) => [planetscope.dates[at], each.value.toFixed(3), planetscope.predicted[at] ? "predicted" : "interpolated"])));
      }
      const key = part("p", "", { className: "key" });
      key.append(part("span", "●", { className: "clear-key" }), " clear  ", part("span", "○", { className: "cloudy-key" }), " cloudy");
      if (predicted.length) key.append("  ", part("span", "╌", { className: "predicted-key" }), " PlanetScope, predicted");
      holder.replaceChildren(app.seriesChart(title, points, predicted), key, ...tables);
    };
    if (choices.includes(app.seriesChoice)) select.value = app.seriesChoice;
    select.addEventListener("change", draw);
    draw();
    section.append(label, holder);
    if (planetscope === null) section.append(part("p", "No predicted PlanetScope series here.", { className: "hint" }));
    return section;
  }

  function seasonSection(season, about) {
    const section = part("section");
    const rows = season.dates.map((date, at) => [date, ...(season.probability[at] || about.classes.map(() => null)).map((share) => (share === null ? "–" : percent(share)))]);
    const last = season.probability[season.probability.length - 1];
    const best = last ? last.indexOf(Math.max(...last)) : -1;
    const title = `Probabilities through the season${best < 0 ? "" : `; at its end ${about.classes[best].name} ${percent(last[best])}`}`;
    section.append(part("h3", "Probabilities through the season"), app.seasonChart(title, season, about.classes),
      part("p", "Percent, from the dates until the end of each month. The classifier was fitted on whole seasons, so early months are rougher than a classifier for early maps would be.", { className: "hint" }),
      app.foldedTable("Table of the probabilities", title, ["Until", ...about.classes.map((each) => each.name)], rows));
    return section;
  }

  function neighbourSection(details, about) {
    const section = part("section");
    const { neighbours } = details;
    section.append(part("h3", "Nearest labelled fields"));
    if (neighbours.length && neighbours[0].ndvi) {
      section.append(app.calendarChart(`NDVI of this pixel and of the ${neighbours.length} nearest labelled fields`, details.calendar_ndvi, neighbours, about.classes),
        part("p", "NDVI on the ten-day calendar of the classifier. Black: this one. Colours: classes of the labelled fields.", { className: "hint" }));
    }
    section.append(app.table("Nearest by what the network sees in them; 1 is the usual distance between a labelled field and the one next to it. Pixels of a field count each.",
      ["", "Class", "Distance"], neighbours.map((each, at) => [at + 1, about.classes[each.map_class - 1].name, each.distance.toFixed(2)])));
    return section;
  }

  app.showDetails = function (holder, details, about) {
    const parts = [part("h2", details.title, { tabIndex: -1 }), facts(details, about)];
    if (details.series) parts.push(seriesSection(details));
    if (details.season) parts.push(seasonSection(details.season, about));
    if (details.neighbours) parts.push(neighbourSection(details, about));
    if (!details.series) parts.push(part("p", "There is no series: no cube was given.", { className: "hint" }));
    holder.replaceChildren(...parts);
  };

  app.sentenceOf = function (details, about) {
    if (details.map_class === null) return `${details.title}: no data.`;
    const sure = details.probability === null ? "" : `, confidence ${percent(details.probability)}`;
    const unlike = details.unlikeness === null ? "" : `, unlikeness ${details.unlikeness.toFixed(2)}`;
    return `${details.title}: ${about.classes[details.map_class - 1].name}${sure}${unlike}.`;
  };
})((window.windrowViewer = window.windrowViewer || {}));
