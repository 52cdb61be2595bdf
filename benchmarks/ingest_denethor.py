"""How fast and in how much memory a tile of DENETHOR is ingested; prints one line of JSON.

A tile is generated, sparse on disk but for ten full days of PlanetScope and one Sentinel-2 date.
Throughput is that of the ten full days, in file bytes a second, against plain reads of the same
files in the same run; memory is the peak of anonymous memory of the whole ingest. Run::

    python benchmarks/ingest_denethor.py            # a quarter of a side, 40 days
    python benchmarks/ingest_denethor.py --full     # 365 files of 8000 x 8000, 144 dates
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio

from windrow.pipelines.ingest import ingest
from windrow.sources.denethor.planetscope import make_plan, open_stack, read_day
from windrow.sources.formats.npy_stack import PixelChoice
from windrow.sources.reader import IngestOptions

WEST, NORTH = 420_000.0, 5_820_000.0
PREFIX, CODE = "dlr_fusion_competition_germany_train", "33N_18E_242N"


class AnonymousMemory:
    """The peak of this process's anonymous memory, read every 20 ms."""

    def __enter__(self) -> AnonymousMemory:
        self.peak_mib, self._running = 0.0, True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()

    def _watch(self) -> None:
        while self._running:
            text = Path("/proc/self/status").read_text()
            line = next(line for line in text.splitlines() if line.startswith("RssAnon"))
            self.peak_mib = max(self.peak_mib, int(line.split()[1]) / 1024)
            time.sleep(0.02)


def make_tile(
    root: Path, *, side: int, num_dates: int, num_days: int, num_full: int, tiled: bool
) -> list[Path]:
    """Writes the tile and returns the full PlanetScope files."""
    draw = np.random.default_rng(0)
    sentinel2 = root / f"{PREFIX}_source_sentinel_2" / f"{PREFIX}_source_sentinel_2_{CODE}_2018"
    sentinel2.mkdir(parents=True)
    shape = (num_dates, side, side, 12)
    bands = np.lib.format.open_memmap(
        sentinel2 / "bands.npy", mode="w+", dtype=np.int16, shape=shape
    )
    bands[num_dates // 2] = draw.integers(100, 5_000, shape[1:], dtype=np.int16)
    np.lib.format.open_memmap(
        sentinel2 / "clp.npy", mode="w+", dtype=np.uint8, shape=(*shape[:3], 1)
    )
    start = datetime(2018, 1, 1, 10, tzinfo=UTC)
    stamps = [start + timedelta(days=step * 365 // num_dates) for step in range(num_dates)]
    (sentinel2 / "timestamp.pkl").write_bytes(pickle.dumps(stamps))
    write_labels(root, side)
    fine = side * 10 // 3
    full = []
    for number in range(num_days):
        day = date(2018, 1, 1) + timedelta(days=number)
        path = root / f"{PREFIX}_source_planet" / f"{PREFIX}_source_planet_{CODE}_{day}" / "sr.tif"
        path.parent.mkdir(parents=True)
        profile = {"tiled": True, "blockxsize": 512, "blockysize": 512} if tiled else {}
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=fine,
            height=fine,
            count=4,
            dtype="int16",
            crs="EPSG:32633",
            transform=rasterio.Affine(3.0, 0.0, WEST, 0.0, -3.0, NORTH),
            SPARSE_OK=True,
            **profile,
        ) as raster:
            if number < num_full:
                raster.write(draw.integers(1, 9_000, (4, fine, fine), dtype=np.int16))
                full.append(path)
    return full


def write_labels(root: Path, side: int) -> None:
    """Parcels of 20 x 20 pixels over the whole tile, on a third of its ground."""
    features = []
    for row in range(0, side - 20, 35):
        for column in range(0, side - 20, 35):
            west, north = WEST + 10 * column, NORTH - 10 * row
            ring = [[west, north], [west, north - 200], [west + 200, north - 200]]
            ring += [[west + 200, north], [west, north]]
            number = len(features)
            features.append(
                {
                    "type": "Feature",
                    "properties": {"fid": number + 1, "crop_id": number % 9 + 1},
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
    crs = {"type": "name", "properties": {"name": "EPSG:32633"}}
    path = root / f"{PREFIX}_labels" / "labels.geojson"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def seconds_of(run: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def read_plain(paths: list[Path]) -> None:
    """Every byte of the files, in pieces of 8 MiB."""
    for path in paths:
        with path.open("rb") as file:
            while file.read(1 << 23):
                pass


def read_whole(paths: list[Path]) -> None:
    """Every pixel of the files, by rasterio alone."""
    for path in paths:
        with rasterio.open(path) as raster:
            raster.read()


def throughput(full: list[Path], side: int, num_series: int) -> dict[str, float]:
    """The ten full days by windows at drawn pixels, against plain reads of the same files."""
    chosen = np.sort(np.random.default_rng(1).permutation(side * side)[:num_series])
    pixels = PixelChoice(*(axis.astype(np.int32) for axis in np.divmod(chosen, side)))
    files = {date.fromisoformat(path.parent.name[-10:]): path for path in full}
    stack = open_stack(files, quality={}, quality_bands=(), year=2018)
    plan = make_plan(stack, pixels, pairing="corner")
    mega = sum(path.stat().st_size for path in full) / 1e6
    read_plain(full)  # all reads find the files as warm as each other
    times = {
        "plain": seconds_of(lambda: read_plain(full)),
        "rasterio": seconds_of(lambda: read_whole(full)),
        "windrow": seconds_of(lambda: [read_day(stack, n, plan) for n in range(len(full))]),
    }
    rates = {f"{name}_mb_per_s": round(mega / taken, 1) for name, taken in times.items()}
    return rates | {
        "ratio_to_plain": round(times["plain"] / times["windrow"], 3),
        "ratio_to_rasterio": round(times["rasterio"] / times["windrow"], 3),
    }


def main() -> None:
    """Generates a tile, reads ten days and ingests the whole."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the size of a real tile")
    parser.add_argument("--tiled", action="store_true", help="tiled files instead of strips")
    parser.add_argument("--num-series", type=int, default=None)
    parser.add_argument("--num-dates", type=int, default=None, help="Sentinel-2 dates")
    parser.add_argument("--num-days", type=int, default=None, help="PlanetScope files")
    parser.add_argument("--num-full", type=int, default=10, help="of them with content")
    settings = parser.parse_args()
    side, num_dates, num_days = (2_400, 144, 365) if settings.full else (600, 36, 40)
    num_dates, num_days = settings.num_dates or num_dates, settings.num_days or num_days
    num_series = settings.num_series or (150_000 if settings.full else 10_000)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tile"
        full = make_tile(
            root,
            side=side,
            num_dates=num_dates,
            num_days=num_days,
            num_full=settings.num_full,
            tiled=settings.tiled,
        )
        rates = throughput(full, side, num_series)
        with AnonymousMemory() as memory:
            seconds = seconds_of(
                lambda: ingest(
                    root, out=Path(folder) / "store", options=IngestOptions(num_series=num_series)
                )
            )
    result = {
        "benchmark": "ingest_denethor",
        "side": side,
        "num_dates": num_dates,
        "num_days": num_days,
        "num_full_days": settings.num_full,
        "num_series": num_series,
        "tiled": settings.tiled,
        **rates,
        "ingest_seconds": round(seconds, 1),
        "peak_anonymous_mib": round(memory.peak_mib, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
