"""The grid of a netCDF or Zarr cube: its coordinates, its transform and its CRS, wherever kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError
from windrow.sources.formats.attributes import real_numbers
from windrow.sources.rasters.crs import crs_of_value, given_crs, one_crs
from windrow.sources.rasters.grid import TOLERANCE, Affine, Grid
from windrow.sources.reader import PixelCoordinates

CRS_VARIABLES = ("spatial_ref", "crs", "transverse_mercator", "projection", "grid_mapping")
"""Variables that keep a CRS in their attributes, beside the one that ``grid_mapping`` names."""

CRS_ATTRIBUTES = (
    "crs_wkt",
    "spatial_ref",
    "crs",
    "epsg",
    "epsg_code",
    "proj:code",
    "proj:epsg",
    "proj:wkt2",
    "proj:projjson",
)
"""Attributes that hold a CRS: of such a variable, of a band, or of the data set."""

CRS_COORDINATES = ("epsg", "proj:code", "proj:epsg", "crs", "spatial_ref")
"""Coordinates whose value is a CRS, as stackstac writes them."""

TRANSFORM_ATTRIBUTES = ("GeoTransform", "transform")
"""Attributes of the affine transform: in the order of GDAL, and of rasterio and stackstac."""


def grid_of_dataset(
    dataset: Any,
    axes: tuple[str, str],
    band: Any,
    path: Path,
    *,
    crs: str | None = None,
    pixel_coordinates: PixelCoordinates | None = None,
) -> tuple[Grid, dict[str, str]]:
    """Returns the grid of a cube, and what is to be reported of it.

    Coordinates are pixel centres, as the CF conventions have it, unless a stored transform shows
    that they are corners, they are multiples of the pixel size in UTM, where Sentinel-2's pixels
    have their corners (as stackstac writes them), or the user says so.

    Args:
        dataset: an opened xarray data set.
        axes: names of the y and the x axis.
        band: one of its bands.
        path: the file, for messages.
        crs: the CRS, where the user gives it.
        pixel_coordinates: what the coordinates are, where the user says it.

    Raises:
        DataError: the coordinates are not regular, places contradict each other, or a CRS cannot
            be read.
        SettingsError: the CRS given is none, or not the one in the file.
    """
    y, x = axes
    ys = real_numbers(dataset[y].values, field=f"the axis {y}", where=path)
    xs = real_numbers(dataset[x].values, field=f"the axis {x}", where=path)
    stated = _transform(dataset, band)
    steps = []
    for name, values, own in ((x, xs, stated and stated[0]), (y, ys, stated and stated[4])):
        _check_regular(name, values, dataset[name].dtype, path)
        steps.append((values[-1] - values[0]) / (len(values) - 1) if len(values) > 1 else own or 10)
    a, e = map(float, steps)
    found = one_crs(list(_crs_candidates(dataset, band)), path)
    if found is None and x.lower().startswith("lon"):
        found = "EPSG:4326"
    found = given_crs(crs, found, path)
    kind, how = pixel_coordinates, "as given"
    if kind is None:
        kind, how = _pixel_coordinates((xs, ys), (a, e), stated, path)
    if kind is None and _on_corners((xs, ys), (a, e), found):
        kind, how = "corner", "multiples of the pixel size, as in the grid of Sentinel-2"
    half = 0.0 if kind == "corner" else 0.5
    transform: Affine = (a, 0.0, float(xs[0]) - a * half, 0.0, e, float(ys[0]) - e * half)
    facts = {"coordinates": f"pixel {kind}s ({how})"} if kind else {}
    return Grid(len(ys), len(xs), transform, found), facts


def _check_regular(name: str, values: npt.NDArray[np.float64], dtype: Any, path: Path) -> None:
    """Whether coordinates are evenly spaced to a hundredth of a pixel."""
    if not len(values):
        raise DataError("the grid is not regular", where=f"{path}, axis {name}", found="no pixel")
    even = np.linspace(values[0], values[-1], len(values))
    step = abs(values[-1] - values[0]) / max(len(values) - 1, 1)
    rounding = np.spacing(np.abs(values).max().astype(dtype)) if dtype.kind == "f" else 0.0
    worst = float(np.abs(values - even).max())
    if worst > TOLERANCE * step + float(rounding) or (len(values) > 1 and step == 0):
        raise DataError(
            "the grid is not regular",
            where=f"{path}, axis {name}",
            found=f"a coordinate {worst:.4g} beside the even spacing of {step:g}",
            expected="evenly spaced coordinates",
            hint="bring the cube to one regular grid",
        )


def _transform(dataset: Any, band: Any) -> Affine | None:
    """Returns the affine transform of pixel corners that the file states, or None."""
    for attributes in _attributes(dataset, band):
        for name in TRANSFORM_ATTRIBUTES:
            value = attributes.get(name)
            if value is None:
                continue
            parts = value.split() if isinstance(value, str) else np.ravel(value).tolist()
            try:
                numbers = [float(str(part).strip("(),[]| ")) for part in parts]
            except ValueError:
                continue
            if len(numbers) < 6 or not np.isfinite(numbers[:6]).all():
                continue
            if name == "GeoTransform":  # c a b f d e
                c, a, b, f, d, e = numbers[:6]
            else:
                a, b, c, d, e, f = numbers[:6]
            if a and e and not b and not d:
                return (a, b, c, d, e, f)
    return None


def _pixel_coordinates(
    first: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    steps: tuple[float, float],
    stated: Affine | None,
    path: Path,
) -> tuple[PixelCoordinates | None, str]:
    """Whether coordinates are centres or corners, from where they lie in the stated transform.

    A cube that was cut after its transform was written lies whole pixels away from it.
    """
    if stated is None:
        return None, ""
    a, _, c, _, e, f = stated
    same_size = abs(abs(a / steps[0]) - 1) < TOLERANCE and abs(abs(e / steps[1]) - 1) < TOLERANCE
    if not same_size:
        return None, ""
    away = np.array([(first[0][0] - c) / a, (first[1][0] - f) / e])
    for kind, offset in (("centre", 0.5), ("corner", 0.0)):
        part = np.abs(away - offset - np.round(away - offset))
        if (part <= TOLERANCE).all():
            return ("centre" if kind == "centre" else "corner"), "from the transform in the file"
    raise DataError(
        "coordinates and transform contradict each other",
        where=path,
        found=f"the first pixel {away[0]:.3f} columns and {away[1]:.3f} rows from the transform's",
        expected="0.5 for pixel centres, or 0 for pixel corners",
        hint="say it with --pixel-coordinates centre or corner",
    )


def _on_corners(
    first: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    steps: tuple[float, float],
    crs: str | None,
) -> bool:
    """Whether coordinates lie where the corners of Sentinel-2's pixels do: on multiples of them.

    That holds in UTM, in which Sentinel-2 is delivered.
    """
    if crs is None:
        return False
    from pyproj import CRS

    system = CRS.from_user_input(crs)
    away = np.abs([values[0] / step for values, step in zip(first, steps, strict=True)])
    return system.utm_zone is not None and bool((np.abs(away - np.round(away)) <= TOLERANCE).all())


def _attributes(dataset: Any, band: Any) -> Iterator[Any]:
    mapping = band.encoding.get("grid_mapping") or band.attrs.get("grid_mapping")
    names = [] if mapping is None else [str(mapping).split(":")[0].split()[0]]
    for name in dict.fromkeys((*names, *CRS_VARIABLES)):
        if name in dataset.variables:
            yield dataset.variables[name].attrs
    yield band.attrs
    yield dataset.attrs


def _crs_candidates(dataset: Any, band: Any) -> Iterator[str]:
    for attributes in _attributes(dataset, band):
        for key in CRS_ATTRIBUTES:
            text = crs_of_value(attributes.get(key))
            if text is not None:
                yield text
                break
        else:
            if "grid_mapping_name" in attributes:
                text = crs_of_value(dict(attributes))
                if text is not None:
                    yield text
    for name in CRS_COORDINATES:
        if name in dataset.variables:
            values = np.ravel(dataset.variables[name].values)
            for value in dict.fromkeys(values.tolist()):
                text = crs_of_value(value)
                if text is not None:
                    yield text
