"""An image cube opened for reading block by block: its values and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError, SettingsError
from windrow.sources.cubes.geotiffs import open_image_cube
from windrow.sources.cubes.netcdf import is_cube_file, open_file_cube
from windrow.sources.cubes.stac import address, is_stac, open_stac_cube
from windrow.sources.cubes.values import Meaning, find_meaning
from windrow.sources.rasters.geotiff_header import find_images
from windrow.sources.rasters.grid import Cube, CubeFacts, Window
from windrow.sources.reader import IngestOptions, ReadingSummary
from windrow.sources.values.reflectance import RangeTally


@dataclass(frozen=True, eq=False)
class OpenCube:
    """A cube whose scale, offset and clouds are known.

    Attributes:
        cube: where values come from.
        meaning: what they mean.
        summary: what was recognised.
    """

    cube: Cube
    meaning: Meaning
    summary: ReadingSummary

    @property
    def facts(self) -> CubeFacts:
        """What is known of the cube before its values are read."""
        return self.cube.facts

    def read(
        self,
        window: Window,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        tally: RangeTally,
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_], npt.NDArray[np.uint8] | None]:
        """Reads pixels at every date.

        Args:
            window: a window of the grid.
            rows: (N,) rows of the pixels in the window.
            columns: (N,) columns of them.
            tally: where observations out of range are counted.

        Returns:
            reflectance x 10,000 (T, B, N) int16, 0 where not valid; valid (T, N); and the cloud
            probability 0..255 (T, N), None without a cloud measure.

        Raises:
            DataError: a file is damaged; names it.
        """
        raw = self.cube.read(window, rows, columns)
        reflectance, valid = self.meaning.reflectance_by_date(raw.values, tally)
        cloud = self.meaning.cloud(raw.quality)
        return reflectance, valid, None if cloud is None else cloud.T


def is_cube(path: Path) -> bool:
    """Checks whether a path holds a cube, from names and headers alone."""
    if address(path) is not None:
        return True
    return path.exists() and (is_cube_file(path) or is_stac(path) or bool(find_images(path)))


def open_cube(path: Path, options: IngestOptions) -> OpenCube:
    """Opens a netCDF or Zarr cube, a folder of GeoTIFFs, or STAC items.

    Raises:
        DataError: there is no cube, it is damaged, or what its values mean is not clear.
        SettingsError: an option does not fit.
    """
    summary = ReadingSummary(source=str(path))
    cube: Cube
    if address(path) is None and not path.exists():
        raise DataError("no such input", where=path, hint="check the path")
    if address(path) is None and is_cube_file(path):
        cube = open_file_cube(path, options)
    elif is_stac(path):
        cube = open_stac_cube(path, options)
    elif find_images(path):
        cube = open_image_cube(path, options)
    else:
        raise DataError(
            "no image cube is recognised here",
            where=path,
            expected="a netCDF file or Zarr group with (time, y, x) variables, a folder of"
            " GeoTIFFs with the date in the name, or STAC items",
        )
    if options.area is not None and not is_stac(path):
        raise SettingsError("--area concerns STAC items alone", where=path, hint="leave it out")
    describe_cube(cube.facts, options, summary)
    return OpenCube(cube, find_meaning(cube, options, summary), summary)


def describe_cube(facts: CubeFacts, options: IngestOptions, summary: ReadingSummary) -> None:
    """Notes grid, dates, bands and level of a cube in the summary."""
    grid = facts.grid
    summary.say(
        "grid",
        f"{grid.height} x {grid.width} pixels of {abs(grid.transform[0]):g}, "
        f"{(grid.crs or 'CRS not known')[:60]}",
    )
    summary.say("dates", f"{len(facts.dates)}, {facts.dates[0]} to {facts.dates[-1]}")
    same_day = len(facts.dates) - len(set(facts.dates.tolist()))
    summary.count("dates_on_one_day_kept", same_day)
    summary.say("bands", " ".join(facts.bands))
    given = "as given" if options.processing_level else "detected"
    summary.say("processing_level", f"{facts.processing_level} ({given})")
    for name, text in facts.facts.items():
        summary.say(name, text)
