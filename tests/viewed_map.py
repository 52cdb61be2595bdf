"""A small map with its cube, classifier and parcels, for tests of what looks at it."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
from shapely.geometry import box

from place_factory import CROPS, make_encoder
from scene_factory import LEFT, TOP, crop_of_pixels, make_scene, write_scene
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.saved_classifier import write_classifier
from windrow.data.store.store import Store
from windrow.experiments.recipes.classifier import mix
from windrow.models.place_weights import write_place_weights
from windrow.pipelines.ingest import ingest
from windrow.pipelines.maps.job import MapOptions, MapRequest
from windrow.pipelines.maps.map_cube import map_cube
from windrow.pipelines.viewer.open_content import ViewRequest

HEIGHT, WIDTH = 24, 40
MIX = mix().model_copy(update={"num_trees": 15})

PARCELS = {"north": (1, 2, 7, 6), "tiny": (20.1, 10.1, 20.4, 10.4), "edge": (36, 20, 44, 30)}
"""Left, top, right and bottom of the parcels, as columns and rows of pixel corners."""


def make_viewed_map(root: Path) -> Path:
    """Writes cube.nc, weights.safetensors, classifier, map and parcels.gpkg into a folder."""
    write_scene(root / "cube.nc", make_scene(HEIGHT, WIDTH))
    encoder = make_encoder()
    weights = root / "weights.safetensors"
    write_place_weights(weights, encoder.network, header=encoder.header)
    ingest(root / "cube.nc", out=root / "store")
    series = Store(root / "store").series(planetscope=False)
    crop = crop_of_pixels(HEIGHT, WIDTH).ravel()
    labels = [CROPS[each] if at % 7 == 0 else None for at, each in enumerate(crop)]
    known = series.select(np.flatnonzero([name is not None for name in labels]))
    classifier = MixedClassifier(encoder, MIX).fit(
        known, [name for name in labels if name is not None], crops={n: [n] for n in CROPS}
    )
    write_classifier(root / "classifier", classifier)
    map_cube(
        MapRequest(root / "cube.nc", classifier=root / "classifier", weights=weights, mix=MIX),
        out=root / "map",
        options=MapOptions(num_workers=1),
    )
    shapes = [
        box(LEFT + 10 * left, TOP - 10 * bottom, LEFT + 10 * right, TOP - 10 * top)
        for left, top, right, bottom in (*PARCELS.values(), (500, 500, 510, 510))
    ]
    frame = geopandas.GeoDataFrame(
        {"field_id": [*PARCELS, "far away"]}, geometry=shapes, crs="EPSG:32631"
    )
    frame.to_crs("EPSG:4326").to_file(root / "parcels.gpkg")
    return root


def everything(root: Path, **changed: object) -> ViewRequest:
    """The request to look at the map with all that stands beside it."""
    return ViewRequest(
        root / "map",
        **{
            "cube": root / "cube.nc",
            "classifier": root / "classifier",
            "weights": root / "weights.safetensors",
            "parcels": root / "parcels.gpkg",
            **changed,
        },  # type: ignore[arg-type]
    )
