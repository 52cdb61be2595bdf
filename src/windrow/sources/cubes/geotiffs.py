"""Folders of GeoTIFFs with the date in the name: one file a day, or one a day and band.

Files are read by windows, so that memory does not grow with the images; plain ones tile by tile
(``tiff_tiles``), all others by GDAL. Bands of 20 or 60 m beside bands of 10 m are read onto the
finest grid, each pixel repeated.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.series import ProcessingLevel
from windrow.errors import DataError, SettingsError
from windrow.sources.cubes.scratch import identity_of_files
from windrow.sources.rasters.crs import given_crs, same_crs
from windrow.sources.rasters.geotiff_header import (
    ENDINGS,
    ImageFile,
    find_images,
    offset_of_file,
    packing_of_band,
    raster_environment,
    read_headers,
    reason_of,
)
from windrow.sources.rasters.geotiff_tiles import NotPlain, TiffTiles
from windrow.sources.rasters.grid import TOLERANCE, CubeFacts, Grid, Packing, Raw, Window
from windrow.sources.reader import IngestOptions
from windrow.sources.values.cloud_names import choose_cloud_name
from windrow.sources.values.seasons import choose_season

_MAX_OPEN = 512


class _Pick:
    """Which pixels of a window are read: all of them where ``pixels`` is None."""

    def __init__(
        self,
        window: Window,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
        pixels: npt.NDArray[np.intp] | None,
    ) -> None:
        self.window, self.rows, self.columns, self.pixels = window, rows, columns, pixels
        self._tiles: dict[tuple[int, ...], set[int]] = {}

    def tiles_of(
        self,
        tiles: TiffTiles,
        part: Window,
        rows: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
    ) -> set[int]:
        """Returns the tiles of a file that hold them, found once for all files of its tiling."""
        key = (*tiles.tile, tiles.across, part.row, part.column, part.height, part.width)
        if key not in self._tiles:
            self._tiles[key] = tiles.tiles_of(part, rows, columns)
        return self._tiles[key]


class ImageCube:
    """A folder of GeoTIFFs, opened."""

    def __init__(self, facts: CubeFacts, layers: list[dict[str, ImageFile]]) -> None:
        self._facts = facts
        self._layers = layers
        self._open: dict[Path, Any] = {}

    @property
    def facts(self) -> CubeFacts:
        """What is known before reading."""
        return self._facts

    def read(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Raw:
        """Reads chosen pixels of a window, every band at every date.

        Raises:
            DataError: a file is damaged or cut short; names it.
        """
        bands, quality = self._facts.bands, self._facts.quality
        dtype = self._layers[0][bands[0]].header.dtype
        values = np.empty((len(self._layers), len(bands), len(rows)), dtype=dtype)
        layer = None
        if quality is not None:
            kind = self._layers[0][quality].header.dtype
            layer = np.empty((len(self._layers), len(rows)), dtype=kind)
        wanted = (*bands, quality) if quality is not None else bands
        pixels = rows * window.width + columns
        whole = len(rows) == window.height * window.width and bool(
            (pixels == np.arange(len(pixels))).all()
        )
        pick = _Pick(window, rows, columns, None if whole else pixels)
        with raster_environment():
            for date, files in enumerate(self._layers):
                by_file: dict[Path, list[str]] = defaultdict(list)
                for name in wanted:
                    by_file[files[name].path].append(name)
                for names in by_file.values():
                    targets = [
                        layer[date]
                        if name == quality and layer is not None
                        else values[date, bands.index(name)]
                        for name in names
                    ]
                    self._read(files[names[0]], names, pick, targets)
        return Raw(values, layer)

    def _read(
        self, file: ImageFile, names: list[str], pick: _Pick, targets: list[npt.NDArray[Any]]
    ) -> None:
        """Puts the chosen pixels of some layers of a file into arrays (n,)."""
        window = pick.window
        shape = window.height, window.width
        if file.tiles is not None:
            try:
                self._read_tiles(file, file.tiles, names, pick, targets)
                return
            except NotPlain:
                pass  # GDAL reads it, or says what is wrong with it
        block = self._window(file, names, window).reshape(len(names), *shape)
        for one, target in zip(block, targets, strict=True):
            target[:] = one.ravel() if pick.pixels is None else one.ravel()[pick.pixels]

    def _read_tiles(
        self,
        file: ImageFile,
        tiles: TiffTiles,
        names: list[str],
        pick: _Pick,
        targets: list[npt.NDArray[Any]],
    ) -> None:
        window, ratio = pick.window, self._facts.grid.width // file.grid.width
        indexes = [file.indexes[name] for name in names]
        if ratio == 1 and pick.pixels is None:
            shape = window.height, window.width
            tiles.read(window, indexes, [target.reshape(shape) for target in targets])
            return
        first = window.row // ratio, window.column // ratio
        last = (
            -(-(window.row + window.height) // ratio),
            -(-(window.column + window.width) // ratio),
        )
        part = Window(*first, last[0] - first[0], last[1] - first[1])
        rows = (window.row + pick.rows) // ratio - first[0]
        columns = (window.column + pick.columns) // ratio - first[1]
        wanted = pick.tiles_of(tiles, part, rows, columns)
        blocks = np.empty((len(names), part.height, part.width), dtype=tiles.dtype)
        tiles.read(part, indexes, list(blocks), wanted=wanted)
        for block, target in zip(blocks, targets, strict=True):
            target[:] = block[rows, columns]

    def _window(self, file: ImageFile, names: list[str], window: Window) -> npt.NDArray[Any]:
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as RasterWindow

        ratio = self._facts.grid.width / file.grid.width
        part = RasterWindow(
            window.column / ratio, window.row / ratio, window.width / ratio, window.height / ratio
        )
        shape = (len(names), window.height, window.width)
        try:
            source = self._dataset(file.path)
            indexes = [file.indexes[name] for name in names]
            if ratio == 1:
                return np.asarray(source.read(indexes, window=part))
            return np.asarray(source.read(indexes, window=part, out_shape=shape))
        except (RasterioError, OSError, ValueError) as error:
            raise DataError(
                "a GeoTIFF is damaged or cut short",
                where=file.path,
                found=reason_of(error),
                hint="fetch it again, or leave it out",
            ) from None

    def _dataset(self, path: Path) -> Any:
        if path not in self._open:
            if len(self._open) >= _MAX_OPEN:
                self._open.pop(next(iter(self._open))).close()
            import rasterio

            self._open[path] = rasterio.open(path)
        return self._open[path]

    def close(self) -> None:
        """Closes the files."""
        for source in self._open.values():
            source.close()
        self._open.clear()


def open_image_cube(path: Path, options: IngestOptions) -> ImageCube:
    """Opens every file's header and checks that they belong together.

    Raises:
        DataError: a file is damaged, of another grid, CRS or number of bands than the first; two
            files hold one day, or a day lacks a file.
        BandError: which bands are meant is a question, or they are of another sensor.
        SettingsError: which bands the files hold is not said, or rasterio is missing.
    """
    try:
        import rasterio  # noqa: F401
    except ImportError:
        raise SettingsError(
            "GeoTIFFs need rasterio", where=path, hint="pip install 'windrow[cubes]'"
        ) from None
    images_found = find_images(path)
    if isinstance(options.planetscope, Path):  # which may lie inside
        images_found = [p for p in images_found if not p.is_relative_to(options.planetscope)]
    images = read_headers(images_found, path, options)
    files = images.files
    without = sum(p.suffix.lower() in ENDINGS for p in path.rglob("*")) - len(images_found)
    grid = _check_grids(files)
    grid = replace(grid, crs=given_crs(options.crs, grid.crs, path))
    season = choose_season(np.unique([f.date for f in files]), path, options)
    days = season.dates
    layers = [_layers_of_day([f for f in files if f.date == day]) for day in days]
    bands, quality = _check_layers(layers, days, options)
    first = layers[0][bands[0]]
    facts = {
        "files": str(len(files)),
        "days": _describe_days(days),
        "names_of_bands": images.recognised.describe(),
    }
    if images.left_out:
        facts["bands_left_out"] = ", ".join(images.left_out)
    if without > 0:
        facts["files_without_a_date_left_out"] = str(without)
    if any("B10" in layer for layer in layers):
        facts["dropped_bands"] = "B10 (cirrus), which is no input"
    cirrus = any("B10" in layer for layer in layers)
    names = " ".join(file.path.name for file in files)
    level: ProcessingLevel = options.processing_level or (
        "L1C" if cirrus or "MSIL1C" in names else "L2A"
    )
    return ImageCube(
        CubeFacts(
            grid=grid,
            dates=days,
            bands=bands,
            processing_level=level,
            native=first.header.block,
            packing=_packing(layers, bands),
            offsets=np.array([offset_of_file(layer[bands[0]]) for layer in layers]),
            quality=quality,
            names=tuple(str(layer[bands[0]].path) for layer in layers),
            identity=identity_of_files([file.path for file in files]),
            facts={**facts, **season.facts},
            season_start=season.start,
            itemsize=np.dtype(first.header.dtype).itemsize,
        ),
        layers,
    )


def _check_grids(files: list[ImageFile]) -> Grid:
    finest = min(files, key=lambda file: abs(file.grid.transform[0]))
    limit = TOLERANCE * abs(finest.grid.transform[0])
    for file in files:
        if file.grid.crs != finest.grid.crs and not (
            file.grid.crs and finest.grid.crs and same_crs(file.grid.crs, finest.grid.crs)
        ):
            raise DataError(
                "another CRS",
                where=file.path,
                found=file.grid.crs or "none",
                expected=f"{finest.grid.crs or 'none'}, as {finest.path.name}",
                hint="bring all files to one grid",
            )
        ratio = finest.grid.width / file.grid.width
        same = np.allclose(file.grid.bounds(), finest.grid.bounds(), rtol=0, atol=limit)
        if not same or ratio != int(ratio) or finest.grid.height != ratio * file.grid.height:
            raise DataError(
                "another grid",
                where=file.path,
                found=f"{file.grid.height} x {file.grid.width} pixels, {_box(file.grid)}",
                expected=f"{finest.grid.height} x {finest.grid.width} pixels, "
                f"{_box(finest.grid)}, as {finest.path.name}",
                hint="bring all files to one grid",
            )
    return finest.grid


def _box(grid: Grid) -> str:
    return "bounds " + " ".join(f"{value:.10g}" for value in grid.bounds())


def _layers_of_day(files: list[ImageFile]) -> dict[str, ImageFile]:
    layers: dict[str, ImageFile] = {}
    for file in files:
        for name in file.indexes:
            if name in layers:
                raise DataError(
                    "two files for one day",
                    where=f"{layers[name].path} and {file.path}",
                    found=f"{name} of {file.date} twice",
                    hint="keep one, or give each tile a folder of its own",
                )
            layers[name] = file
    return layers


def _check_layers(
    layers: list[dict[str, ImageFile]], days: npt.NDArray[np.datetime64], options: IngestOptions
) -> tuple[tuple[str, ...], str | None]:
    counts: dict[str, int] = defaultdict(int)
    for layer in layers:
        for name in layer:
            counts[name] += 1
    for day, layer in zip(days, layers, strict=True):
        missing = [name for name in counts if name not in layer]
        if missing:
            multiple = all(file.layer is None for file in layer.values())
            other = next(other[missing[0]].path.name for other in layers if missing[0] in other)
            raise DataError(
                "another number of bands" if multiple else "a file is missing",
                where=next(iter(layer.values())).path if multiple else f"the files of {day}",
                found="bands " + " ".join(layer),
                expected=f"{missing[0]} too, as in {other}",
                hint="fetch the file, or leave the day out",
            )
    bands = tuple(band for band in sensors.SENTINEL2_BANDS if band in counts)
    if not bands:
        raise SettingsError(
            "no band in the files", found=", ".join(counts), hint="name them with --bands"
        )
    quality = _choose_clouds([name for name in counts if name not in bands], options)
    types = {layer[band].header.dtype: layer[band].path for layer in layers for band in bands}
    if len(types) > 1:
        found = " and ".join(f"{kind} ({image.name})" for kind, image in types.items())
        raise DataError("the files hold different types of numbers", found=found)
    return bands, quality


def _choose_clouds(layers: list[str], options: IngestOptions) -> str | None:
    """Chooses the layer of clouds: the one named, or scene classes before other measures."""
    given = options.cloud_column
    if given is None:
        return choose_cloud_name(layers, classes_first=True)[0]
    if given.upper() not in layers:
        raise DataError(f"no cloud layer {given!r}", found=", ".join(layers) or "bands alone")
    return given.upper()


def _describe_days(days: npt.NDArray[np.datetime64]) -> str:
    """Describes first, last and number of days, and those missing from a regular rhythm.

    Example:
        >>> _describe_days(np.array(["2018-05-01", "2018-05-06", "2018-05-16"], "M8[D]"))
        '3, 2018-05-01 to 2018-05-16, every 5 days but for 2018-05-11'
    """
    text = f"{len(days)}, {days[0]} to {days[-1]}"
    gaps = np.diff(days).astype(int)
    if len(gaps) < 2:
        return text
    step = int(gaps.min())
    if (gaps % step).any() or (gaps == step).mean() < 0.5:
        return f"{text}, {gaps.min()} to {gaps.max()} days apart"
    rhythm = np.arange(days[0], days[-1], step)
    missing = rhythm[~np.isin(rhythm, days)]
    if not len(missing):
        return f"{text}, every {step} days"
    shown = ", ".join(map(str, missing[:5]))
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return f"{text}, every {step} days but for {shown}{more}"


def _packing(layers: list[dict[str, ImageFile]], bands: tuple[str, ...]) -> Packing:
    """Returns scale, offset and no data of every date and band, as each file declares them."""
    values = np.array([[packing_of_band(layer[b], b) for b in bands] for layer in layers])
    return Packing(values[..., 0], values[..., 1], values[..., 2])
