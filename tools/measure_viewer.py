"""Measures how fast the viewer reads a large map, and with how much memory.

Run::

    python tools/measure_viewer.py --out FOLDER --size 10980

The map is generated: classes in squares of 30 pixels, all other layers drawn by chance.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from windrow.data.map_folder import HEADER, LayerName, MapClass, MapGrid, MapHeader, standard_layers
from windrow.mapping.geotiff_writer import TILE, Strip, write_layer
from windrow.pipelines.viewer.open_content import ViewRequest, open_content

COLOURS = ("#e6b422", "#3b8132", "#7a5230", "#4f6fbf", "#b03a6a")
TILES_A_LEVEL = 12


def main() -> None:
    """Writes the map where it is not there yet, and prints a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=10_980)
    arguments = parser.parse_args()
    if not (arguments.out / HEADER).exists():
        write_map(arguments.out, arguments.size)
    content = open_content(ViewRequest(arguments.out))
    opened = peak_gigabytes()
    start = time.perf_counter()
    content.histogram()
    counted = time.perf_counter() - start
    draw = np.random.default_rng(0)
    milliseconds = []
    for level in range(content.values.num_levels):
        num = -(-arguments.size // (256 << level))
        times = []
        for row, column in draw.integers(0, num, (TILES_A_LEVEL, 2)).tolist():
            start = time.perf_counter()
            content.tile(level, row, column)
            times.append(1e3 * (time.perf_counter() - start))
        milliseconds.append(round(float(np.median(times)), 1))
    print(
        json.dumps(
            {
                "size": arguments.size,
                "median_ms_a_tile_by_level": milliseconds,
                "count_seconds": round(counted, 2),
                "gigabytes_opened": opened,
                "gigabytes_at_most": peak_gigabytes(),
            }
        )
    )


def peak_gigabytes() -> float:
    """Returns the largest memory of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def write_map(folder: Path, size: int) -> None:
    """Writes a map of so many rows and columns."""
    folder.mkdir(parents=True)
    layers = standard_layers(len(COLOURS), every_probability=False)
    grid = MapGrid(
        height=size,
        width=size,
        transform=(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_700_000.0),
        crs="EPSG:32631",
        pixel_area=100.0,
    )
    squares = np.random.default_rng(0).integers(1, len(COLOURS) + 1, (size // 30 + 1,) * 2)
    whole = np.repeat(np.repeat(squares.astype(np.uint8), 30, axis=0), 30, axis=1)[:size, :size]
    classes = tuple(
        MapClass(
            value=value,
            name=f"crop {value}",
            colour=colour,
            num_pixels=int((whole == value).sum()),
            crops=(),
            num_labelled=5,
        )
        for value, colour in enumerate(COLOURS, 1)
    )
    for name, layer in layers.items():
        write_layer(
            folder / layer.file, name, layer, grid=grid, classes=classes,
            strips=strips(whole, name, np.dtype(layer.dtype)), tags={},
        )  # fmt: skip
    header = MapHeader(
        format="windrow map", version=1, classes=classes, grid=grid, layers=layers,
        first_date="2018-01-01", last_date="2018-12-31", num_dates=72, season_start="01-01",
        bands=("B04", "B08"), processing_level="L2A", labels="generated, no label",
        num_pixels=size**2, num_without_data=0, classifier_hash="0" * 64, weights_hash="0" * 64,
        software="tools/measure_viewer.py",
    )  # fmt: skip
    (folder / HEADER).write_text(json.dumps(header.to_dict()), encoding="utf-8")


def strips(
    classes: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    name: LayerName,
    dtype: np.dtype[np.unsignedinteger],
) -> Iterator[Strip]:
    """Yields the rows of a layer, a row of tiles at a time."""
    draw = np.random.default_rng(1)
    ends = {"probability": (30, 100), "unlikeness": (10, 300), "clear_dates": (5, 40)}
    for top in range(0, len(classes), TILE):
        part = classes[top : top + TILE]
        values = part if name == "class" else draw.integers(*ends.get(name, (0, 100)), part.shape)
        yield top, values.astype(dtype)[None]


if __name__ == "__main__":
    main()
