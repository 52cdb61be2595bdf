// Where a page gets its map from: the server that sent it, or arrays inside the page.
// Both answer alike: about, histogram(), tile(), picture(), outlines(), pixel(), parcel().
(function (app) {
  "use strict";

  const NO_DATA = -32768;

  async function ask(address) {
    const response = await fetch(address);
    if (!response.ok) {
      let reason = response.statusText;
      try {
        reason = (await response.json()).error || reason;
      } catch (error) {
        // The answer is no JSON: its status says enough.
      }
      throw new Error(reason);
    }
    return response;
  }

  async function bytes(response) {
    const shape = (response.headers.get("X-Shape") || "").split(" ").map(Number);
    return { shape, values: new Uint8Array(await response.arrayBuffer()) };
  }

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  async function servedSource() {
    const about = await (await ask("/about")).json();
    return {
      about,
      histogram: async () => (await ask("/histogram")).json(),
      tile: async (level, row, column) => {
        const { shape, values } = await bytes(await ask(`/tile/${level}/${row}/${column}`));
        return { height: shape[1], width: shape[2], planes: values };
      },
      picture: async () => {
        for (;;) {
          const response = await ask("/picture");
          if (response.status !== 202) {
            const { shape, values } = await bytes(response);
            return { step: shape[0], height: shape[1], width: shape[2], values };
          }
          await pause(700);
        }
      },
      outlines: async () => (await ask("/outlines")).json(),
      pixel: async (row, column) => (await ask(`/pixel?row=${row}&column=${column}`)).json(),
      parcel: async (number) => (await ask(`/parcel?number=${number}`)).json(),
    };
  }

  const TYPES = { uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array };

  async function decode(array) {
    const packed = Uint8Array.from(atob(array.data), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const buffer = await new Response(stream).arrayBuffer();
    return { shape: array.shape, values: new TYPES[array.dtype](buffer) };
  }

  // A row of an array whose first axis is pixels, cut into rows of its last axis.
  function rowsOf(array, position) {
    const [, middle, last] = array.shape;
    const start = position * middle * last;
    return Array.from({ length: middle }, (_, at) =>
      Array.from(array.values.subarray(start + at * last, start + (at + 1) * last)));
  }

  function rowOf(array, position) {
    const width = array.shape[1];
    return Array.from(array.values.subarray(position * width, (position + 1) * width));
  }

  async function embeddedSource(data) {
    const arrays = {};
    for (const [name, array] of Object.entries(data.arrays)) arrays[name] = await decode(array);
    const about = data.about;
    const { height, width, transform } = about;

    function tile(level, row, column) {
      const size = about.tile << level;
      const rows = Math.ceil((Math.min(height, (row + 1) * size) - row * size) / (1 << level));
      const columns = Math.ceil((Math.min(width, (column + 1) * size) - column * size) / (1 << level));
      const planes = new Uint8Array(3 * rows * columns);
      for (let plane = 0, at = 0; plane < 3; plane++) {
        for (let y = 0; y < rows; y++) {
          const sourceRow = Math.min(height - 1, row * size + (y << level));
          const start = (plane * height + sourceRow) * width + column * size;
          for (let x = 0; x < columns; x++, at++) planes[at] = arrays.values.values[start + (x << level)];
        }
      }
      return { height: rows, width: columns, planes };
    }

    function series(position) {
      const kept = [], values = rowsOf(arrays.reflectance, position);
      values.forEach((row, at) => { if (row[0] !== NO_DATA) kept.push(at); });
      const clear = rowOf(arrays.clear, position);
      return {
        dates: kept.map((at) => data.dates.reflectance[at]), bands: data.bands,
        reflectance: kept.map((at) => values[at]), clear: kept.map((at) => clear[at] === 1), cloud: null,
      };
    }

    function planetscope(position) {
      const values = rowsOf(arrays.planetscope, position);
      if (values.some((row) => row[0] === NO_DATA)) return null;
      return {
        dates: data.dates.planetscope, bands: ["blue", "green", "red", "nir"],
        reflectance: values.map((row) => row.map((value) => value / 10000)),
        predicted: rowOf(arrays.planetscope_predicted, position).map((value) => value === 1),
      };
    }

    function neighbours(position) {
      const distances = rowOf(arrays.distances, position);
      return rowOf(arrays.neighbours, position).map((number, at) => ({ number, distance: distances[at] / 100 }))
        .filter((each) => each.number !== 65535)
        .map((each) => ({
          map_class: arrays.labelled.values[each.number], distance: each.distance,
          ndvi: arrays.labelled_ndvi ? rowOf(arrays.labelled_ndvi, each.number).map((value) => value / 1000) : null,
        }));
    }

    function pixel(row, column) {
      if (!(row >= 0 && row < height && column >= 0 && column < width)) throw new Error("the pixel lies outside the map");
      const position = row * width + column, plane = height * width;
      const [mapClass, percent, unlike] = [0, 1, 2].map((at) => arrays.values.values[at * plane + position]);
      const [a, b, c, d, e, f] = transform;
      const has = (name) => arrays[name] !== undefined;
      const entropy = has("entropy") ? arrays.entropy.values[position] : 255;
      const clear = has("clear_dates") ? arrays.clear_dates.values[position] : 65535;
      return {
        title: `Pixel in row ${row}, column ${column}`, row, column,
        x: a * (column + 0.5) + b * (row + 0.5) + c, y: d * (column + 0.5) + e * (row + 0.5) + f,
        longitude: null, latitude: null,
        map_class: mapClass || null, probability: percent === 255 ? null : percent / 100,
        entropy: entropy === 255 ? null : entropy / 100,
        unlikeness: unlike === 255 ? null : unlike * about.unlikeness_step,
        clear_dates: clear === 65535 ? null : clear, num_pixels: null, shares: null,
        series: has("reflectance") ? series(position) : null,
        season: has("season") ? {
          dates: data.dates.season,
          probability: rowsOf(arrays.season, position).map((values) => (values[0] === 255 ? null : values.map((value) => value / 100))),
        } : null,
        neighbours: has("neighbours") ? neighbours(position) : null,
        calendar_ndvi: has("calendar_ndvi") && rowOf(arrays.calendar_ndvi, position)[0] !== NO_DATA
          ? rowOf(arrays.calendar_ndvi, position).map((value) => value / 1000) : null,
        planetscope: has("planetscope") ? planetscope(position) : null,
      };
    }

    return {
      about,
      histogram: async () => {
        const [rows, columns] = arrays.histogram.shape;
        return Array.from({ length: rows }, (_, at) => Array.from(arrays.histogram.values.subarray(at * columns, (at + 1) * columns)));
      },
      tile: async (level, row, column) => tile(level, row, column),
      picture: async () => {
        const [rows, columns] = arrays.picture.shape;
        return { step: 1, height: rows, width: columns, values: arrays.picture.values };
      },
      outlines: async () => data.outlines,
      pixel: async (row, column) => pixel(row, column),
      parcel: async (number) => data.parcels[number],
    };
  }

  app.openSource = async function () {
    const inside = document.getElementById("map-data");
    return inside ? embeddedSource(JSON.parse(inside.textContent)) : servedSource();
  };
})((window.windrowViewer = window.windrowViewer || {}));
