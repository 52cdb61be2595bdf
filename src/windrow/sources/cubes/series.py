"""From windows of a cube to series: one a pixel, or one mean a parcel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.season import days_of_season
from windrow.data.series import NO_DATA, Series
from windrow.errors import DataError
from windrow.sources.cubes.planetscope_pairs import PlanetScopePairs
from windrow.sources.cubes.scratch import ScratchCube
from windrow.sources.cubes.targets import Pixels, Targets, count_pixels, labels_of
from windrow.sources.cubes.values import Meaning
from windrow.sources.rasters.grid import Cube, Grid, Window, windows
from windrow.sources.reader import IngestOptions, ReadingSummary
from windrow.sources.values.reflectance import RangeTally

MIN_SHARE = 0.5
"""A parcel's date is valid where at least this share of its pixels has data."""


@dataclass(frozen=True)
class Plan:
    """Everything settled before values are read.

    Attributes:
        cube: where values come from.
        meaning: what they mean.
        targets: which pixels are read.
        parts: the windows.
        kept: for each window which of its pixels are kept, or None for all.
    """

    cube: Cube
    meaning: Meaning
    targets: Targets
    parts: list[Window]
    kept: list[npt.NDArray[np.bool_]] | None


def plan(
    cube: Cube,
    meaning: Meaning,
    targets: Targets,
    options: IngestOptions,
    summary: ReadingSummary,
) -> Plan:
    """Cuts the cube into windows, and draws pixels where only some are asked for.

    With a scratch folder, windows that were read before an interruption are not read again.
    """
    facts = cube.facts
    bytes_per_pixel = facts.itemsize * len(facts.dates) * (len(facts.bands) + 1)
    parts = list(windows(facts.grid, facts.native, bytes_per_pixel))
    counts = count_pixels(targets, parts, summary)
    if options.scratch is not None and len(parts) > 1:
        cube = ScratchCube(cube, options.scratch)
    kept = None
    if options.num_series is not None and options.num_series < counts.sum():
        random = np.random.default_rng([options.seed, int(counts.sum())])
        chosen = np.zeros(int(counts.sum()), dtype=np.bool_)
        chosen[random.choice(len(chosen), size=options.num_series, replace=False)] = True
        kept = np.split(chosen, np.cumsum(counts)[:-1])
        summary.count("pixels_drawn", options.num_series)
    return Plan(cube, meaning, targets, parts, kept)


def pixel_series(
    steps: Plan, summary: ReadingSummary, *, pairs: PlanetScopePairs | None = None
) -> Iterator[Series]:
    """Returns one series a pixel, window by window; pixels without a usable date are left out.

    Args:
        steps: what is settled before values are read.
        summary: where counts are added.
        pairs: the PlanetScope scenes to pair the pixels with, or None.
    """
    num_dates = len(steps.cube.facts.dates)
    left_out = 0
    tally, share = RangeTally(summary), steps.meaning.clear_share(summary)
    for window, pixels in _windows(steps):
        raw = steps.cube.read(window, pixels.rows, pixels.columns)
        reflectance, valid = steps.meaning.reflectance(raw.values, tally)
        cloud = steps.meaning.cloud(raw.quality)
        if share is not None and cloud is not None:
            share.add(cloud, valid)
        seen = np.asarray(valid.any(axis=1))
        left_out += int((~seen).sum())
        summary.count("pixels_without_a_usable_date_left_out", left_out)
        summary.count(
            "dates_without_data_made_invalid",
            summary.counts.get("dates_without_data_made_invalid", 0)
            + int(seen.sum()) * num_dates
            - int(valid.sum()),
        )
        if not seen.any():
            continue
        kept = pixels.select(seen)
        rows, columns = kept.rows + window.row, kept.columns + window.column
        identity = (rows * steps.cube.facts.grid.width + columns).astype(np.int64)
        own = kept.field < 0
        field = identity if own.all() else steps.targets.field_ids[kept.field]
        series = _series(
            steps,
            (reflectance[seen], valid[seen], None if cloud is None else cloud[seen]),
            (identity, np.asarray(field)),
            kept.field,
            degrees(steps.cube.facts.grid, rows, columns),
        )
        yield series if pairs is None else paired(series, pairs, rows, columns)
    if pairs is not None:
        pairs.refuse_nothing_known()
    steps.meaning.refuse_out_of_range(tally)
    if share is not None:
        share.say()


def paired(
    series: Series,
    pairs: PlanetScopePairs,
    rows: npt.NDArray[np.integer],
    columns: npt.NDArray[np.integer],
) -> Series:
    """Adds PlanetScope to the series of pixels, and counts what is known.

    Args:
        series: N series.
        pairs: the scenes.
        rows: (N,) rows of the pixels in the cube.
        columns: (N,) columns of the pixels in the cube.
    """
    values = pairs.values(rows, columns)
    known = (values != NO_DATA).all(axis=2)
    counts = pairs.summary.counts
    for name, number in (
        ("planetscope_days_of_pixels_with_nine_values", int(known.sum())),
        ("planetscope_days_of_pixels_with_fewer", int((~known).sum())),
        ("pixels_without_any_planetscope_day", int((~known.any(axis=1)).sum())),
    ):
        pairs.summary.count(name, counts.get(name, 0) + number)
    return replace(series, planetscope=values, planetscope_day=pairs.day)


def _windows(steps: Plan) -> Iterator[tuple[Window, Pixels]]:
    for index, window in enumerate(steps.parts):
        pixels = steps.targets.pixels(window)
        if steps.kept is not None:
            pixels = pixels.select(steps.kept[index])
        if len(pixels.rows):
            yield window, pixels


def parcel_series(steps: Plan, summary: ReadingSummary) -> Iterator[Series]:
    """Returns one mean series a parcel, over the pixels that have data at the date.

    Raises:
        DataError: no parcel has a usable date.
    """
    facts = steps.cube.facts
    shape = (len(steps.targets.field_ids), len(facts.dates))
    total = np.zeros((*shape, len(facts.bands)))
    number = np.zeros(shape, dtype=np.int64)
    cloud_total = np.zeros(shape)
    size = np.zeros(shape[0], dtype=np.int64)
    middle = np.zeros((shape[0], 2))
    with_cloud = False
    tally = RangeTally(summary)
    for window, pixels in _windows(steps):
        raw = steps.cube.read(window, pixels.rows, pixels.columns)
        reflectance, valid = steps.meaning.reflectance(raw.values, tally)
        cloud = steps.meaning.cloud(raw.quality)
        order = np.argsort(pixels.field, kind="stable")
        fields, start = np.unique(pixels.field[order], return_index=True)
        # Invalid values are 0, so that sums need no mask.
        total[fields] += np.add.reduceat(reflectance[order].astype(np.float64), start)
        number[fields] += np.add.reduceat(valid[order].astype(np.int64), start)
        size[fields] += np.diff(np.append(start, len(order)))
        where = np.stack([pixels.rows + window.row, pixels.columns + window.column], axis=1)
        middle[fields] += np.add.reduceat(where[order].astype(np.float64), start)
        if cloud is not None:
            with_cloud = True
            cloud_total[fields] += np.add.reduceat(cloud[order].astype(np.float64), start)
    steps.meaning.refuse_out_of_range(tally)
    valid = (number > 0) & (number >= MIN_SHARE * size[:, None])
    seen = valid.any(axis=1)
    summary.count("parcels_without_a_usable_date_left_out", int(((size > 0) & ~seen).sum()))
    if not seen.any():
        raise DataError("no parcel has a usable date", where=facts.names[0])
    mean = np.round(total / np.maximum(number, 1)[..., None])
    cloud_mean = np.floor(cloud_total / np.maximum(size, 1)[:, None]).astype(np.uint8)
    centre = middle[seen] / size[seen][:, None]
    identity = steps.targets.field_ids[seen]
    share = steps.meaning.clear_share(summary)
    if share is not None:
        share.add(cloud_mean, valid)
        share.say()
    summary.say("averaged", f"mean a parcel, valid where {MIN_SHARE:.0%} of its pixels have data")
    yield _series(
        steps,
        (
            np.where(valid[..., None], mean, 0)[seen].astype(np.int16),
            valid[seen],
            cloud_mean[seen] if with_cloud else None,
        ),
        (identity, identity),
        np.flatnonzero(seen),
        degrees(facts.grid, centre[:, 0], centre[:, 1]),
    )


def _series(
    steps: Plan,
    values: tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_], npt.NDArray[np.uint8] | None],
    identity: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    field: npt.NDArray[Any],
    coordinates: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None,
) -> Series:
    facts = steps.cube.facts
    reflectance, valid, cloud = values
    days, years = days_of_season(facts.dates, facts.season_start)
    legend = steps.targets.legend
    return Series(
        reflectance=reflectance,
        day_of_year=np.tile(days, (len(reflectance), 1)),
        valid=valid,
        bands=facts.bands,
        processing_level=facts.processing_level,
        id=identity[0],
        field_id=identity[1],
        year=np.full(len(reflectance), years[0], dtype=np.int16),
        cloud_probability=cloud,
        longitude=None if coordinates is None else coordinates[0],
        latitude=None if coordinates is None else coordinates[1],
        label=None if legend is None else labels_of(steps.targets, field),
        legend=legend,
        season_start=facts.season_start,
    )


def degrees(
    grid: Grid, rows: npt.NDArray[Any], columns: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Returns longitude and latitude of pixel centres, or None where the CRS is not known."""
    if grid.crs is None:
        return None
    from pyproj import Transformer

    transformer = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    x, y = grid.centres(rows, columns)
    longitude, latitude = transformer.transform(x, y)
    return np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
