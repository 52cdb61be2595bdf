"""Small crop maps for tests of what reads a map folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from windrow.data.map_folder import HEADER, MapHeader, standard_layers

COLOURS = ("#e6b422", "#3b8132", "#7a5230", "#4f6fbf", "#b03a6a", "#8a8a8a")


def write_small_map(
    folder: Path,
    classes: npt.NDArray[np.uint8],
    *,
    names: tuple[str, ...],
    crs: str = "EPSG:32631",
    pixel_size: float = 10.0,
    seed: int = 0,
) -> MapHeader:
    """Writes a map whose class layer is given, (height, width), 0 where there is no data.

    Probabilities and the other layers are drawn by chance.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    height, width = classes.shape
    transform = (pixel_size, 0.0, 500_000.0, 0.0, -pixel_size, 5_630_000.0)
    layers = standard_layers(len(names), every_probability=False)
    known = classes > 0
    values = {
        "class": classes,
        "probability": np.where(known, random.integers(34, 100, classes.shape), 255),
        "entropy": np.where(known, random.integers(0, 100, classes.shape), 255),
        "unlikeness": np.where(known, random.integers(10, 300, classes.shape), 65535),
        "clear_dates": np.where(known, random.integers(1, 40, classes.shape), 0),
    }
    for name, layer in layers.items():
        with rasterio.open(
            folder / layer.file, "w", driver="GTiff", height=height, width=width, count=1,
            dtype=layer.dtype, nodata=layer.no_data, crs=crs,
            transform=rasterio.Affine(*transform),
        ) as target:  # fmt: skip
            target.write(values[name].astype(layer.dtype), 1)
    header = MapHeader.from_dict(
        {
            "format": "windrow map",
            "version": 1,
            "classes": [
                {
                    "value": number + 1, "name": name, "colour": COLOURS[number], "crops": [],
                    "num_pixels": int((classes == number + 1).sum()), "num_labelled": 5,
                }
                for number, name in enumerate(names)
            ],
            "grid": {
                "height": height, "width": width, "transform": list(transform), "crs": crs,
                "pixel_area": pixel_size**2,
            },
            "layers": {name: layer.to_dict() for name, layer in layers.items()},
            "first_date": "2018-01-11",
            "last_date": "2018-11-27",
            "num_dates": 91,
            "season_start": "01-01",
            "bands": ["B02", "B03", "B04", "B08"],
            "processing_level": "L2A",
            "labels": "5 labelled fields per class",
            "num_pixels": int(classes.size),
            "num_without_data": int((~known).sum()),
            "classifier_hash": "0" * 64,
            "weights_hash": "0" * 64,
            "software": "windrow 0",
        }
    )  # fmt: skip
    (folder / HEADER).write_text(json.dumps(header.to_dict()), encoding="utf-8")
    return header
