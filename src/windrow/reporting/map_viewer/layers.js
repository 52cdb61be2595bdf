// The layers of the map: tiles of bytes coloured here, so that filters need no new request.
(function (app) {
  "use strict";

  const MOST_TILES = 256; // kept tiles; one holds at most 192 KiB of bytes
  const UNLIKE_END = 3; // unlikeness of the last colour
  // Both ramps grow darker steadily, so that they work without colour vision and in print.
  const RAMPS = {
    probability: [[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [68, 1, 84]],
    unlikeness: [[255, 245, 235], [253, 190, 133], [253, 141, 60], [217, 72, 1], [100, 30, 2]],
  };
  app.UNLIKE_END = UNLIKE_END;

  app.rampColour = function (name, share) {
    const stops = RAMPS[name];
    const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    return [0, 1, 2].map((band) => Math.round(stops[low][band] + (at - low) * (stops[low + 1][band] - stops[low][band])));
  };
  app.rampGradient = (name) => `linear-gradient(to right, ${RAMPS[name].map((rgb) => `rgb(${rgb.join(",")})`).join(", ")})`;

  const bytesOfColour = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

  class TileStore {
    constructor(source, onArrival, onError) {
      Object.assign(this, { source, onArrival, onError });
      this.tiles = new Map(); // oldest use first
      this.wanted = new Set();
    }

    get(level, row, column) {
      const key = `${level}/${row}/${column}`;
      const found = this.tiles.get(key);
      if (found) {
        this.tiles.delete(key);
        this.tiles.set(key, found);
      } else if (!this.wanted.has(key)) {
        this.wanted.add(key);
        this.source.tile(level, row, column).then((tile) => {
          this.tiles.set(key, { ...tile, painted: {} });
          if (this.tiles.size > MOST_TILES) this.tiles.delete(this.tiles.keys().next().value);
          this.wanted.delete(key);
          this.onArrival();
        }, this.onError); // it stays in 'wanted': a tile that failed is not asked for again
      }
      return found;
    }
  }

  function tablesOf(about) {
    const classes = [[0, 0, 0]];
    about.classes.forEach((each) => { classes[each.value] = bytesOfColour(each.colour); });
    const probability = Array.from({ length: 256 }, (_, at) => app.rampColour("probability", at / 100));
    const unlikeness = Array.from({ length: 256 }, (_, at) => app.rampColour("unlikeness", (at * about.unlikeness_step) / UNLIKE_END));
    return { class: classes, probability, unlikeness };
  }

  function paint(tile, kind, table, filter) {
    const { height, width, planes } = tile, size = height * width;
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const from = { class: 0, probability: size, unlikeness: 2 * size }[kind];
    for (let at = 0; at < size; at++) {
      const mapClass = planes[at], percent = planes[size + at], value = planes[from + at];
      const sure = percent === 255 ? 100 : percent;
      if (mapClass === 0 || filter.hidden.has(mapClass) || sure < filter.least || sure > filter.most) continue;
      if (kind !== "class" && value === 255) continue;
      const colour = table[value];
      image.data.set(colour, 4 * at);
      image.data[4 * at + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  // Draws a layer onto the canvas of a view; x = column * metres, y = -row * metres.
  function drawTiles(context, view, kind, parts) {
    const { about, store, tables, filter } = parts;
    const [across, down] = about.pixel_metres;
    const place = (column, row) => [
      Math.round((column * across - view.left) / view.scale), Math.round((view.top + row * down) / view.scale)];
    const level = Math.max(0, Math.min(about.num_levels - 1, Math.floor(Math.log2(view.scale / across) + 0.01)));
    const draw = (wanted, row, column) => {
      const tile = store.get(wanted, row, column);
      if (!tile) return;
      let painted = tile.painted[kind];
      if (!painted || painted.version !== filter.version) {
        painted = { version: filter.version, canvas: paint(tile, kind, tables[kind], filter) };
        tile.painted[kind] = painted;
      }
      const size = about.tile << wanted;
      const [x0, y0] = place(column * size, row * size);
      const [x1, y1] = place(Math.min(about.width, (column + 1) * size), Math.min(about.height, (row + 1) * size));
      context.clearRect(x0, y0, x1 - x0, y1 - y0);
      context.drawImage(painted.canvas, x0, y0, x1 - x0, y1 - y0);
    };
    if (level < about.num_levels - 1) draw(about.num_levels - 1, 0, 0); // until the finer ones arrive
    const size = about.tile << level;
    const last = (length) => Math.ceil(length / size) - 1;
    const clamp = (value, most) => Math.max(0, Math.min(most, value));
    const rows = [-view.top / down, (-view.top + view.height * view.scale) / down].map((row) => clamp(Math.floor(row / size), last(about.height)));
    const columns = [view.left / across, (view.left + view.width * view.scale) / across].map((column) => clamp(Math.floor(column / size), last(about.width)));
    for (let row = rows[0]; row <= rows[1]; row++) {
      for (let column = columns[0]; column <= columns[1]; column++) draw(level, row, column);
    }
  }

  function canvasSource(projection, draw) {
    return new ol.ImageCanvas({
      projection, ratio: 1, interpolate: false,
      canvasFunction: (extent, resolution, pixelRatio, size) => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = size.map(Math.ceil);
        const context = canvas.getContext("2d");
        context.imageSmoothingEnabled = false;
        draw(context, {
          left: extent[0], top: extent[3], scale: resolution / pixelRatio, width: canvas.width, height: canvas.height,
        });
        return canvas;
      },
    });
  }

  app.rasterLayers = function (source, projection, filter, onError) {
    const { about } = source, tables = tablesOf(about), sources = [];
    const refresh = () => sources.forEach((each) => each.changed());
    const store = new TileStore(source, refresh, onError);
    const layers = {};
    for (const kind of ["class", "probability", "unlikeness"]) {
      if (!about.layers.includes(kind)) continue;
      const made = canvasSource(projection, (context, view) => drawTiles(context, view, kind, { about, store, tables, filter }));
      sources.push(made);
      layers[kind] = new ol.ImageLayer({ source: made, visible: false });
    }
    return { layers, refresh: () => { filter.version += 1; refresh(); } };
  };

  app.pictureLayer = function (source, projection) {
    const { about } = source;
    let canvas = null, asked = null;
    const made = canvasSource(projection, (context, view) => {
      if (!canvas) return;
      const [across, down] = about.pixel_metres;
      const x = -view.left / view.scale, y = view.top / view.scale;
      context.drawImage(canvas, x, y, (canvas.width * canvas.step * across) / view.scale, (canvas.height * canvas.step * down) / view.scale);
    });
    const load = () => {
      asked = asked || source.picture().then((picture) => {
        canvas = document.createElement("canvas");
        Object.assign(canvas, { width: picture.width, height: picture.height, step: picture.step });
        const context = canvas.getContext("2d");
        const image = context.createImageData(picture.width, picture.height);
        for (let at = 0; at < picture.width * picture.height; at++) {
          const colour = picture.values.subarray(3 * at, 3 * at + 3);
          image.data.set(colour, 4 * at);
          image.data[4 * at + 3] = colour[0] || colour[1] || colour[2] ? 255 : 0;
        }
        context.putImageData(image, 0, 0);
        made.changed();
      });
      return asked;
    };
    return { layer: new ol.ImageLayer({ source: made, visible: false }), load };
  };
})((window.windrowViewer = window.windrowViewer || {}));
