"""netCDF and Zarr cubes: a (time, y, x) variable a band, or one variable with a band axis."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.series import ProcessingLevel
from windrow.errors import BandError, DataError, SettingsError
from windrow.sources.bands.other_sensors import refuse_landsat
from windrow.sources.bands.recognition import BandNames, recognise_bands
from windrow.sources.cubes.coordinates import grid_of_dataset
from windrow.sources.cubes.packing import declared_offsets, packing_of_variables
from windrow.sources.cubes.scratch import identity_of_files
from windrow.sources.formats.attributes import check_numeric
from windrow.sources.rasters.grid import CubeFacts, Raw, Window
from windrow.sources.reader import IngestOptions
from windrow.sources.values.cloud_names import choose_cloud_name
from windrow.sources.values.seasons import Season, choose_season, whole_days

if TYPE_CHECKING:
    from xarray import DataArray

NETCDF = (".nc", ".nc4", ".cdf")
TIME = ("time", "t", "date", "datetime")
Y = ("y", "lat", "latitude", "northing")
X = ("x", "lon", "longitude", "easting")
BAND_AXES = ("band", "bands", "channel", "wavelength")
LABELS = ("crop_code", "crop_type", "crop", "label", "labels", "parcels_label")


def is_cube_file(path: Path) -> bool:
    """Whether a path is a netCDF file, or a Zarr group other than a series store."""
    if path.is_file():
        return path.name.lower().endswith(NETCDF)
    if (path / ".zgroup").is_file():
        return True
    header = path / "zarr.json"
    if not header.is_file():
        return False
    try:
        attributes = json.loads(header.read_text(encoding="utf-8")).get("attributes", {})
        return bool(attributes.get("format") != "windrow series store")
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


@dataclass(frozen=True)
class FileCube:
    """An opened netCDF or Zarr cube.

    Attributes:
        facts: what is known of it.
        bands: the variable of each band, axes (time, y, x).
        quality: the quality variable, or None.
        steps: (T,) positions on the time axis that are read.
        labels: names of integer variables (y, x), which may be crop codes.
        dataset: the opened dataset.
    """

    facts: CubeFacts
    bands: tuple[Any, ...]
    quality: Any
    steps: npt.NDArray[np.intp]
    labels: tuple[str, ...]
    dataset: Any

    def read(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Raw:
        """Reads chosen pixels of a window, every band at every date.

        Raises:
            DataError: the file is damaged or cut short.
        """
        values = np.stack([self._pixels(b, window, rows, columns) for b in self.bands], axis=1)
        quality = self.quality
        layer = None if quality is None else self._pixels(quality, window, rows, columns)
        return Raw(values, layer)

    def _pixels(
        self,
        variable: Any,
        window: Window,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
    ) -> npt.NDArray[Any]:
        y = slice(window.row, window.row + window.height)
        x = slice(window.column, window.column + window.width)
        try:
            block = np.asarray(variable[:, y, x].values)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise DataError(
                f"variable {variable.name} cannot be read",
                where=self.facts.names[0],
                found=str(error).splitlines()[0][:100],
                hint="the file may be damaged or cut short: fetch it again",
            ) from None
        return np.asarray(block[self.steps][:, rows, columns])

    def label_codes(self, name: str | None) -> tuple[str, npt.NDArray[np.int64]] | None:
        """Returns the crop codes (y, x) of a variable: the one named, or the first usual name.

        Or None.

        Raises:
            DataError: the variable named is not there.
        """
        by_name = {label.lower(): label for label in self.labels}
        found = name if name in self.labels else None
        if name is not None and found is None:
            raise DataError(
                f"no label variable {name!r}",
                where=self.facts.names[0],
                found=", ".join(self.labels) or "no whole-number variable over y and x",
            )
        found = found or next((by_name[known] for known in LABELS if known in by_name), None)
        if found is None:
            return None
        return found, np.asarray(self.dataset[found].values).astype(np.int64)


def open_file_cube(path: Path, options: IngestOptions) -> FileCube:
    """Opens a netCDF or Zarr cube; values are read later, by windows.

    Raises:
        DataError: it has no time axis, no band, or is damaged; or bands differ in shape.
        BandError: which variables are bands is a question, or they are of another sensor.
        SettingsError: it holds several years and none is chosen, or xarray is missing.
    """
    dataset = _open(path)
    time = _axis(dataset, TIME, "time", path)
    y, x = _axis(dataset, Y, "y", path), _axis(dataset, X, "x", path)
    layers = _layers(dataset, (time, y, x), path)
    refuse_landsat(_titles(dataset, path), where=path)
    recognised = recognise_bands(list(layers), where=path, unit="variable", given=options.bands)
    name_of = recognised.by_band()
    bands = tuple(band for band in sensors.SENTINEL2_BANDS if band in name_of)
    if not bands:
        raise _no_band(dataset, list(layers), path)
    named = {b: _numeric(layers[n], path).transpose(time, y, x) for b, n in name_of.items()}
    season = _dates(dataset[time], path, options)
    dates, steps = season.dates, season.steps
    first = named[bands[0]]
    quality_name, not_read = _quality(
        [name for name in layers if name not in recognised.bands], options.cloud_column, path
    )
    quality = None if quality_name is None else layers[quality_name].transpose(time, y, x)
    chunks = first.encoding.get("preferred_chunks") or {}
    grid, facts = grid_of_dataset(
        dataset,
        (y, x),
        first,
        path,
        crs=options.crs,
        pixel_coordinates=options.pixel_coordinates,
    )
    facts |= _said_of_names(recognised, quality_name, not_read)
    cirrus = "B10" in recognised.bands.values()
    if cirrus:
        facts["dropped_bands"] = "B10 (cirrus), which is no input"
    level: ProcessingLevel = options.processing_level or ("L1C" if cirrus else "L2A")
    return FileCube(
        facts=CubeFacts(
            grid=grid,
            dates=dates,
            bands=bands,
            processing_level=level,
            native=(
                int(chunks.get(y, dataset.sizes[y])),
                int(chunks.get(x, dataset.sizes[x])),
            ),
            packing=packing_of_variables([named[band] for band in bands], len(dates), path),
            offsets=declared_offsets(dataset, time, steps, path),
            quality=quality_name,
            names=(str(path),) * len(dates),
            identity=identity_of_files(
                [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
            ),
            facts={**facts, **season.facts},
            season_start=season.start,
        ),
        bands=tuple(named[band] for band in bands),
        quality=quality,
        steps=steps,
        labels=_label_variables(dataset, y, x),
        dataset=dataset,
    )


def _no_band(dataset: Any, layers: list[str], path: Path) -> DataError:
    return DataError(
        "no band in the cube",
        where=path,
        found=", ".join(layers) or ", ".join(map(str, dataset.data_vars)),
        expected="variables (time, y, x) named B02, B03, ...",
        hint="name them with --bands B02=VARIABLE ...",
    )


def _label_variables(dataset: Any, y: str, x: str) -> tuple[str, ...]:
    """Names of the variables of whole numbers that may label pixels."""
    return tuple(
        str(name)
        for name, variable in dataset.data_vars.items()
        if variable.dims == (y, x) and variable.dtype.kind in "iu"
    )


def _said_of_names(
    recognised: BandNames, quality_name: str | None, not_read: list[str]
) -> dict[str, str]:
    """Returns what the report says of the variables that were taken and left out."""
    facts = {"names_of_bands": recognised.describe()}
    if not_read:
        facts["cloud_variables_not_read"] = ", ".join(not_read)
    if left_out := [n for n in recognised.left_out if n != quality_name and n not in not_read]:
        facts["variables_left_out"] = ", ".join(left_out)
    return facts


def _numeric(layer: Any, path: Path) -> Any:
    """Returns the variable, after a look that it holds numbers."""
    check_numeric(layer, field=f"variable {layer.name}", where=path)
    return layer


def _open(path: Path) -> Any:
    try:
        import xarray
    except ImportError:
        raise SettingsError(
            "cubes need xarray", where=path, hint="pip install 'windrow[cubes]'"
        ) from None
    engine = "h5netcdf" if path.is_file() else "zarr"
    try:
        opened = partial(
            xarray.open_dataset, path, engine=engine, mask_and_scale=False, decode_coords="all"
        )
        return opened() if path.is_file() else opened(consolidated=False)
    except Exception as error:  # backends raise many kinds on damaged files
        raise DataError(
            "the cube cannot be read",
            where=path,
            found=(str(error).splitlines() or [type(error).__name__])[0][:120],
            hint="the file may be damaged or cut short: fetch it again",
        ) from None


def _axis(dataset: Any, known: tuple[str, ...], role: str, path: Path) -> str:
    by_name = {str(name).lower(): str(name) for name in dataset.dims}
    found = next((by_name[name] for name in known if name in by_name), None)
    if found is None or found not in dataset.coords:
        what = f"no {role} axis" if found is None else f"the {role} axis has no coordinates"
        raise DataError(
            what,
            where=path,
            found="axes " + ", ".join(map(str, dataset.dims)),
            expected=" or ".join(known),
        )
    return found


def _layers(dataset: Any, axes: tuple[str, str, str], path: Path) -> dict[str, DataArray]:
    """Returns all variables (time, y, x) by name; of one with a band axis each layer by its label.

    Raises:
        BandError: a name stands twice.
    """
    result: dict[str, DataArray] = {}
    for name, variable in dataset.data_vars.items():
        parts: list[tuple[str, Any]] = []
        axis = next((one for one in BAND_AXES if one in variable.dims), None)
        if set(variable.dims) == set(axes):
            parts = [(str(name), variable)]
        elif axis is not None and set(variable.dims) - {axis} == set(axes):
            labels = [str(value) for value in dataset[axis].values.tolist()]
            parts = [(label, variable.isel({axis: i})) for i, label in enumerate(labels)]
        for label, part in parts:
            if label in result:
                raise BandError(
                    f"the name {label} stands twice", where=path, hint="keep one of them"
                )
            result[label] = part
    return result


def _titles(dataset: Any, path: Path) -> list[str]:
    """Returns what the file says of its satellite."""
    keys = ("platform", "satellite", "sensor", "instrument", "constellation", "title", "collection")
    return [path.name, *(str(dataset.attrs[key]) for key in keys if key in dataset.attrs)]


def _dates(time: Any, path: Path, options: IngestOptions) -> Season:
    values = np.asarray(time.values)
    if values.dtype.kind != "M":
        raise DataError(
            "the time axis holds no dates", where=path, found=values.dtype, expected="dates"
        )
    if np.isnat(values).any():
        raise DataError(
            "a date is missing",
            where=f"{path}, axis {time.name}",
            found=f"none at position {int(np.argmax(np.isnat(values))) + 1} of {len(values)}",
            hint="write the date there, or leave that step out",
        )
    days, said = whole_days(values)
    season = choose_season(days, path, options)
    return replace(season, facts={**season.facts, **({"times_of_day": said} if said else {})})


def _quality(layers: list[str], given: str | None, path: Path) -> tuple[str | None, list[str]]:
    """Returns the layer of clouds, and those that look like clouds and are not read."""
    found, others = choose_cloud_name(layers, classes_first=True)
    if given is None:
        return found, others
    name = next((layer for layer in layers if layer.lower() == given.lower()), None)
    if name is None:
        raise DataError(f"no cloud variable {given!r}", where=path, found=", ".join(layers))
    return name, [other for other in (found, *others) if other not in (None, name)]
