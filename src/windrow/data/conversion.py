"""Conversion of series to pandas tables and xarray datasets.

Both libraries are imported on first use, because training needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from windrow.data.series import Series


def frame_of_series(series: Series) -> pd.DataFrame:
    """Builds the long table of :meth:`windrow.data.series.Series.to_frame`."""
    import pandas as pd

    row, step = np.nonzero(series.valid)
    columns: dict[str, npt.NDArray[Any]] = {
        "id": series.id[row],
        "field_id": series.field_id[row],
        "date": _dates(series)[row, step],
    }
    for number, band in enumerate(series.bands):
        columns[band] = series.reflectance[row, step, number] / sensors.SCALE
    if series.cloud_probability is not None:
        columns["clp"] = series.cloud_probability[row, step]
    if series.longitude is not None and series.latitude is not None:
        columns["longitude"] = series.longitude[row]
        columns["latitude"] = series.latitude[row]
    if series.label is not None and series.legend is not None:
        columns["label"] = np.array([*series.legend.names, ""])[series.label][row]
    return pd.DataFrame(columns)


def dataset_of_series(series: Series, *, no_data: int) -> xr.Dataset:
    """Builds the labelled dataset of :meth:`windrow.data.series.Series.to_xarray`.

    Args:
        series: N series.
        no_data: PlanetScope value that means missing.

    Raises:
        SettingsError: xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError:
        raise SettingsError(
            "xarray is not installed", hint="pip install 'windrow[cubes]'"
        ) from None
    unknown = np.datetime64("NaT")
    arrays: dict[str, object] = {
        "reflectance": (
            ("series", "date", "band"),
            np.where(series.valid[..., None], series.reflectance / sensors.SCALE, np.nan),
            {"units": "1", "long_name": "Sentinel-2 reflectance"},
        ),
        "time": (("series", "date"), np.where(series.valid, _dates(series), unknown)),
    }
    if series.cloud_probability is not None:
        arrays["cloud_probability"] = (("series", "date"), series.cloud_probability)
    coordinates: dict[str, object] = {
        "id": ("series", series.id),
        "field_id": ("series", series.field_id),
        "year": ("series", series.year),
        "band": list(series.bands),
    }
    for name in ("longitude", "latitude"):
        if getattr(series, name) is not None:
            coordinates[name] = ("series", getattr(series, name))
    if series.planetscope is not None:
        _add_planetscope(series, arrays, coordinates, no_data)
    if series.label is not None and series.legend is not None:
        names = np.array([*series.legend.names, ""])[series.label]
        arrays["label"] = ("series", names)
    attributes = {
        "processing_level": series.processing_level,
        "simulated": int(series.simulated),  # netCDF has no truth values
    }
    return xr.Dataset(arrays, coords=coordinates, attrs=attributes)


def _add_planetscope(
    series: Series, arrays: dict[str, object], coordinates: dict[str, object], no_data: int
) -> None:
    values = series.planetscope
    assert values is not None
    seen = np.where(values == no_data, np.nan, values / sensors.SCALE)
    shape = (*values.shape[:2], len(sensors.PLANETSCOPE_BANDS), -1)
    arrays["planetscope"] = (
        ("series", "planetscope_day", "planetscope_band", "pixel"),
        seen.reshape(shape),
        {"units": "1", "long_name": "PlanetScope surface reflectance, 3 x 3 pixels"},
    )
    coordinates["planetscope_day"] = series.planetscope_day
    coordinates["planetscope_band"] = list(sensors.PLANETSCOPE_BANDS)


def _dates(series: Series) -> npt.NDArray[np.datetime64]:
    """Gives the calendar dates (N, T). Entries of invalid dates have no meaning."""
    return series.dates.astype("M8[ns]")
