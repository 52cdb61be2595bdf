"""The folder of a crop map: which layers it holds, and what their values mean.

``windrow map`` writes the folder, and every later step reads it: areas, samples, parcels, pages.
``map.json`` describes the layers. Each layer is a GeoTIFF of the same grid.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.errors import DataError, WindrowError

FORMAT = "windrow map"
HEADER = "map.json"

LayerName = Literal["class", "probability", "entropy", "unlikeness", "clear_dates", "probabilities"]

MAX_CLASSES = 254
"""Largest number of classes; values are bytes, 0 is no data."""


class MapClass(Settings):
    """One class of a map."""

    value: int = Field(ge=1, le=MAX_CLASSES, description="value in the class layer")
    name: str = Field(min_length=1)
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$", description="as #rrggbb")
    num_pixels: int = Field(ge=0, description="pixels of the class in the map")
    crops: tuple[str, ...] = Field(description="crops of the simulator that its prior holds")
    num_labelled: int = Field(ge=0, description="labelled fields of the class")


class MapLayer(Settings):
    """One raster file of a map. Its value is the stored number times the scale."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.tif$", description="name in the folder")
    dtype: Literal["uint8", "uint16"]
    num_bands: int = Field(ge=1, le=MAX_CLASSES)
    no_data: int = Field(ge=0, le=65535, description="stored number of a pixel without a value")
    scale: float = Field(gt=0)
    unit: str
    description: str


class MapGrid(Settings):
    """Where the pixels of a map lie."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    transform: tuple[float, float, float, float, float, float] = Field(
        description="a b c d e f: x = a column + b row + c, y = d column + e row + f, of corners"
    )
    crs: str | None = Field(description="as text that pyproj reads; None if it is not known")
    pixel_area: float | None = Field(
        gt=0, description="area of a pixel in square metres at the middle of the map, if known"
    )


class MapHeader(Settings):
    """Content of ``map.json``.

    Attributes:
        classes: the classes in the order of their values 1, 2, ...
        grid: where the pixels lie.
        layers: the raster files by layer.
        first_date: first day of the Sentinel-2 series, ISO.
        last_date: last day.
        num_dates: number of days.
        season_start: first day of the twelve months, MM-DD.
        bands: bands of the Sentinel-2 series.
        processing_level: L1C or L2A.
        labels: where the labels come from, in a sentence; maps without labels say so.
        num_pixels: pixels of the grid.
        num_without_data: pixels without one clear date, which have no class.
        classifier_hash: hash of the fitted classifier.
        weights_hash: hash of the place network.
        software: name and version of what wrote the map.
    """

    format: Literal["windrow map"]
    version: Literal[1]
    classes: tuple[MapClass, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    grid: MapGrid
    layers: dict[LayerName, MapLayer]
    first_date: str
    last_date: str
    num_dates: int = Field(ge=1)
    season_start: str
    bands: tuple[str, ...]
    processing_level: Literal["L1C", "L2A"]
    labels: str
    num_pixels: int = Field(ge=1)
    num_without_data: int = Field(ge=0)
    classifier_hash: str
    weights_hash: str
    software: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if [each.value for each in self.classes] != list(range(1, len(self.classes) + 1)):
            raise ValueError("the values of the classes must be 1, 2, ... in their order")
        if "class" not in self.layers:
            raise ValueError("a map needs its layer 'class'")
        if len({each.name for each in self.classes}) != len(self.classes):
            raise ValueError("two classes have one name")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of their values."""
        return tuple(each.name for each in self.classes)


def standard_layers(num_classes: int, *, every_probability: bool) -> dict[LayerName, MapLayer]:
    """Describes the layers that a map of this number of classes holds.

    Args:
        num_classes: number of classes, 2 or more.
        every_probability: whether the probability of every class is a layer too.

    Example:
        >>> sorted(standard_layers(3, every_probability=False))
        ['class', 'clear_dates', 'entropy', 'probability', 'unlikeness']
    """
    percent = {"dtype": "uint8", "num_bands": 1, "no_data": 255, "scale": 1.0, "unit": "%"}
    layers: dict[LayerName, MapLayer] = {
        "class": MapLayer(
            file="class.tif", dtype="uint8", num_bands=1, no_data=0, scale=1.0, unit="class",
            description="most likely class",
        ),
        "probability": MapLayer(
            file="probability.tif", **percent, description="probability of the most likely class"
        ),
        "entropy": MapLayer(
            file="entropy.tif", **percent,
            description=f"entropy of the class probabilities, 100 % is {math.log(num_classes):.3f}"
            " nats, all classes alike",
        ),
        "unlikeness": MapLayer(
            file="unlikeness.tif", dtype="uint16", num_bands=1, no_data=65535, scale=0.01,
            unit="1",
            description="distance from what was labelled; 1 is the farthest tenth of the labels",
        ),
        "clear_dates": MapLayer(
            file="clear_dates.tif", dtype="uint16", num_bands=1, no_data=65535, scale=1.0,
            unit="dates", description="number of clear Sentinel-2 dates",
        ),
    }  # fmt: skip
    if every_probability:
        layers["probabilities"] = MapLayer(
            file="probabilities.tif",
            **{**percent, "num_bands": num_classes},
            description="probability of each class, a band a class",
        )
    return layers


def read_map_header(folder: str | Path) -> MapHeader:
    """Reads the description of a map.

    Args:
        folder: the folder that ``windrow map`` wrote.

    Raises:
        DataError: this is no map, its map is not finished, or its description is damaged.
    """
    path = Path(folder) / HEADER
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            "no map here",
            where=folder,
            expected=f"a folder with {HEADER}, written by 'windrow map'",
            hint="run 'windrow map' to its end first: it writes this file last",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            "the description of the map cannot be read",
            where=path,
            found=str(error).splitlines()[0][:120],
        ) from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise DataError("the folder is no crop map", where=path)
    try:
        header = MapHeader.from_dict(values, where=path)
    except WindrowError as error:
        raise DataError(
            "the description of the map is damaged", where=path, found=error.what
        ) from None
    for layer in header.layers.values():
        if not (path.parent / layer.file).is_file():
            raise DataError("a layer of the map is missing", where=path.parent / layer.file)
    return header
