"""Small tiles of DENETHOR in exactly the public layouts, for tests."""

import gzip
import io
import json
import pickle
import sys
import types
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

WEST, NORTH, SIDE, FINE = 420_000.0, 5_820_000.0, 12, 40
TILES = {"train": ("18E", "242N", 2018), "test": ("17E", "243N", 2019)}
CLASSES = (1, 4, 5, 8)
"""Crop of each quarter of a tile; each quarter is cut into strips of two rows."""


@dataclass
class Tile:
    """Content of a tile, to be changed before it is written."""

    name: str = "train"
    num_dates: int = 6
    num_days: int = 4
    every_days: int = 1
    seed: int = 0
    bands: np.ndarray = field(init=False)
    clouds: np.ndarray = field(init=False)
    planetscope: np.ndarray = field(init=False)
    dates: list = field(init=False)
    days: list = field(init=False)
    parcels: list = field(init=False)

    def __post_init__(self):
        draw = np.random.default_rng(self.seed)
        east, north, year = TILES[self.name]
        self.code, self.year = f"{east}-{north}", year
        self.bands = draw.integers(1, 9_000, (self.num_dates, SIDE, SIDE, 12)).astype(np.int16)
        self.clouds = draw.integers(0, 256, (self.num_dates, SIDE, SIDE, 1)).astype(np.uint8)
        self.planetscope = draw.integers(1, 9_000, (self.num_days, 4, FINE, FINE)).astype(np.uint16)
        start = datetime(year, 1, 3, 10, 20, tzinfo=UTC)
        self.dates = [start + timedelta(days=5 * step) for step in range(self.num_dates)]
        first = date(year, 1, 1)
        self.days = [first + timedelta(days=self.every_days * d) for d in range(self.num_days)]
        self.parcels = [
            self.parcel(row, column, rows=2, columns=6, crop=CLASSES[2 * (row // 6) + column // 6])
            for row in range(0, SIDE, 2)
            for column in (0, 6)
        ]

    def parcel(self, row, column, *, rows, columns, crop, fid=None):
        west, north = WEST + 10 * column, NORTH - 10 * row
        east, south = west + 10 * columns, north - 10 * rows
        ring = [[west, north], [west, south], [east, south], [east, north], [west, north]]
        fid = fid or 1 + row * SIDE + column
        return {"fid": fid, "crop_id": crop, "area": 100.0 * rows * columns, "ring": ring}

    def field_at(self):
        """(side, side) fid of the parcel at each pixel."""
        at = np.zeros((SIDE, SIDE), dtype=int)
        for parcel in self.parcels:
            (west, north), (_, south), (east, _) = parcel["ring"][:3]
            rows = slice(round((NORTH - north) / 10), round((NORTH - south) / 10))
            at[rows, round((west - WEST) / 10) : round((east - WEST) / 10)] = parcel["fid"]
        return at

    def labels(self):
        from rasterio.warp import transform_geom

        features = []
        for parcel in self.parcels:
            shape = {"type": "MultiPolygon", "coordinates": [[parcel["ring"]]]}
            properties = {
                "fid": parcel["fid"],
                "crop_id": parcel["crop_id"],
                "crop_name": "",
                "SHAPE_AREA": parcel["area"],
                "SHAPE_LEN": 0.0,
            }
            moved = transform_geom("EPSG:32633", "EPSG:25833", shape)
            features.append({"type": "Feature", "properties": properties, "geometry": moved})
        name = {"name": "urn:ogc:def:crs:EPSG::25833"}
        crs = {"type": "name", "properties": name}
        return {"type": "FeatureCollection", "crs": crs, "features": features}

    def stamps(self):
        return pickle.dumps(self.dates)


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def write_raster(path: Path, values, *, crs="EPSG:32633", west=WEST, north=NORTH, **profile):
    import rasterio

    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[2],
        height=values.shape[1],
        count=len(values),
        dtype=values.dtype,
        crs=crs,
        transform=rasterio.Affine(3.0, 0.0, west, 0.0, -3.0, north),
        **profile,
    ) as raster:
        raster.write(values)
    return path


def _put(path: Path, content: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_original(root: Path, tile: Tile, *, compressed=True, tree="PlanetL3H"):
    """Layout (a): PlanetL3H or the 33N tree, Sentinel-2 in a zip."""
    home = root / "PlanetL3H" / tile.name.capitalize()
    if tree == "33N":
        home = root / "33N" / tile.code
    for day, values in zip(tile.days, tile.planetscope, strict=True):
        write_raster(home / "PF-SR" / f"{day}.tif", values, compress="deflate")
    _put(root / f"crops_{tile.name}_{tile.year}.geojson", json.dumps(tile.labels()).encode())
    archive = root / "S2" / tile.name / f"s2_{tile.name}.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, values in (("BANDS", tile.bands), ("CLP", tile.clouds)):
            content = gzip.compress(npy(values)) if compressed else npy(values)
            file.writestr(f"data/{name}.npy{'.gz' if compressed else ''}", content)
        file.writestr("timestamp.pkl", tile.stamps())
    return archive


def write_radiant(root: Path, tile: Tile, *, product="source_planet"):
    """Layout (b): Radiant MLHub."""
    prefix = f"dlr_fusion_competition_germany_{tile.name}"
    code = "33N_" + tile.code.replace("-", "_")
    for day, values in zip(tile.days, tile.planetscope, strict=True):
        folder = root / f"{prefix}_{product}" / f"{prefix}_{product}_{code}_{day}"
        write_raster(folder / "sr.tif", values, tiled=True, blockxsize=16, blockysize=16)
    sentinel2 = root / f"{prefix}_source_sentinel_2"
    sentinel2 = sentinel2 / f"{prefix}_source_sentinel_2_{code}_{tile.year}"
    _put(sentinel2 / "bands.npy", npy(tile.bands))
    _put(sentinel2 / "clp.npy", npy(tile.clouds))
    _put(sentinel2 / "timestamp.pkl", tile.stamps())
    labels = root / f"{prefix}_labels" / f"{prefix}_labels_{code}" / "labels.geojson"
    _put(labels, json.dumps(tile.labels()).encode())
    return sentinel2


def write_cooperative(root: Path, tile: Tile):
    """Layout (c): Source Cooperative, with the 33N tree."""
    write_original(root, tile, tree="33N")
    labels = root / f"crops_{tile.name}_{tile.year}.geojson"
    labels.rename(root / f"br-{tile.code}-crop-labels-{tile.name}-{tile.year}.geojson")


def bounds(path, *, epsg="32633", side=SIDE, west=WEST):
    """Pickles a stand-in under the name of sentinelhub's box."""
    geometry, constants = types.ModuleType("geometry"), types.ModuleType("constants")

    class Box:
        def __init__(self):
            self.min_x, self.max_x = west, west + 10 * side
            self.min_y, self.max_y = NORTH - 10 * side, NORTH
            self._crs = System()

    class System:
        def __reduce__(self):
            return System, (epsg,)

    for module, kind, name in ((geometry, Box, "BBox"), (constants, System, "CRS")):
        kind.__module__ = f"sentinelhub.{module.__name__}"
        kind.__qualname__ = kind.__name__ = name
        setattr(module, name, kind)
    names = ("sentinelhub", "sentinelhub.geometry", "sentinelhub.constants")
    box = Box()
    System.__init__ = lambda self, *_: None
    modules = types.ModuleType("sentinelhub"), geometry, constants
    sys.modules.update(zip(names, modules, strict=True))
    try:
        path.write_bytes(pickle.dumps(box))
    finally:
        for name in names:
            del sys.modules[name]
