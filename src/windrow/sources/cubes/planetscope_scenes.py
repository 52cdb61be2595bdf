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
from windrow.sources.formats.attributes import check_file, positive_number
from windrow.sources.rasters.crs import same_crs
from windrow.sources.rasters.geotiff_header import (
    ENDINGS,
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

MASK_FOLDERS = ("qa",)
"""Words in the names of folders, such as ``PF-QA`` of Planet Fusion, that hold no scenes."""

BAND_WORDS = {
    "blue": ("blue", "b"),
    "green": ("green", "g"),
    "red": ("red", "r"),
    "nir": ("nir", "near infrared", "nearinfrared", "n"),
}
"""What files call the four bands, in lower case and with blanks between the words."""

UDM2_CLEAR, UDM2_SNOW = 1, 2
"""Bands (from 1) of a usable data mask in which 1 means usable land: clear, or snow."""

_WORD = re.compile(r"[^a-z0-9]+")
_MASK = re.compile(r"(?i)_udm2(?=[_.])")
_SCENE = re.compile(r"(?i)_(3[AB]|1B)(_.*)?$")
"""The product at the end of a scene's name, such as ``_3B_AnalyticMS_SR_8b_clip`` or ``_3B``."""
_BAND_NUMBER = re.compile(r"^band \d+ ")


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
    masks = [path for path in files if _MASK.search(path.name)]
    images = [path for path in files if not _is_beside(path.relative_to(folder))]
    if not images:
        undated = sum(1 for _ in folder.rglob("*.tif"))
        raise DataError(
            "no PlanetScope file with a date in its name",
            where=folder,
            found=f"{undated} GeoTIFFs" if undated else "no GeoTIFF",
            expected="names such as 2021-04-12.tif or 20210412_101530_..._AnalyticMS_SR.tif",
            hint="put the day of acquisition into the names of the files or of their folders",
        )
    scenes = [_read_scene(path, folder, crs=crs, mask=_mask_of(path, masks)) for path in images]
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


def count_undated(folder: Path) -> int:
    """Counts the GeoTIFFs of a folder that are not read: without a date, or too deep in folders."""
    num_files = sum(path.suffix.lower() in ENDINGS for path in folder.rglob("*"))
    return num_files - len(find_images(folder))


def _is_beside(path: Path) -> bool:
    """Whether a file, given within the folder of scenes, is none by its name or its folders."""
    words = {word for part in path.parent.parts for word in _WORD.split(part.lower())}
    return is_mask(path.name) or not words.isdisjoint(MASK_FOLDERS)


def _mask_of(path: Path, masks: list[Path]) -> Path | None:
    """Returns the usable data mask of a scene: in its own folder, else the only one elsewhere.

    Masks of other folders are looked for only where the name holds Planet's number of the scene:
    a name of a date alone may belong to another place.

    Raises:
        DataError: several masks elsewhere bear the name of the scene.
    """
    same = [mask for mask in masks if _scene_name(mask) == _scene_name(path)]
    own = [mask for mask in same if mask.parent == path.parent]
    if own or not same or _SCENE.search(path.stem) is None:
        return own[0] if own else None
    if len(same) > 1:
        raise DataError(
            "several usable data masks belong to one PlanetScope file",
            where=path,
            found=", ".join(str(mask) for mask in same[:2]),
            expected="one mask",
            hint="put the mask into the folder of its scene",
        )
    return same[0]


def _scene_name(path: Path) -> str:
    """Returns the part of a file's name that a scene shares with its mask."""
    stem = _MASK.sub("", path.stem + ".")[:-1]
    return _SCENE.sub("", stem)


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
            names = tuple(text or "" for text in raster.descriptions)
            packing = set(zip(raster.scales, raster.offsets, strict=True))
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
    factor = _factor(path, dtype, packing)
    positions = _positions(path, names)
    return Scene(path, date, grid, positions, count, factor, no_data, mask)


def _positions(path: Path, names: tuple[str, ...]) -> tuple[int, int, int, int]:
    """Returns the positions of the four bands: by their names, else by the number of bands."""
    count = len(names)
    if count not in BAND_LAYOUTS:
        raise DataError(
            "the bands of a PlanetScope file are not known",
            where=path,
            found=f"{count} bands",
            expected="4 (blue, green, red, near infrared) or 8 (SuperDove)",
            hint="order the surface reflectance of four or eight bands, or leave the file out",
        )
    plain = [_BAND_NUMBER.sub("", " ".join(_WORD.split(name.lower())).strip()) for name in names]
    found = [[at for at, name in enumerate(plain, start=1) if name in words]
             for words in BAND_WORDS.values()]  # fmt: skip
    if not any(found):
        return BAND_LAYOUTS[count]
    if any(len(each) != 1 for each in found):
        raise DataError(
            "the names of the bands of a PlanetScope file do not tell which is which",
            where=path,
            found=", ".join(name or "without a name" for name in names),
            expected="blue, green, red and nir, each once, or no names at all",
            hint="mend the descriptions of the bands, or remove them where the order is Planet's",
        )
    blue, green, red, nir = (each[0] for each in found)
    return blue, green, red, nir


def _factor(path: Path, dtype: np.dtype[np.generic], packing: set[tuple[float, float]]) -> float:
    """Returns reflectance x 10,000 per stored value: as the file declares, else by the type."""
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
    if dtype.kind == "f" or dtype in (np.dtype(np.int16), np.dtype(np.uint16)):
        if packing != {(1.0, 0.0)}:
            return _declared_factor(path, packing)
        return float(sensors.SCALE) if dtype.kind == "f" else 1.0
    raise DataError(
        "a PlanetScope file holds no reflectance",
        where=path,
        found=f"values of type {dtype}",
        expected="int16 or uint16 (reflectance x 10,000), or floating point (reflectance 0..1)",
    )


def _declared_factor(path: Path, packing: set[tuple[float, float]]) -> float:
    if len(packing) > 1 or any(offset != 0.0 for _, offset in packing):
        raise DataError(
            "a PlanetScope file declares an offset, or scales that differ between bands",
            where=path,
            found=", ".join(f"scale {scale:g} and offset {off:g}" for scale, off in packing),
            expected="one scale for all bands, and the offset 0",
            hint="store reflectance 0..1, or reflectance x 10,000 as 16-bit integers",
        )
    scale = next(iter(packing))[0]
    positive_number(scale, field="the scale of the bands", where=path)
    return round(scale * sensors.SCALE, 9)


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
        ("names of bands, where the file has them", "; ".join(
            f"{band}: " + ", ".join(f"`{word}`" for word in words)
            for band, words in BAND_WORDS.items()
        )),
        ("a scale that the file declares", "reflectance = value x scale"),
        ("integers (int16, uint16)", "reflectance x 10,000"),
        ("floating point", "reflectance 0..1"),
        ("no data", "0 in all four bands, or the value that the file names"),
        ("no scenes, by words of the name", " ".join(f"`{word}`" for word in MASK_WORDS)),
        ("no scenes, by words of folders", " ".join(f"`{word}`" for word in MASK_FOLDERS)),
        ("usable data mask", f"`..._udm2...` of the same scene: band {UDM2_CLEAR} (clear) or band "
         f"{UDM2_SNOW} (snow) is 1"),
        ("refused", "an asset `Analytic...` without `SR`; other numbers of bands"),
    ]  # fmt: skip
    lines = ["| what | how it is read |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {what} | {how} |" for what, how in rows)]) + "\n"
