"""Simulation of series and stores, the entry point of the simulator."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from windrow.data.series import Series, concatenate
from windrow.errors import OutputError, SettingsError
from windrow.files import check_output
from windrow.processes import begin_in_pool
from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation.fields.landscape import (
    COARSE_M,
    Integers,
    Landscape,
    footprints,
    make_landscape,
    sampled_pixels,
)
from windrow.simulation.fields.phenology import field_years
from windrow.simulation.fields.weather import NUM_DAYS, make_weather
from windrow.simulation.keyed_random import Floats, keyed, uniform
from windrow.simulation.scenarios import DEFAULT_SCENARIO, scenario_settings
from windrow.simulation.sensing.acquisition import acquire_planetscope, acquire_sentinel2
from windrow.simulation.settings import ScenarioSettings
from windrow.simulation.surface.surface import make_surface, make_surroundings

LEAST_BYTES_A_SERIES = 15_000
"""Bytes on disk of one compressed series of both sensors; a whole store takes some 20,000 each."""

FIELDS_A_LANDSCAPE = 10_000
"""Factor of field ids: ``field_id`` is landscape x this + field."""
PIXELS_A_SIDE = 1024
"""Factor of series ids: ``id`` is (landscape x this + row) x this + column."""

_LEAST_PART = 0.004


def simulate_pixels(
    settings: ScenarioSettings,
    *,
    seed: int,
    landscape: int,
    rows: Integers,
    columns: Integers,
) -> Series:
    """Simulates the series of Sentinel-2 pixels of one landscape.

    A series depends on the settings, the seed, the landscape and its own row and column. It does
    not depend on the other pixels in the call.

    Args:
        settings: settings of the scenario.
        seed: seed of all draws.
        landscape: number of the landscape.
        rows: (n,) rows, 0 at the top.
        columns: (n,) columns, 0 at the left.

    Raises:
        SettingsError: a pixel lies outside the landscape.
    """
    ground = make_landscape(settings, seed, landscape)
    outside = (rows < 0) | (columns < 0) | (rows >= ground.side) | (columns >= ground.side)
    if outside.any():
        raise SettingsError(
            "a pixel lies outside its landscape",
            found=f"row {rows[outside][0]}, column {columns[outside][0]}",
            expected=f"0 to {ground.side - 1}",
        )
    # One thread for the small matrix products: more cost time here, and would round differently.
    with threadpool_limits(1):
        return _render(ground, rows, columns)


def _render(ground: Landscape, rows: Integers, columns: Integers) -> Series:
    settings, seed, landscape = ground.settings, ground.seed, ground.number
    weather = make_weather(settings, seed, landscape)
    year = field_years(ground, weather)
    seen = footprints(ground, rows, columns)
    weight = np.maximum(seen.fine, seen.planetscope.max(axis=1))
    present = (seen.field >= 0) & (weight > _LEAST_PART)
    pixel, part = np.nonzero(present)
    surface = make_surface(
        ground,
        weather,
        year,
        rows=rows[pixel],
        columns=columns[pixel],
        field=seen.field[pixel, part],
    )
    sentinel2 = acquire_sentinel2(
        ground,
        weather,
        surface,
        surroundings=make_surroundings(ground, weather, year),
        seen=seen,
        present=present,
        rows=rows,
        columns=columns,
    )
    planetscope = None
    if settings.unit == "pixel":
        planetscope = acquire_planetscope(
            ground, weather, surface, seen=seen, present=present, rows=rows, columns=columns
        )
    own = seen.field[:, 0]
    longitude, latitude = _coordinates(settings, seed, landscape, rows, columns)
    return Series(
        reflectance=sentinel2.reflectance,
        day_of_year=sentinel2.day_of_year,
        valid=sentinel2.valid,
        bands=SENTINEL2_BANDS,
        processing_level=settings.product,
        id=(np.int64(landscape) * PIXELS_A_SIDE + rows) * PIXELS_A_SIDE + columns,
        field_id=np.int64(landscape) * FIELDS_A_LANDSCAPE + own,
        year=np.full(len(rows), settings.year, dtype=np.int16),
        cloud_probability=sentinel2.cloud_probability,
        longitude=longitude,
        latitude=latitude,
        planetscope=planetscope,
        planetscope_day=None if planetscope is None else np.arange(NUM_DAYS, dtype=np.int16),
        label=ground.label[own].astype(np.int16),
        legend=settings.legend,
        truth={
            "leaf_area_index": sentinel2.leaf_area_index,
            "chlorophyll": sentinel2.chlorophyll,
            "cover_fraction": sentinel2.cover_fraction,
            "cloud_free_reflectance": sentinel2.cloud_free,
            "harvest_day": year.harvest_day[own].astype(np.int16),
            "cut_day": year.cut_day[own].astype(np.int16),
        },
        simulated=True,
    )


def _coordinates(
    settings: ScenarioSettings, seed: int, landscape: int, rows: Integers, columns: Integers
) -> tuple[Floats, Floats]:
    shift = [0.4 * float(uniform(keyed(seed, f"place {a}", landscape))) - 0.2 for a in "xy"]
    metres_a_degree = 111_320.0
    latitude = settings.latitude + shift[1] - (rows + 0.5) * COARSE_M / metres_a_degree
    narrower = metres_a_degree * np.cos(np.radians(settings.latitude))
    longitude = settings.longitude + shift[0] + (columns + 0.5) * COARSE_M / narrower
    return np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)


def simulate_landscape(settings: ScenarioSettings, *, seed: int, landscape: int) -> Series:
    """Simulates the sampled series of one landscape, in mixed order of its fields.

    If the scenario's unit is the field, a series is the mean of a field's sampled pixels, and its
    ``id`` is the ``field_id``.
    """
    rows, columns = sampled_pixels(make_landscape(settings, seed, landscape))
    pixels = simulate_pixels(settings, seed=seed, landscape=landscape, rows=rows, columns=columns)
    return pixels if settings.unit == "pixel" else field_means(pixels)


def field_means(pixels: Series) -> Series:
    """Averages the pixels of each field to one series, in the order of the fields' first pixels.

    All numbers by date are averaged, also cloud probability and truth. Dates, label and days of
    harvest and cuts are taken from the field. The pixels of a field must share their dates, as
    pixels of one landscape do.
    """
    _, first, member = np.unique(pixels.field_id, return_index=True, return_inverse=True)
    counts = np.bincount(member)

    def mean(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        total = np.zeros((len(counts), *values.shape[1:]))
        np.add.at(total, member, values.astype(np.float64))
        found = total / counts.reshape(-1, *[1] * (values.ndim - 1))
        return (np.rint(found) if values.dtype.kind in "iu" else found).astype(values.dtype)

    order = np.argsort(first, kind="stable")
    fields = pixels.select(first[order])
    assert pixels.cloud_probability is not None
    averaged = {
        name: mean(values)[order]
        for name, values in pixels.truth.items()
        if name not in ("harvest_day", "cut_day")
    }
    return replace(
        fields,
        id=fields.field_id,
        reflectance=mean(pixels.reflectance)[order],
        cloud_probability=mean(pixels.cloud_probability)[order],
        planetscope=None,
        planetscope_day=None,
        truth={**fields.truth, **averaged},
    )


def simulate(
    scenario: str | ScenarioSettings = DEFAULT_SCENARIO,
    *,
    num_series: int,
    seed: int,
    num_workers: int = 1,
) -> Series:
    """Simulates Sentinel-2 and PlanetScope series of labelled fields by radiative transfer.

    The attribute ``simulated`` of the result is True. The same seed gives the same bytes for any
    number of workers, and the first series of a larger run equal those of a smaller run. All series
    are held in memory; :func:`simulate_parts` yields them landscape by landscape.

    Args:
        scenario: the name of a region and year, or settings;
            :data:`windrow.simulation.scenarios.SCENARIOS` holds them.
        num_series: number of series.
        seed: any whole number.
        num_workers: number of processes. One runs in this process. More than one start fresh
            interpreters, so a script that calls this function needs the usual ``__main__`` guard.

    Returns:
        The series with ``label``, ``legend`` and ``truth``.

    Raises:
        SettingsError: the scenario is unknown, or there are no series or no workers.

    Example:
        >>> simulate("brandenburg-2018", num_series=2, seed=1)
        Series(2 series, 2 fields, 146 dates, 12 bands, L2A, 2018, with PlanetScope, 9 classes, \
simulated)
    """
    parts = simulate_parts(scenario, num_series=num_series, seed=seed, num_workers=num_workers)
    return concatenate(list(parts))


def simulate_parts(
    scenario: str | ScenarioSettings = DEFAULT_SCENARIO,
    *,
    num_series: int,
    seed: int,
    num_workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Series]:
    """Yields the series of landscapes 0, 1, 2, ... until there are enough, one part per landscape.

    The same seed gives the same bytes for any number of workers, and the first series of a larger
    run equal those of a smaller run.

    Args:
        scenario: name or settings of a scenario.
        num_series: number of series in all.
        seed: any whole number.
        num_workers: number of processes. One runs in this process. More than one start fresh
            interpreters, so a script that calls this function needs the usual ``__main__`` guard.
        on_progress: called after each part with the series made and the series wanted.

    Raises:
        SettingsError: an unknown scenario, no series, or no worker.

    Example:
        >>> part = next(simulate_parts("brandenburg-2018", num_series=2, seed=1))
        >>> part.reflectance.shape, part.planetscope.shape, part.simulated
        ((2, 146, 12), (2, 365, 36), True)
    """
    settings = scenario_settings(scenario)
    for name, value in (("num_series", num_series), ("num_workers", num_workers)):
        if value < 1:
            raise SettingsError(f"{name} is too small", found=value, expected="at least 1")
    return _counted(settings, seed, num_series, num_workers, on_progress)


def _counted(
    settings: ScenarioSettings,
    seed: int,
    num_series: int,
    num_workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[Series]:
    made = 0
    parts = _parts(settings, seed, num_workers)
    try:
        while made < num_series:
            part = next(parts)
            if len(part) > num_series - made:
                part = part.select(slice(0, num_series - made))
            made += len(part)
            yield part
            if on_progress is not None:
                on_progress(made, num_series)
    finally:
        parts.close()


def _parts(
    settings: ScenarioSettings, seed: int, num_workers: int
) -> Generator[Series, None, None]:
    """Yields landscapes in order without end, and simulates a few in advance."""
    number = 0
    if num_workers == 1:
        while True:
            yield simulate_landscape(settings, seed=seed, landscape=number)
            number += 1
    with ProcessPoolExecutor(
        num_workers, mp_context=get_context("spawn"), initializer=begin_in_pool
    ) as pool:
        waiting: deque[Future[Series]] = deque()
        try:
            while True:
                while len(waiting) < 2 * num_workers:
                    waiting.append(
                        pool.submit(simulate_landscape, settings, seed=seed, landscape=number)
                    )
                    number += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def simulate_store(
    path: str | Path,
    *,
    scenario: str | ScenarioSettings = DEFAULT_SCENARIO,
    num_series: int,
    seed: int,
    num_workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Simulates series into a new store; see :func:`simulate_parts`.

    Raises:
        SettingsError: an unknown scenario, no series, or no worker.
        OutputError: the path exists already, or cannot be written.
    """
    # The import is here so that series can be simulated without zarr.
    from windrow.data.store.zarr_store import StoreWriter

    settings = scenario_settings(scenario)
    check_output(path)
    _check_room(path, num_series)
    parts = simulate_parts(
        settings, num_series=num_series, seed=seed, num_workers=num_workers, on_progress=on_progress
    )
    provenance = {
        "source": "windrow simulation: no satellite ever saw these series",
        "scenario": settings.to_dict(),
        "settings_hash": settings.content_hash(),
        "seed": seed,
    }
    with StoreWriter(path, provenance=provenance) as writer:
        for part in parts:
            writer.append(part)


def _check_room(path: str | Path, num_series: int) -> None:
    """Refuses more series than the disk has room for, before any is simulated."""
    folder = next(parent for parent in Path(path).resolve().parents if parent.exists())
    free, needed = shutil.disk_usage(folder).free, num_series * LEAST_BYTES_A_SERIES
    if needed > free:
        raise OutputError(
            "the disk has no room for so many series",
            where=path,
            found=f"{free / 1e9:,.0f} GB free",
            expected=f"at least {needed / 1e9:,.0f} GB for {num_series:,} series",
            hint="simulate fewer series",
        )
