"""How fast a cube is mapped, and how much of that is reading; prints one line of JSON.

A stack of dates of ten bands and a cloud mask is generated as GeoTIFFs. It is mapped by one process
of one thread. The peer runs the same classifier on the same files by rioxarray and dask's
``map_blocks``, also in one thread, as somebody would write it around ``predict_proba``. Seconds are
those of the processor, so that other work on the machine counts little. Run::

    OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 python benchmarks/map_speed.py --side 256
    OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 python benchmarks/map_speed.py --side 1024 --without-peer
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

import windrow
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.classifiers.saved_classifier import write_classifier
from windrow.data.series import Series
from windrow.experiments.recipes.classifier import mix
from windrow.mapping.scene import Scene
from windrow.pipelines.maps.job import MapOptions, MapRequest
from windrow.pipelines.maps.map_cube import map_cube
from windrow.sources.cubes.open_cube import open_cube
from windrow.sources.rasters.grid import windows
from windrow.sources.reader import CubeOptions

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
TILE = 256


def write_stack(folder: Path, fields: Series, *, side: int, num_dates: int) -> None:
    """Writes a GeoTIFF per date: simulated series in patches of 16 pixels, with noise."""
    import rasterio

    draw = np.random.default_rng(0)
    own = fields.with_bands(BANDS)
    number = draw.integers(0, len(own), (-(-side // 16), -(-side // 16)))
    at = np.kron(number, np.ones((16, 16), dtype=np.int64))[:side, :side]
    step = np.linspace(0, own.num_dates - 1, num_dates).astype(int)
    dates = own.dates[0, step]
    for date, day in zip(step, dates.astype(str), strict=True):
        values = own.reflectance[:, date][at].transpose(2, 0, 1).astype(np.int32)
        noisy = np.clip(values + draw.normal(0, 40, values.shape).astype(np.int32), 1, 15_000)
        assert own.cloud_probability is not None
        cloudy = own.cloud_probability[:, date][at] >= 102
        scl = np.where(cloudy, 9, 4)[None]
        with rasterio.open(
            folder / f"S2_{day}.tif", "w", driver="GTiff", height=side, width=side, count=11,
            dtype="uint16", crs="EPSG:32633", tiled=True, blockxsize=TILE, blockysize=TILE,
            compress="deflate", transform=rasterio.Affine(10, 0, 5e5, 0, -10, 6e6),
        ) as target:  # fmt: skip
            target.write(np.concatenate([noisy, scl]).astype(np.uint16))
            for band, name in enumerate((*BANDS, "SCL"), 1):
                target.set_band_description(band, name)


def peer_seconds(folder: Path, classifier: MixedClassifier, *, side: int) -> float:
    """Maps the stack with rioxarray and dask, one block of the file's tiles at a time."""
    import dask
    import dask.array as da
    import rioxarray

    paths = sorted(folder.glob("*.tif"))
    days = np.array([path.stem[3:] for path in paths], dtype="M8[D]")
    doy = (days - days.astype("M8[Y]")).astype(int).astype(np.int16)

    def classify(block: np.ndarray) -> np.ndarray:
        rows, columns = block.shape[2:]
        values = block.transpose(2, 3, 0, 1).reshape(rows * columns, len(days), 11)
        series = Series(
            reflectance=values[..., :10].astype(np.int16),
            day_of_year=np.tile(doy, (len(values), 1)),
            valid=np.ones(values.shape[:2], dtype=bool),
            bands=BANDS,
            processing_level=classifier.fitted.level,
            id=np.arange(len(values)),
            field_id=np.arange(len(values)),
            year=np.full(len(values), 2018, dtype=np.int16),
            cloud_probability=np.where(values[..., 10] == 9, 230, 0).astype(np.uint8),
        )
        found = classifier.predict_proba(series).argmax(axis=1)
        return found.reshape(1, 1, rows, columns).astype(np.uint8)

    start = time.process_time()
    chunks = {"band": 11, "y": TILE, "x": TILE}
    layers = [rioxarray.open_rasterio(path, chunks=chunks).data for path in paths]
    stack = da.stack(layers).rechunk({0: -1, 1: -1})
    mapped = stack.map_blocks(classify, dtype=np.uint8, chunks=((1,), (1,), *stack.chunks[2:]))
    with dask.config.set(scheduler="synchronous"):
        mapped.compute()
    return time.process_time() - start


def main() -> None:
    """Maps once, and prints figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256, help="rows and columns")
    parser.add_argument("--dates", type=int, default=72)
    parser.add_argument("--without-peer", action="store_true")
    arguments = parser.parse_args()
    fields = windrow.simulate("brandenburg-2018", num_series=300, seed=1)
    assert fields.label is not None
    assert fields.legend is not None
    names = np.array(fields.legend.names)[fields.label]
    labels = [str(name) if row % 3 == 0 else None for row, name in enumerate(names)]
    classifier = MixedClassifier(load_place_encoder(), mix()).fit(fields.with_bands(BANDS), labels)
    num_pixels = arguments.side**2
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "stack").mkdir()
        write_stack(root / "stack", fields, side=arguments.side, num_dates=arguments.dates)
        write_classifier(root / "classifier", classifier)
        options = CubeOptions(processing_level=fields.processing_level)
        start = time.process_time()
        map_cube(
            MapRequest(root / "stack", classifier=root / "classifier", cube_options=options),
            out=root / "map",
            options=MapOptions(num_workers=1),
        )
        whole = time.process_time() - start
        cube = open_cube(root / "stack", options.for_ingest())
        start = time.process_time()
        for window in windows(cube.facts.grid, cube.facts.native, 20_000, limit=2**30):
            rows, columns = np.divmod(np.arange(window.height * window.width), window.width)
            cube.cube.read(window, rows, columns)
        reading = time.process_time() - start
        scene = Scene(cube, bands=BANDS, clear_below=102, latitude=None)
        part = next(iter(windows(cube.facts.grid, cube.facts.native, 20_000, limit=2**28)))
        pixels = scene.read(part)
        start = time.process_time()
        classifier.classify_grid(pixels.grid)
        model = time.process_time() - start
        found = {
            "pixels": num_pixels,
            "dates": arguments.dates,
            "pixels_per_second": round(num_pixels / whole),
            "model_pixels_per_second": round(len(pixels.grid) / model),
            "reading_share": round(reading / whole, 3),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        if not arguments.without_peer:
            peer = peer_seconds(root / "stack", classifier, side=arguments.side)
            found["times_rioxarray_and_dask"] = round(peer / whole, 2)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
