"""The labelled fields of one place, from which episodes are drawn, and their file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from windrow.data.series import ProcessingLevel, Series
from windrow.errors import BandError, DataError
from windrow.files import atomic_file
from windrow.sensors import SENTINEL2_BANDS

FORMAT = "windrow place fields"
VERSION = 1
_ARRAYS = ("reflectance", "day_of_year", "clear", "crop")


@dataclass(frozen=True, eq=False)
class PlaceFields:
    """Field means of one place and year.

    Attributes:
        reflectance: (n, T, 12) int16, reflectance x 10,000, in the order of the twelve bands.
        day_of_year: (n, T) int16, 0 to 364, counted as
            :func:`~windrow.data.ten_day_grid.season_days` does.
        clear: (n, T) bool, True at valid dates without a cloud.
        crop: (n,) int16, position in ``crop_names``.
        crop_names: names of all crops, including crops that do not occur here.
        level: processing level.
        latitude: degrees.
    """

    reflectance: npt.NDArray[np.int16]
    day_of_year: npt.NDArray[np.int16]
    clear: npt.NDArray[np.bool_]
    crop: npt.NDArray[np.int16]
    crop_names: tuple[str, ...]
    level: ProcessingLevel
    latitude: float

    def __len__(self) -> int:
        return len(self.crop)

    def without_crops(self, names: tuple[str, ...]) -> PlaceFields:
        """Removes the fields of these crops.

        Raises:
            DataError: a name is not in ``crop_names``.
        """
        unknown = [name for name in names if name not in self.crop_names]
        if unknown:
            raise DataError(
                f"unknown crop {unknown[0]!r}", expected="one of " + ", ".join(self.crop_names)
            )
        left = ~np.isin(self.crop, [self.crop_names.index(name) for name in names])
        return replace(self, **{name: getattr(self, name)[left] for name in _ARRAYS})

    def with_days(self, day_of_year: npt.NDArray[np.int16]) -> PlaceFields:
        """Replaces the days of year, (n, T) int16."""
        return replace(self, day_of_year=day_of_year)


def place_fields(
    series: Series,
    crop: npt.NDArray[np.integer],
    *,
    crop_names: tuple[str, ...],
    latitude: float,
    clear_below: int,
) -> PlaceFields:
    """Builds the fields of a place from its series, without fields that have no clear date.

    Args:
        series: n field means of the twelve bands, with cloud probability.
        crop: (n,) positions in ``crop_names``.
        crop_names: names of all crops.
        latitude: degrees.
        clear_below: a date is clear if its cloud probability 0..255 is below this.

    Raises:
        BandError: a band is missing.
        DataError: the cloud probability is not known, or no field has a clear date.
    """
    if series.bands != SENTINEL2_BANDS:
        raise BandError(
            "a place needs all twelve bands",
            found=" ".join(series.bands),
            expected=" ".join(SENTINEL2_BANDS),
        )
    if series.cloud_probability is None:
        raise DataError("a place needs the cloud probability of its dates")
    clear = series.valid & (series.cloud_probability < clear_below)
    kept = np.flatnonzero(clear.any(axis=1))
    if len(kept) == 0:
        raise DataError("no field of the place has a clear date", found=f"{len(series)} fields")
    used = clear[kept].any(axis=0)  # dates that are clear in some field
    return PlaceFields(
        reflectance=np.ascontiguousarray(series.reflectance[kept][:, used]),
        day_of_year=np.ascontiguousarray(series.day_of_year[kept][:, used]),
        clear=np.ascontiguousarray(clear[kept][:, used]),
        crop=crop[kept].astype(np.int16),
        crop_names=crop_names,
        level=series.processing_level,
        latitude=latitude,
    )


def write_place_fields(path: str | Path, place: PlaceFields) -> None:
    """Writes a place as one safetensors file. A failed write leaves no file.

    Raises:
        OutputError: the file cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": VERSION,
        "crop_names": place.crop_names,
        "level": place.level,
        "latitude": place.latitude,
    }
    with atomic_file(path) as temporary:
        save_file(
            {name: np.ascontiguousarray(getattr(place, name)) for name in _ARRAYS},
            temporary,
            metadata={"windrow": json.dumps(header, sort_keys=True)},
        )


def read_place_fields(path: str | Path) -> PlaceFields:
    """Reads a place from its file.

    Raises:
        DataError: the file is missing, cut short, or of another format or version.
    """
    try:
        with safe_open(Path(path), framework="numpy") as opened:
            header = json.loads((opened.metadata() or {}).get("windrow", "null"))
            arrays = {name: opened.get_tensor(name) for name in _ARRAYS}
        if header["format"] != FORMAT or header["version"] != VERSION:
            raise ValueError(f"{header['format']} {header['version']}")
        place = PlaceFields(
            **arrays,
            crop_names=tuple(header["crop_names"]),
            level=header["level"],
            latitude=float(header["latitude"]),
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "the fields of a place cannot be read",
            where=path,
            found=str(error).splitlines()[0][:120],
            hint="remove the file, and it is simulated again",
        ) from None
    _check(place, path)
    return place


def _check(place: PlaceFields, path: str | Path) -> None:
    shape = place.clear.shape
    fits = (
        place.reflectance.shape == (*shape, len(SENTINEL2_BANDS))
        and place.day_of_year.shape == shape
        and place.crop.shape == shape[:1]
        and place.level in ("L1C", "L2A")
        and len(place) > 0
        and bool(place.clear.any(axis=1).all())
        and bool(((place.crop >= 0) & (place.crop < len(place.crop_names))).all())
    )
    if not fits:
        raise DataError(
            "the fields of a place do not fit together",
            where=path,
            hint="remove the file, and it is simulated again",
        )
