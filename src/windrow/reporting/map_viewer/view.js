// The map itself: OpenLayers with the layers of this page, clicks and keys.
(function (app) {
  "use strict";

  const line = (colour, width) => new ol.Style({ stroke: new ol.Stroke({ color: colour, width }) });
  const FILL = new ol.Style({ fill: new ol.Fill({ color: "rgba(0,0,0,0)" }) });

  app.makeView = function (source, layers, onChoice) {
    const { about } = source;
    const [across, down] = about.pixel_metres;
    const extent = [0, -about.height * down, about.width * across, 0];
    const outlines = new ol.VectorSource();
    const outlineLayer = new ol.VectorLayer({ source: outlines, style: [line("#ffffff", 3), line("#1d1f21", 1.2), FILL] });
    const chosen = new ol.VectorSource();
    const chosenLayer = new ol.VectorLayer({ source: chosen, style: [line("#ffffff", 6), line("#d6006c", 3)] });
    const projection = layers.projection;
    const target = document.getElementById("map");
    const map = new ol.Map({
      target,
      layers: [...layers.ordered, outlineLayer, chosenLayer],
      controls: ol.defaultControls({ attribution: false, rotate: false, zoomOptions: { zoomInTipLabel: "Zoom in", zoomOutTipLabel: "Zoom out" } })
        .extend(about.pixel_area === null ? [] : [new ol.ScaleLine()]),
      interactions: ol.defaultInteractions({ altShiftDragRotate: false, pinchRotate: false }),
      view: new ol.View({
        projection, center: [(extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2],
        minResolution: across / 32, maxResolution: (4 * Math.max(about.width * across, about.height * down)) / 300,
        constrainOnlyCenter: true, extent, showFullExtent: true,
      }),
    });
    const fit = () => map.getView().fit(extent, { padding: [12, 12, 12, 12] });
    fit();

    const place = (column, row) => [column * across, -row * down];
    const geometryOf = (rings) => rings.map((polygon) => new ol.Polygon(
      polygon.map((ring) => ring.map(([column, row]) => place(column, row)))));
    let byParcel = () => false;

    function choose(coordinate) {
      const column = Math.floor(coordinate[0] / across), row = Math.floor(-coordinate[1] / down);
      if (byParcel()) {
        const found = outlines.getFeaturesAtCoordinate(coordinate)[0];
        onChoice(found ? { parcel: found.get("number") } : { nothing: "There is no parcel here." });
      } else if (row >= 0 && row < about.height && column >= 0 && column < about.width) {
        onChoice({ row, column });
      } else {
        onChoice({ nothing: "There is no pixel here." });
      }
    }

    map.on("singleclick", (event) => choose(event.coordinate));
    target.addEventListener("keydown", (event) => {
      if (event.target !== target) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(map.getView().getCenter());
      } else if (event.key === "0") {
        fit();
      }
    });

    return {
      map, outlineLayer, fit,
      setOutlines: (records) => outlines.addFeatures(records.flatMap((record) => geometryOf(record.rings).map((geometry) => {
        const feature = new ol.Feature(geometry);
        feature.set("number", record.number);
        return feature;
      }))),
      setParcelChoice: (asks) => { byParcel = asks; },
      mark: (choice) => {
        chosen.clear();
        const shapes = choice.parcel === undefined
          ? geometryOf([[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]].map(([x, y]) => [choice.column + x, choice.row + y])]])
          : outlines.getFeatures().filter((each) => each.get("number") === choice.parcel).map((each) => each.getGeometry());
        shapes.forEach((shape) => chosen.addFeature(new ol.Feature(shape)));
      },
      // Moves the map only where the chosen pixel cannot be seen.
      reveal: (row, column) => {
        const [x, y] = place(column + 0.5, row + 0.5), seen = map.getView().calculateExtent(map.getSize());
        if (x < seen[0] || x > seen[2] || y < seen[1] || y > seen[3]) map.getView().setCenter([x, y]);
      },
    };
  };
})((window.windrowViewer = window.windrowViewer || {}));
