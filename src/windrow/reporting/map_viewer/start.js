// Puts the page together: layers, filters, legend, and the answer to a choice.
(function (app) {
  "use strict";

  const TITLES = { picture: "True colours", class: "Class", probability: "Confidence", unlikeness: "Unlikeness", outlines: "Parcels" };
  const OPACITY = { picture: 100, class: 75, probability: 80, unlikeness: 80, outlines: 100 };
  const at = (id) => document.getElementById(id);
  const say = (text) => { at("status").textContent = text; };
  const fail = (error) => say(`Something went wrong: ${error.message}`);

  function make(name, attributes, ...children) {
    const made = Object.assign(document.createElement(name), attributes || {});
    made.append(...children);
    return made;
  }

  function layerControl(name, layer, onVisible) {
    const box = make("input", { type: "checkbox", id: `layer-${name}` });
    const opacity = make("input", { type: "range", min: 0, max: 100, step: 5, value: OPACITY[name], id: `opacity-${name}` });
    opacity.setAttribute("aria-label", `Opacity of ${TITLES[name].toLowerCase()}, percent`);
    const show = () => {
      layer.setVisible(box.checked);
      if (box.checked && onVisible) onVisible();
    };
    const fade = () => layer.setOpacity(opacity.value / 100);
    box.addEventListener("change", show);
    opacity.addEventListener("input", fade);
    fade();
    const row = make("div", { className: "layer" }, make("label", {}, box, ` ${TITLES[name]}`), opacity);
    if (name === "probability" || name === "unlikeness") {
      const ramp = make("div", { className: "ramp" });
      ramp.style.backgroundImage = app.rampGradient(name);
      ramp.setAttribute("aria-hidden", "true");
      const ends = name === "probability" ? ["0 %", "100 %"] : ["0: as labelled", `${app.UNLIKE_END} or more`];
      row.append(ramp, make("div", { className: "ends" }, make("span", {}, ends[0]), make("span", {}, ends[1])));
    }
    return { row, set: (visible) => { box.checked = visible; show(); } };
  }

  function area(about, pixels) {
    if (about.pixel_area === null) return `${pixels.toLocaleString("en")} px`;
    const hectares = (pixels * about.pixel_area) / 10000;
    return `${hectares.toLocaleString("en", { maximumFractionDigits: hectares < 100 ? 1 : 0 })} ha`;
  }

  function legend(about, filter, onChange) {
    const body = at("legend").tBodies[0];
    const cells = about.classes.map((each) => {
      const box = make("input", { type: "checkbox", checked: true, id: `class-${each.value}` });
      const swatch = make("span", { className: "swatch" });
      swatch.style.backgroundColor = each.colour;
      swatch.setAttribute("aria-hidden", "true");
      box.addEventListener("change", () => {
        if (box.checked) filter.hidden.delete(each.value);
        else filter.hidden.add(each.value);
        onChange();
      });
      const row = body.insertRow();
      const head = make("th", { scope: "row" }, make("label", {}, box, swatch, each.name));
      row.append(head);
      row.insertCell().textContent = area(about, each.num_pixels);
      return row.insertCell();
    });
    const total = about.classes.reduce((sum, each) => sum + each.num_pixels, 0);
    const foot = at("legend").createTFoot().insertRow();
    foot.append(make("th", { scope: "row" }, "All classes"));
    foot.insertCell().textContent = area(about, total);
    const shownTotal = foot.insertCell();
    let histogram = null; // pixels by class and confidence; of a large map it takes seconds
    const refresh = () => {
      if (!histogram) return;
      let sum = 0;
      about.classes.forEach((each, row) => {
        const counted = histogram[row].slice(filter.least, filter.most + 1).reduce((one, two) => one + two, 0);
        const shown = filter.hidden.has(each.value) ? 0 : counted;
        sum += shown;
        cells[row].textContent = area(about, shown);
      });
      shownTotal.textContent = area(about, sum);
    };
    return {
      refresh,
      count: (found) => {
        histogram = found;
        refresh();
      },
    };
  }

  function filters(about, filter, onChange) {
    const least = at("least"), most = at("most");
    const show = () => {
      at("least-value").textContent = `${filter.least} %`;
      at("most-value").textContent = `${filter.most} %`;
      [least, most].forEach((each) => each.setAttribute("aria-valuetext", `${each.value} percent`));
    };
    least.addEventListener("input", () => {
      filter.least = Number(least.value);
      if (filter.most < filter.least) most.value = filter.most = filter.least;
      show();
      onChange();
    });
    most.addEventListener("input", () => {
      filter.most = Number(most.value);
      if (filter.least > filter.most) least.value = filter.least = filter.most;
      show();
      onChange();
    });
    if (!about.layers.includes("probability")) at("filters").hidden = true;
    show();
  }

  function chooser(source, view) {
    let latest = 0;
    return async (choice) => {
      if (choice.nothing) {
        say(choice.nothing);
        return;
      }
      const number = ++latest;
      view().mark(choice);
      say("Reading …");
      try {
        const details = await (choice.parcel === undefined ? source.pixel(choice.row, choice.column) : source.parcel(choice.parcel));
        if (number !== latest) return; // another choice was made meanwhile
        app.showDetails(at("details"), details, source.about);
        at("row").value = details.row;
        at("column").value = details.column;
        say(app.sentenceOf(details, source.about));
      } catch (error) {
        if (number === latest) fail(error);
      }
    };
  }

  function goTo(about, view, choose) {
    const row = at("row"), column = at("column");
    row.max = about.height - 1;
    column.max = about.width - 1;
    const go = () => {
      const values = [row, column].map((each) => each.valueAsNumber);
      if (![row, column].every((each) => each.value !== "" && each.checkValidity())) {
        say(`Rows go from 0 to ${row.max}, columns from 0 to ${column.max}.`);
        return;
      }
      view.reveal(...values);
      choose({ row: values[0], column: values[1] });
    };
    [row, column].forEach((each) => each.addEventListener("change", () => { if (row.value !== "" && column.value !== "") go(); }));
    at("go").addEventListener("click", go);
  }

  async function addParcels(source, view) {
    at("choice").hidden = false;
    view.setOutlines(await source.outlines());
    view.setParcelChoice(() => at("choose-parcel").checked);
    const control = layerControl("outlines", view.outlineLayer);
    control.set(true);
    return control.row;
  }

  async function start() {
    const source = await app.openSource();
    const { about } = source;
    const filter = { least: 0, most: 100, hidden: new Set(), version: 0 };
    const [across, down] = about.pixel_metres;
    const projection = new ol.Projection({
      code: "pixels-of-the-map", units: "m", metersPerUnit: 1, getPointResolution: (resolution) => resolution, extent: [0, -about.height * down, about.width * across, 0] });
    const rasters = app.rasterLayers(source, projection, filter, fail);
    const picture = about.has_picture ? app.pictureLayer(source, projection) : null;
    const ordered = [...(picture ? [picture.layer] : []), ...["class", "probability", "unlikeness"].flatMap((name) => rasters.layers[name] || [])];
    let view = null;
    const choose = chooser(source, () => view);
    view = app.makeView(source, { projection, ordered }, choose);
    const areas = legend(about, filter, () => changed());
    const changed = () => { rasters.refresh(); areas.refresh(); };
    filters(about, filter, changed);
    const controls = [];
    if (picture) {
      controls.push(["picture", layerControl("picture", picture.layer, () => {
        say("Computing the picture in true colours …");
        picture.load().then(() => say("The picture in true colours is there."), fail);
      })]);
    }
    ["class", "probability", "unlikeness"].forEach((name) => {
      if (rasters.layers[name]) controls.push([name, layerControl(name, rasters.layers[name])]);
    });
    controls.forEach(([name, control]) => {
      at("layers").append(control.row);
      control.set(name === "class" || name === "picture");
    });
    if (about.num_parcels) at("layers").append(await addParcels(source, view));
    goTo(about, view, choose);
    at("fit").addEventListener("click", view.fit);
    areas.count(await source.histogram());
    app.view = view; // for tests: where a pixel lies on the screen
    say("Choose a pixel: click on the map, or give its row and column.");
    document.body.dataset.ready = "true";
  }

  start().catch(fail);
})((window.windrowViewer = window.windrowViewer || {}));
