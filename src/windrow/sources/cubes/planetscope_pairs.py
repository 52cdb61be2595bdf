"""PlanetScope values for the Sentinel-2 pixels of a cube, from a folder of scenes.

A Sentinel-2 pixel is divided into 3 x 3 equal squares. Each square takes the PlanetScope pixel in
which its centre lies (nearest neighbour, so that values are never mixed). The scenes may have any
grid, pixel size and CRS; the centres of the squares are transformed into the CRS of the scene. With
pixels of 3.33 m on the same grid this is the centred window of
:mod:`windrow.data.planetscope_windows`.

Of several scenes of one day, a square takes the first in order of the file names that has a valid
value there. A value is valid if none of its four bands is missing or out of range, and if the
usable data mask, where there is one, calls it clear or snow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.season import days_of_season, first_days
from windrow.data.series import NO_DATA
from windrow.errors import DataError
from windrow.sources.cubes.planetscope_scenes import (
    UDM2_CLEAR,
    UDM2_SNOW,
    Scene,
    count_undated,
    crs_of,
    find_scenes,
)
from windrow.sources.rasters.crs import same_crs
from windrow.sources.rasters.geotiff_header import raster_environment, reason_of
from windrow.sources.rasters.grid import CubeFacts, Grid
from windrow.sources.reader import ReadingSummary
from windrow.sources.values.reflectance import RangeTally

_SIDE = sensors.PLANETSCOPE_WINDOW
_NUM_SQUARES = _SIDE**2
_NUM_BANDS = len(sensors.PLANETSCOPE_BANDS)
_LARGEST_REFLECTANCE = 4.0
"""Largest value of a file in floating point that may be a reflectance."""


@dataclass(frozen=True)
class PlanetScopePairs:
    """The scenes that lie on a cube within its twelve months.

    Attributes:
        grid: grid of the Sentinel-2 cube.
        day: (D,) int16 days of the season with a scene, increasing.
        scenes: for each of the days its scenes, in the order of their names.
        summary: where it is said what was found in the values.
        tally: the counted values out of range.
    """

    grid: Grid
    day: npt.NDArray[np.int16]
    scenes: tuple[tuple[Scene, ...], ...]
    summary: ReadingSummary
    tally: RangeTally

    def values(
        self, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.int16]:
        """Reads the PlanetScope values of Sentinel-2 pixels.

        Args:
            rows: (N,) rows of the cube.
            columns: (N,) columns of the cube.

        Returns:
            (N, D, 36) int16 reflectance x 10,000, band-major; ``NO_DATA`` where there is none.

        Raises:
            DataError: a file is damaged, or more than 1 % of the values are out of range.
        """
        x, y = _squares(self.grid, rows, columns)
        found = np.full((len(rows), len(self.day), _NUM_BANDS * _NUM_SQUARES), NO_DATA, np.int16)
        for number, scenes in enumerate(self.scenes):
            day = np.full((_NUM_BANDS, x.size), NO_DATA, dtype=np.int16)
            missing = np.ones(x.size, dtype=np.bool_)
            for scene in scenes:
                if missing.any():
                    self._fill(scene, day, missing, x=x, y=y)
            shaped = day.reshape(_NUM_BANDS, len(rows), _NUM_SQUARES).transpose(1, 0, 2)
            found[:, number] = shaped.reshape(len(rows), -1)
        return found

    def refuse_nothing_known(self) -> None:
        """Refuses scenes that gave no pixel a value.

        Raises:
            DataError: all values read so far are no data, masked or out of range.
        """
        counts = self.summary.counts
        if counts.get("planetscope_values_known", 0) == 0:
            raise DataError(
                "no PlanetScope value is known for any pixel",
                where=self.scenes[0][0].path.parent,
                found=f"{counts.get('planetscope_values_masked_by_udm2', 0)} values masked by udm2",
                expected="some pixels with PlanetScope values",
                hint="give files with clear values on these pixels",
            )

    def _fill(
        self,
        scene: Scene,
        day: npt.NDArray[np.int16],
        missing: npt.NDArray[np.bool_],
        *,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.float64],
    ) -> None:
        """Fills missing squares of a day from a scene, and updates which are missing."""
        wanted = np.flatnonzero(missing)
        at = _pixels(scene.grid, self.grid, x[wanted], y[wanted])
        wanted, row, column = wanted[at.inside], at.row[at.inside], at.column[at.inside]
        if not len(wanted):
            return
        taken = _gather(scene.path, scene.positions, row, column).astype(np.float64)
        known = np.isfinite(taken).all(axis=0) & (taken != 0).any(axis=0)
        if scene.no_data is not None:
            known &= (taken != scene.no_data).all(axis=0)
        if (
            scene.factor == sensors.SCALE
            and known.any()
            and taken[:, known].max() > _LARGEST_REFLECTANCE
        ):
            raise DataError(
                "a PlanetScope file in floating point holds no reflectance 0..1",
                where=scene.path,
                found=f"a value of {taken[:, known].max():g}",
                hint="store reflectance 0..1, or reflectance x 10,000 as 16-bit integers",
            )
        num_known = int(known.sum())
        if scene.mask is not None:
            mask = _gather(scene.mask, (UDM2_CLEAR, UDM2_SNOW), row, column, like=scene.grid)
            known &= (mask == 1).any(axis=0)
        self._count("planetscope_values_masked_by_udm2", num_known - int(known.sum()))
        integers = np.round(np.where(known, taken, 0.0) * scene.factor)
        valid = self.tally.add(integers, known, axis=0)
        self._count("planetscope_values_out_of_range", int((known & ~valid).sum()))
        self.tally.refuse(where=scene.path)
        self._count("planetscope_values_known", int(valid.sum()))
        day[:, wanted[valid]] = integers[:, valid].astype(np.int16)
        missing[wanted[valid]] = False

    def _count(self, name: str, number: int) -> None:
        self.summary.count(name, self.summary.counts.get(name, 0) + number)


def open_pairs(
    folder: Path, facts: CubeFacts, *, crs: str | None, summary: ReadingSummary
) -> PlanetScopePairs:
    """Finds the PlanetScope scenes of a Sentinel-2 cube.

    Args:
        folder: folder of PlanetScope GeoTIFFs.
        facts: what is known of the cube: its grid, dates and twelve months.
        crs: the CRS of files that name none.
        summary: where it is said what was found and left out.

    Raises:
        SettingsError: the folder does not exist.
        DataError: the cube has no CRS, no scene lies on it or in its twelve months, or a file is no
            surface reflectance of PlanetScope.
    """
    if facts.grid.crs is None:
        raise DataError(
            "the cube has no CRS to lay PlanetScope files on",
            where=facts.names[0],
            hint="give it with --crs, such as --crs EPSG:32631",
        )
    scenes = find_scenes(folder, crs=crs)
    dates = np.array([scene.date for scene in scenes], dtype="M8[D]")
    _, years = days_of_season(facts.dates, facts.season_start)
    begin = first_days(years[:1], facts.season_start)[0]
    end = first_days(years[:1] + 1, facts.season_start)[0]
    inside = (dates >= begin) & (dates < end)
    over = np.array([_overlaps(scene.grid, facts.grid) for scene in scenes])
    if not (inside & over).any():
        place = "in its twelve months" if over.any() else "on the cube"
        raise DataError(
            f"no PlanetScope file lies {place}",
            where=folder,
            found=_found(scenes, dates),
            expected=f"{begin} to {end - np.timedelta64(1, 'D')}, around {_described(facts.grid)}",
            hint="give PlanetScope files of the same place and time",
        )
    summary.count("planetscope_files_without_a_date_left_out", count_undated(folder))
    summary.count("planetscope_files_of_other_months_left_out", int((~inside).sum()))
    summary.count("planetscope_files_elsewhere_left_out", int((inside & ~over).sum()))
    kept = [scene for scene, keep in zip(scenes, inside & over, strict=True) if keep]
    days = np.unique([scene.date for scene in kept])
    by_day = tuple(tuple(scene for scene in kept if scene.date == day) for day in days)
    day, _ = days_of_season(days, facts.season_start)
    _say(kept, days, by_day, summary)
    near = np.abs(facts.dates[:, None].astype("M8[D]") - days) <= np.timedelta64(1, "D")
    summary.say(
        "planetscope_targets",
        f"{int(near.any(axis=1).sum())} of {len(facts.dates)} dates of Sentinel-2 have PlanetScope "
        "on the day before, the day or the day after",
    )
    return PlanetScopePairs(facts.grid, day.astype(np.int16), by_day, summary, RangeTally())


def _say(
    kept: list[Scene],
    days: npt.NDArray[np.datetime64],
    by_day: Sequence[Sequence[Scene]],
    summary: ReadingSummary,
) -> None:
    gaps = np.unique(np.diff(days).astype(np.int64))
    rhythm = "irregular" if len(gaps) != 1 else "daily" if gaps[0] == 1 else f"every {gaps[0]} days"
    summary.say(
        "planetscope",
        f"{len(kept)} files of {len(days)} days, {days[0]} to {days[-1]}, {rhythm}, "
        f"{', '.join(crs_of(kept))[:60]}",
    )
    for count in sorted({scene.num_bands for scene in kept}):
        files = [scene for scene in kept if scene.num_bands == count]
        where = ", ".join(
            f"{name} {position}"
            for name, position in zip(sensors.PLANETSCOPE_BANDS, files[0].positions, strict=True)
        )
        summary.say(f"planetscope_of_{count}_bands", f"{len(files)} files: {where}")
    num_masks = sum(scene.mask is not None for scene in kept)
    summary.say("planetscope_masks", f"{num_masks} of {len(kept)} files have a usable data mask")
    summary.count("days_with_several_planetscope_files", sum(len(each) > 1 for each in by_day))


def _squares(
    grid: Grid, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centres of the squares of pixels in the grid's CRS, (N * 9,), row-major in the pixel."""
    step = (np.arange(_SIDE) + 0.5) / _SIDE
    y = np.asarray(rows, dtype=np.float64)[:, None] + np.repeat(step, _SIDE)
    x = np.asarray(columns, dtype=np.float64)[:, None] + np.tile(step, _SIDE)
    a, b, c, d, e, f = grid.transform
    return (a * x + b * y + c).ravel(), (d * x + e * y + f).ravel()


@dataclass(frozen=True)
class _Pixels:
    """Pixels of a scene at points; only those inside have a meaning."""

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    inside: npt.NDArray[np.bool_]


def _pixels(
    scene: Grid, cube: Grid, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> _Pixels:
    """Returns the pixels of a scene in which points given in the cube's CRS lie."""
    x, y = _transformed(x, y, cube.crs, scene.crs)
    a, b, c, d, e, f = scene.transform
    determinant = a * e - b * d
    across, down = x - c, y - f
    column = (e * across - b * down) / determinant
    row = (a * down - d * across) / determinant
    with np.errstate(invalid="ignore"):
        inside = (row >= 0) & (row < scene.height) & (column >= 0) & (column < scene.width)
    return _Pixels(
        np.floor(np.where(inside, row, 0)).astype(np.int64),
        np.floor(np.where(inside, column, 0)).astype(np.int64),
        np.asarray(inside),
    )


def _transformed(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], source: str | None, target: str | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    assert source is not None
    assert target is not None
    if same_crs(source, target):
        return x, y
    from pyproj import Transformer

    moved = Transformer.from_crs(source, target, always_xy=True).transform(x, y)
    return np.asarray(moved[0], dtype=np.float64), np.asarray(moved[1], dtype=np.float64)


def _overlaps(scene: Grid, cube: Grid) -> bool:
    """Whether a point of a fine mesh over the cube lies on the scene, or the reverse."""
    mesh = np.linspace(0, 1, 33)
    for one, other in ((cube, scene), (scene, cube)):
        row, column = np.meshgrid(mesh * one.height, mesh * one.width, indexing="ij")
        a, b, c, d, e, f = one.transform
        x, y = a * column + b * row + c, d * column + e * row + f
        if _pixels(other, one, x.ravel(), y.ravel()).inside.any():
            return True
    return False


def _gather(
    path: Path,
    positions: Sequence[int],
    row: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
    *,
    like: Grid | None = None,
) -> npt.NDArray[Any]:
    """Values (B, n) of some bands of a file at pixels.

    Raises:
        DataError: the file cannot be read, lacks a band, or has another grid than ``like``.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    top, left = int(row.min()), int(column.min())
    window = Window(left, top, int(column.max()) - left + 1, int(row.max()) - top + 1)
    try:
        with raster_environment(), rasterio.open(path, driver="GTiff") as raster:
            if like is not None and raster.shape != (like.height, like.width):
                raise DataError(
                    "a usable data mask has another size than its scene",
                    where=path,
                    found=f"{raster.shape[0]} x {raster.shape[1]}",
                    expected=f"{like.height} x {like.width}",
                )
            if like is not None and not _lies_on(raster.transform[:6], like):
                raise DataError(
                    "a usable data mask lies elsewhere than its scene",
                    where=path,
                    found=f"a corner at {raster.transform.c:.10g} {raster.transform.f:.10g}",
                    expected=f"{like.transform[2]:.10g} {like.transform[5]:.10g}",
                    hint="fetch mask and scene from one order, or leave the mask out",
                )
            if raster.count < max(positions):
                raise DataError(
                    "a usable data mask has too few bands",
                    where=path,
                    found=f"{raster.count} bands",
                    expected="the eight bands of udm2",
                )
            block = raster.read(list(positions), window=window)
    except (RasterioError, OSError, ValueError) as error:
        raise DataError(
            "a PlanetScope file is damaged or cut short",
            where=path,
            found=reason_of(error),
            hint="fetch it again, or leave it out",
        ) from None
    return np.asarray(block[:, row - top, column - left])


def _lies_on(transform: Sequence[float], grid: Grid) -> bool:
    """Whether pixels lie on those of a grid, to a hundredth of a pixel at all corners."""
    moved = np.subtract(transform, grid.transform)
    pixel = np.hypot(grid.transform[0], grid.transform[3])
    corners = np.array(
        [(x, y, 1.0) for x in (0.0, grid.width) for y in (0.0, grid.height)], dtype=np.float64
    )
    return bool(np.abs(corners @ moved.reshape(2, 3).T).max() <= 0.01 * pixel)


def _found(scenes: list[Scene], dates: npt.NDArray[np.datetime64]) -> str:
    return f"{len(scenes)} files, {dates.min()} to {dates.max()}, {_described(scenes[0].grid)}"


def _described(grid: Grid) -> str:
    west, south, east, north = grid.bounds()
    return f"{west:.0f} {south:.0f} {east:.0f} {north:.0f} in {(grid.crs or '?')[:30]}"
