"""One GeoTIFF of a folder: its date, its layers and its grid, from the name and the header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from windrow import sensors
from windrow.errors import BandError, DataError, SettingsError
from windrow.sources.rasters.geotiff_tiles import TiffTiles, read_directory
from windrow.sources.rasters.grid import Grid, band_of
from windrow.sources.reader import IngestOptions
from windrow.sources.values.baseline_offset import offset_of_baseline

ENDINGS = (".tif", ".tiff")
_DATE = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d{2,}(?!T))"
)
_WORD = re.compile(r"[^A-Za-z0-9]+")
_CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ImageFile:
    """One GeoTIFF.

    Attributes:
        path: the file.
        date: from its name, or the folder's.
        layer: band or ``SCL``, where the name says so; None for a file of several bands.
        indexes: the band's position in the file (from 1), by layer.
        grid: where its pixels lie.
        header: type, block size, number of bands, scale, offset, no data and tags.
        tiles: where its tiles lie, or None where only GDAL can read it.
    """

    path: Path
    date: np.datetime64
    layer: str | None
    indexes: dict[str, int]
    grid: Grid
    header: dict[str, Any]
    tiles: TiffTiles | None


def date_in_name(name: str) -> np.datetime64 | None:
    """The first date in a file's name, else in the nearest folder that has one, or None.

    The first, since products bear the day of processing behind the day of acquisition.

    Example:
        >>> str(date_in_name("T31UES_20180511T105031_B02.tif")), date_in_name("dem.tif")
        ('2018-05-11', None)
    """
    for part in reversed(Path(name).parts):
        found = _DATE.search(part)
        if found is not None:
            try:
                return np.datetime64("-".join(found.groups()), "D")
            except ValueError:  # such as 31 February
                return None
    return None


def find_images(path: Path) -> list[Path]:
    """GeoTIFFs with a date in their name or folder, at most two folders down."""
    if not path.is_dir():
        return []
    places = [p for depth in ("*", "*/*", "*/*/*") for p in path.glob(depth)]
    return sorted(
        p
        for p in places
        if p.suffix.lower() in ENDINGS and date_in_name(p.relative_to(path).as_posix())
    )


@contextmanager
def raster_environment() -> Iterator[None]:
    """GDAL with a small cache, and without looking for files beside the one opened."""
    import rasterio

    # GDAL's own cache is 5 % of the machine's memory; windows of whole blocks need little of it.
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        yield


def reason_of(error: BaseException) -> str:
    """What a raster library says of a failure, in one line."""
    text = str(error.__cause__ or error) or type(error).__name__
    return text.splitlines()[0][:120]


def read_headers(places: list[Path], root: Path, options: IngestOptions) -> list[ImageFile]:
    """Reads the headers of a folder's files; those that are equal byte for byte, once.

    Raises:
        DataError: a file is damaged, or has another number of bands than given.
        SettingsError: which bands a file holds is not said.
    """
    known: dict[bytes, _Header] = {}
    files = []
    for place in places:
        tiles, directory = read_directory(place)
        header = known.get(directory) if directory is not None else None
        if header is None:
            header = _read_header(place)
            if directory is not None:
                known[directory] = header
        date = date_in_name(place.relative_to(root).as_posix())
        assert date is not None
        layer, indexes = _layers_of_file(place, header.descriptions, options)
        files.append(ImageFile(place, date, layer, indexes, header.grid, header.values, tiles))
    return files


@dataclass(frozen=True)
class _Header:
    grid: Grid
    values: dict[str, Any]
    descriptions: tuple[str | None, ...]


def _read_header(place: Path) -> _Header:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with raster_environment(), rasterio.open(place) as source:
            transform = tuple(float(v) for v in source.transform[:6])
            a, b, c, d, e, f = transform
            crs = source.crs.to_string() if source.crs else None
            grid = Grid(source.height, source.width, (a, b, c, d, e, f), crs)
            whole = source.dtypes[0].startswith(("int", "uint"))
            no_data = source.nodata if source.nodata is not None else 0.0 if whole else None
            header = {
                "dtype": source.dtypes[0],
                "block": source.block_shapes[0],
                "count": source.count,
                "scale": source.scales[0] if source.scales[0] != 1.0 else None,
                "offset": source.offsets[0],
                "no_data": no_data,
                "tags": {key.upper(): value for key, value in source.tags().items()},
            }
            descriptions = tuple(source.descriptions)
    except (RasterioError, OSError) as error:
        raise DataError(
            "a GeoTIFF is damaged or cut short",
            where=place,
            found=reason_of(error),
            hint="fetch it again, or leave it out",
        ) from None
    return _Header(grid, header, descriptions)


def _layer_of(word: str) -> str | None:
    return word.upper() if word.upper() in ("SCL", "CLP") else band_of(word)


def _layers_of_file(
    place: Path, descriptions: tuple[str | None, ...], options: IngestOptions
) -> tuple[str | None, dict[str, int]]:
    """Which layer each band of a file is: from its name, its descriptions, or as given."""
    words = [_layer_of(word) for word in _WORD.split(place.stem)]
    layer = next((word for word in reversed(words) if word is not None), None)
    if layer is not None and len(descriptions) == 1:
        return layer, {layer: 1}
    names: list[str | None] = [_layer_of(text or "") for text in descriptions]
    if options.bands is not None:
        names = [_layer_of(text) or text for text in options.bands]
        if len(names) != len(descriptions):
            raise DataError(
                "another number of bands",
                where=place,
                found=len(descriptions),
                expected=f"{len(names)}: {' '.join(options.bands)}, as given",
            )
    elif not any(names):
        known = {12: sensors.SENTINEL2, 13: sensors.SENTINEL2_L1C}.get(len(descriptions))
        if known is None:
            raise SettingsError(
                "which bands a GeoTIFF holds is not said",
                where=place,
                found=f"{len(descriptions)} bands without descriptions",
                hint="name them in their order with --bands",
            )
        names = list(known)
    indexes: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name is None:
            continue
        if name in indexes:
            raise BandError(f"band {name} stands twice", where=place)
        indexes[name] = position
    return None, indexes


def offset_of_file(file: ImageFile) -> int | None:
    """The offset that tags, GDAL's band offset or the baseline in the name call for, or None."""
    tags, header = file.header["tags"], file.header
    readers: tuple[tuple[str, Callable[[str], int]], ...] = (
        ("BOA_ADD_OFFSET", lambda text: int(float(text))),
        ("PROCESSING_BASELINE", offset_of_baseline),
    )
    for name, convert in readers:
        if name in tags:
            return convert(tags[name])
    if header["offset"]:
        scale = header["scale"] or 1.0 / sensors.SCALE
        offset = float(header["offset"])
        return round(offset / scale if abs(offset) < 1 else offset)
    match = re.search(r"_(N\d{4})_", file.path.name)
    return offset_of_baseline(match[1]) if match else None
