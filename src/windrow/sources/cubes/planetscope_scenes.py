"""PlanetScope scenes in a folder of GeoTIFFs: which files there are, and what their values mean.

Orders of Planet (PSScene, four or eight bands) and Planet Fusion are read. A scene is a file with a
date in its name or folder. Files of masks and previews beside the scenes are no scenes; a usable
data mask (``udm2``) of the same scene is used.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from windrow import sensors
from windrow.errors import DataError, SettingsError
from windrow.sources.formats.attributes import check_file
from windrow.sources.rasters.crs import same_crs
from windrow.sources.rasters.geotiff_header import (
    date_in_name,
    find_images,
    raster_environment,
    reason_of,
)
from windrow.sources.rasters.grid import Grid

BAND_LAYOUTS: dict[int, tuple[int, int, int, int]] = {4: (1, 2, 3, 4), 8: (2, 4, 6, 8)}
"""Positions (from 1) of blue, green, red and near infrared, by the number of bands of a scene.

Eight bands are those of SuperDove: coastal blue, blue, green I, green, yellow, red, red edge, near
infrared.
"""

MASK_WORDS = ("udm2", "udm", "dn_udm", "mask", "qa", "browse", "pan")
"""Words in the names of files that lie beside scenes and are none."""

UDM2_CLEAR, UDM2_SNOW = 1, 2
"""Bands (from 1) of a usable data mask in which 1 means usable land: clear, or snow."""

_WORD = re.compile(r"[^a-z0-9]+")
_MASK = re.compile(r"(?i)_udm2(?=[_.])")
_SCENE = re.compile(r"(?i)_(3[AB]|1B)_.*$")
"""The product at the end of a scene's name, such as ``_3B_AnalyticMS_SR_8b_clip``."""


@dataclass(frozen=True)
class Scene:
    """One PlanetScope file.

    Attributes:
        path: path of the file.
        date: day of acquisition.
        grid: where its pixels lie.
        positions: positions (from 1) of blue, green, red and near infrared in the file.
        num_bands: number of bands in the file.
        factor: reflectance x 10,000 per stored value.
        no_data: stored value of missing pixels; None if the file names none. 0 in all four bands
            is missing in any case.
        mask: path of the usable data mask, or None.
    """

    path: Path
    date: np.datetime64
    grid: Grid
    positions: tuple[int, int, int, int]
    num_bands: int
    factor: float
    no_data: float | None
    mask: Path | None


def find_scenes(folder: Path, *, crs: str | None) -> list[Scene]:
    """Finds the scenes of a folder, two folders down at most, by date and name.

    Args:
        folder: folder with GeoTIFFs.
        crs: the CRS of files that name none, such as ``EPSG:32631``.

    Raises:
        SettingsError: the folder does not exist.
        DataError: there is no scene, or a file cannot be read, has no CRS, or holds bands or values
            that are no surface reflectance of PlanetScope.
    """
    if not folder.is_dir():
        raise SettingsError(
            "no folder of PlanetScope files",
            where=folder,
            expected="a folder with GeoTIFFs that have a date in their name",
            hint="give the folder with --planetscope",
        )
    files = find_images(folder)
    masks = {_scene_name(path): path for path in files if _MASK.search(path.name)}
    images = [path for path in files if not is_mask(path.name)]
    if not images:
        undated = sum(1 for _ in folder.rglob("*.tif"))
        raise DataError(
            "no PlanetScope file with a date in its name",
            where=folder,
            found=f"{undated} GeoTIFFs" if undated else "no GeoTIFF",
            expected="names such as 2021-04-12.tif or 20210412_101530_..._AnalyticMS_SR.tif",
            hint="put the day of acquisition into the names of the files or of their folders",
        )
    scenes = [_read_scene(path, folder, crs=crs, mask=masks.get(_scene_name(path)))
              for path in images]  # fmt: skip
    return sorted(scenes, key=lambda scene: (scene.date, scene.path.name))


def is_mask(name: str) -> bool:
    """Whether a file beside scenes is a mask or a preview, by the words of its name.

    Example:
        >>> is_mask("20210412_101530_03_2435_3B_udm2_clip.tif")
        True
        >>> is_mask("20210412_101530_03_2435_3B_AnalyticMS_SR_clip.tif")
        False
    """
    words = _WORD.split(name.lower())
    return any(word in words for word in MASK_WORDS)


def _scene_name(path: Path) -> str:
    """Returns the folder and the part of a file's name that a scene shares with its mask."""
    stem = _MASK.sub("", path.stem + ".")[:-1]
    return str(path.parent / _SCENE.sub("", stem))


def _read_scene(path: Path, folder: Path, *, crs: str | None, mask: Path | None) -> Scene:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    check_file(path)
    date = date_in_name(path.relative_to(folder).as_posix())
    assert date is not None
    try:
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            raster_environment(),
            rasterio.open(path, driver="GTiff") as raster,
        ):
            a, b, c, d, e, f = (float(value) for value in raster.transform[:6])
            own = raster.crs.to_string() if raster.crs else None
            size, count, dtype = raster.shape, raster.count, np.dtype(raster.dtypes[0])
            no_data = None if raster.nodata is None else float(raster.nodata)
    except (RasterioError, OSError, ValueError) as error:
        raise DataError(
            "a PlanetScope file cannot be read",
            where=path,
            found=reason_of(error),
            hint="it is damaged, cut short or no GeoTIFF: fetch it again, or leave it out",
        ) from None
    named = own or crs
    if named is None:
        raise DataError(
            "a PlanetScope file has no CRS",
            where=path,
            hint="give it with --crs, such as --crs EPSG:32631",
        )
    grid = Grid(size[0], size[1], (a, b, c, d, e, f), named)
    factor = _factor(path, dtype)
    positions = _positions(path, count)
    return Scene(path, date, grid, positions, count, factor, no_data, mask)


def _positions(path: Path, count: int) -> tuple[int, int, int, int]:
    if count not in BAND_LAYOUTS:
        raise DataError(
            "the bands of a PlanetScope file are not known",
            where=path,
            found=f"{count} bands",
            expected="4 (blue, green, red, near infrared) or 8 (SuperDove)",
            hint="order the surface reflectance of four or eight bands, or leave the file out",
        )
    return BAND_LAYOUTS[count]


def _factor(path: Path, dtype: np.dtype[np.generic]) -> float:
    words = _WORD.split(path.stem.lower())
    if any(word.startswith("analytic") or word in ("visual", "basic") for word in words) and (
        "sr" not in words
    ):
        raise DataError(
            "a PlanetScope file is no surface reflectance",
            where=path,
            found="a name of an asset without SR: radiance, or colours",
            expected="an asset such as AnalyticMS_SR",
            hint="order the asset of surface reflectance, or rename files that are",
        )
    if dtype.kind == "f":
        return 10_000.0
    if dtype in (np.dtype(np.int16), np.dtype(np.uint16)):
        return 1.0
    raise DataError(
        "a PlanetScope file holds no reflectance",
        where=path,
        found=f"values of type {dtype}",
        expected="int16 or uint16 (reflectance x 10,000), or floating point (reflectance 0..1)",
    )


def crs_of(scenes: list[Scene]) -> list[str]:
    """Returns the different CRS of scenes, in order of appearance."""
    found: list[str] = []
    for scene in scenes:
        assert scene.grid.crs is not None
        if not any(same_crs(scene.grid.crs, other) for other in found):
            found.append(scene.grid.crs)
    return found


def scene_table() -> str:
    """Writes the table of recognised PlanetScope files, for the documents."""
    rows = [
        (f"bands of a file of {count}", ", ".join(
            f"{name} {position}"
            for name, position in zip(sensors.PLANETSCOPE_BANDS, positions, strict=True)
        ))
        for count, positions in BAND_LAYOUTS.items()
    ]  # fmt: skip
    rows += [
        ("integers (int16, uint16)", "reflectance x 10,000"),
        ("floating point", "reflectance 0..1"),
        ("no data", "0 in all four bands, or the value that the file names"),
        ("no scenes, by words of the name", " ".join(f"`{word}`" for word in MASK_WORDS)),
        ("usable data mask", f"`..._udm2...` of the same scene: band {UDM2_CLEAR} (clear) or band "
         f"{UDM2_SNOW} (snow) is 1"),
        ("refused", "an asset `Analytic...` without `SR`; other numbers of bands"),
    ]  # fmt: skip
    lines = ["| what | how it is read |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {what} | {how} |" for what, how in rows)]) + "\n"
