"""One simulated landscape as files, in the layout in which DENETHOR is handed out by Radiant MLHub.

For readers to be tried on something whole: Sentinel-2 as ``bands.npy`` and ``clp.npy``, Planet
Fusion as one GeoTIFF a day, fields as GeoJSON. A file ``SIMULATED.txt`` stands beside them. It
needs the package rasterio.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.legend import DENETHOR
from windrow.data.planetscope_windows import planetscope_pixel, planetscope_window
from windrow.data.series import Series
from windrow.errors import SettingsError, WindrowError
from windrow.files import atomic_folder
from windrow.simulation.fields.landscape import FINE_M, Integers, Landscape, make_landscape
from windrow.simulation.generate import simulate_pixels
from windrow.simulation.scenarios import DEFAULT_SCENARIO, scenario_settings
from windrow.simulation.settings import ScenarioSettings

_ORIGIN = (420_000.0, 5_820_000.0)
_RASTERS = 32633
_LABELS = 25833
_ROWS = 4
_CELL_M = 2
_PREFIX = "dlr_fusion_competition_germany_train"
_TILE = "33N_18E_242N"


def simulate_denethor(
    path: str | Path,
    *,
    scenario: str | ScenarioSettings = DEFAULT_SCENARIO,
    seed: int,
    landscape: int = 0,
    every_days: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes one landscape as DENETHOR's folders (layout b); the folder must not exist.

    The landscape lies at a made-up place of zone 33N. ``timestamp.pkl`` is written because the
    layout has it; windrow reads such files with a restricted unpickler only.

    Args:
        path: folder to make.
        scenario: a name or settings; a side of 1200 m gives 120 and 400 pixels.
        seed: the seed.
        landscape: number of the landscape.
        every_days: days between the PlanetScope files: 1 or 5.
        on_progress: called with rows of pixels made and wanted.

    Raises:
        WindrowError: rasterio is not installed.
        SettingsError: an unknown scenario, or another number of days.
        OutputError: the folder exists or cannot be written.
    """
    settings = scenario_settings(scenario)
    if every_days not in (1, 5):
        raise SettingsError("no such product", found=f"every {every_days} days", expected="1 or 5")
    _require_denethor(settings)
    _require_rasterio()
    ground = make_landscape(settings, seed, landscape)
    with atomic_folder(path) as folder:
        (folder / "SIMULATED.txt").write_text(
            f"Simulated by windrow ({settings.name}, seed {seed}, landscape {landscape}): "
            "no satellite ever saw this place.\n"
        )
        planetscope = _write_sentinel2(folder, ground, on_progress)
        _write_planetscope(folder, ground, planetscope, every_days)
        _write_labels(folder, ground)


def simulate_landscapes(
    path: str | Path,
    *,
    scenario: str | ScenarioSettings = DEFAULT_SCENARIO,
    num_series: int | None = None,
    seed: int,
    every_days: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes whole landscapes as DENETHOR's folders, as many as hold the number of series.

    One landscape is written into the folder itself, several into ``landscape-000`` and so on,
    each a product of its own: they all lie at the same made-up place.

    Args:
        path: folder to make.
        scenario: a name or settings.
        num_series: pixels in all, a multiple of those of a landscape; None is one landscape.
        seed: the seed.
        every_days: days between the PlanetScope files: 1 or 5.
        on_progress: called with rows of pixels made and wanted.

    Raises:
        WindrowError: rasterio is not installed.
        SettingsError: an unknown scenario, another number of days, or a number of series that
            does not fill whole landscapes.
        OutputError: the folder exists or cannot be written.
    """
    settings = scenario_settings(scenario)
    _require_denethor(settings)
    _require_rasterio()
    side = make_landscape(settings, seed, 0).side
    num_pixels = side * side
    wanted = num_pixels if num_series is None else num_series
    if wanted < 1 or wanted % num_pixels:
        raise SettingsError(
            "layout denethor writes whole landscapes",
            found=f"{wanted:,} series",
            expected=f"a multiple of {num_pixels:,} ({side} x {side} pixels), such as "
            f"{max(1, round(wanted / num_pixels)) * num_pixels}",
            hint="leave --num-series out for one landscape, or take --layout store",
        )
    num_landscapes = wanted // num_pixels
    if num_landscapes == 1:
        simulate_denethor(
            path, scenario=settings, seed=seed, every_days=every_days, on_progress=on_progress
        )
        return
    with atomic_folder(path) as folder:
        for number in range(num_landscapes):
            simulate_denethor(
                folder / f"landscape-{number:03d}",
                scenario=settings,
                seed=seed,
                landscape=number,
                every_days=every_days,
                on_progress=_shifted(on_progress, number * side, num_landscapes * side),
            )


def _shifted(
    on_progress: Callable[[int, int], None] | None, before: int, total: int
) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda made, _: on_progress(before + made, total)


def _require_denethor(settings: ScenarioSettings) -> None:
    found = (settings.legend, settings.unit, settings.product)
    if found != (DENETHOR, "pixel", "L2A"):
        raise SettingsError(
            "DENETHOR has other classes or another product than this scenario",
            where=f"scenario {settings.name}",
            found=f"{', '.join(settings.legend.names)}; {settings.unit}s; {settings.product}",
            expected="its nine classes, pixels and L2A",
            hint="take --layout store",
        )


def _require_rasterio() -> None:
    try:
        import rasterio  # noqa: F401
    except ImportError:
        raise WindrowError(
            "GeoTIFFs need the package rasterio",
            hint="pip install 'windrow[rasters]', or write a store instead",
        ) from None


def _write_sentinel2(
    folder: Path, ground: Landscape, on_progress: Callable[[int, int], None] | None
) -> npt.NDArray[np.int16]:
    """Writes bands, clouds and dates; returns PlanetScope's raster (days, 4, side, side)."""
    side, fine_side, year = ground.side, ground.fine_side, ground.settings.year
    target = (
        folder / f"{_PREFIX}_source_sentinel_2" / (f"{_PREFIX}_source_sentinel_2_{_TILE}_{year}")
    )
    target.mkdir(parents=True)
    bands: npt.NDArray[np.int16] | None = None
    clouds = days = None
    fine = np.zeros((365, 4, fine_side, fine_side), dtype=np.int16)
    for first in range(0, side, _ROWS):
        lines = np.arange(first, min(first + _ROWS, side))
        rows, columns = np.repeat(lines, side), np.tile(np.arange(side), len(lines))
        part = simulate_pixels(
            ground.settings, seed=ground.seed, landscape=ground.number, rows=rows, columns=columns
        )
        if bands is None or clouds is None:
            days = part.day_of_year[0][part.valid[0]]
            bands = np.zeros((len(days), side, side, 12), dtype=np.int16)
            clouds = np.zeros((len(days), side, side, 1), dtype=np.uint8)
        assert part.cloud_probability is not None
        bands[:, rows, columns] = part.reflectance[:, : len(bands)].swapaxes(0, 1)
        clouds[:, rows, columns, 0] = part.cloud_probability[:, : len(bands)].T
        _put_windows(fine, ground, part, (rows, columns))
        if on_progress is not None:
            on_progress(int(lines[-1]) + 1, side)
    _fill(fine, ground)
    assert bands is not None
    assert clouds is not None
    assert days is not None
    np.save(target / "bands.npy", bands)
    np.save(target / "clp.npy", clouds)
    start = datetime(year, 1, 1, 10, 10, tzinfo=UTC)
    stamps = [start + timedelta(days=int(day)) for day in days]
    # Plain datetimes: what the layout holds, and what a restricted unpickler lets through.
    (target / "timestamp.pkl").write_bytes(pickle.dumps(stamps, protocol=4))
    return fine


def _put_windows(
    fine: npt.NDArray[np.int16], ground: Landscape, part: Series, pixels: tuple[Integers, Integers]
) -> None:
    """Puts the 3 x 3 windows of Sentinel-2 pixels at their place on the 3 m grid."""
    assert part.planetscope is not None
    rows, columns = planetscope_window(
        *pixels, size=ground.fine_side, pairing=ground.settings.pairing
    )
    values = part.planetscope.reshape(len(part), 365, 4, 9)
    # The middle comes last: at the edges windows are clamped, and the middle is the true one.
    for pixel in (0, 1, 2, 3, 5, 6, 7, 8, 4):
        fine[:, :, rows[:, pixel], columns[:, pixel]] = values[..., pixel].transpose(1, 2, 0)


def _fill(fine: npt.NDArray[np.int16], ground: Landscape) -> None:
    """Windows lie three or four pixels apart: a line that none covers takes the one before it."""
    middle = planetscope_pixel(np.arange(ground.side), pairing=ground.settings.pairing)
    covered = set((middle[:, None] + np.arange(-1, 2)).ravel().tolist())
    for line in range(ground.fine_side):
        if line not in covered:
            fine[:, :, line] = fine[:, :, line - 1]
            fine[:, :, :, line] = fine[:, :, :, line - 1]


def _transform(metres: float) -> Any:
    from rasterio import Affine

    return Affine(metres, 0.0, _ORIGIN[0], 0.0, -metres, _ORIGIN[1])


def _write_planetscope(
    folder: Path, ground: Landscape, fine: npt.NDArray[np.int16], every_days: int
) -> None:
    import rasterio

    product = "source_planet" if every_days == 1 else "source_planet_5day"
    for day in range(0, 365, every_days):
        date = (datetime(ground.settings.year, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
        target = folder / f"{_PREFIX}_{product}" / f"{_PREFIX}_{product}_{_TILE}_{date.isoformat()}"
        target.mkdir(parents=True)
        with rasterio.open(
            target / "sr.tif",
            "w",
            driver="GTiff",
            width=ground.fine_side,
            height=ground.fine_side,
            count=4,
            dtype="int16",
            crs=f"EPSG:{_RASTERS}",
            transform=_transform(FINE_M),
            compress="deflate",
        ) as raster:
            raster.write(fine[day])


def _write_labels(folder: Path, ground: Landscape) -> None:
    from rasterio.features import shapes
    from rasterio.warp import transform_geom

    # Cells of 2 m, so that one is centred on the centre of each Sentinel-2 pixel: burning the
    # polygons into that grid gives every pixel back its own field.
    step = (np.arange(ground.settings.landscape_m // _CELL_M) + 0.5) * _CELL_M
    fields = ground.field_at(step[None, :], step[:, None]).astype(np.int32)
    polygons: dict[int, list[Any]] = {}
    areas = np.bincount(fields.ravel(), minlength=ground.num_fields) * _CELL_M**2
    for shape, value in shapes(fields, transform=_transform(_CELL_M)):
        moved = transform_geom(f"EPSG:{_RASTERS}", f"EPSG:{_LABELS}", shape)
        polygons.setdefault(int(value), []).append(moved["coordinates"])
    features = [
        {
            "type": "Feature",
            "properties": {
                "fid": field + 1,
                "crop_id": int(ground.label[field]) + 1,
                "crop_name": DENETHOR.names[int(ground.label[field])],
                "SHAPE_AREA": float(areas[field]),
                "SHAPE_LEN": _length(polygons[field]),
            },
            "geometry": {"type": "MultiPolygon", "coordinates": polygons[field]},
        }
        for field in sorted(polygons)
    ]
    collection = {
        "type": "FeatureCollection",
        "name": "labels",
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{_LABELS}"}},
        "features": features,
    }
    target = folder / f"{_PREFIX}_labels" / f"{_PREFIX}_labels_{_TILE}"
    target.mkdir(parents=True)
    (target / "labels.geojson").write_text(json.dumps(collection))


def _length(polygons: list[Any]) -> float:
    rings = [np.asarray(ring, dtype=np.float64) for polygon in polygons for ring in polygon]
    return float(sum(np.hypot(*np.diff(ring[:, :2], axis=0).T).sum() for ring in rings))
