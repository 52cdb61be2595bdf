"""One GeoTIFF of a folder: its date, its layers and its grid, from the name and the header."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from windrow import sensors
from windrow.errors import BandError, DataError, SettingsError
from windrow.sources.bands.dialects import POSITIONS, SENTINEL2, dialect, normalised
from windrow.sources.bands.names import parse
from windrow.sources.bands.other_sensors import dialect_of_files, refuse_landsat
from windrow.sources.bands.recognition import BandNames, recognise_bands
from windrow.sources.formats.attributes import (
    check_file,
    check_numeric,
    finite_number,
    positive_number,
)
from windrow.sources.rasters.geotiff_tiles import TiffTiles, read_directory
from windrow.sources.rasters.grid import Grid
from windrow.sources.reader import IngestOptions
from windrow.sources.values.baseline_offset import offset_of_baseline
from windrow.sources.values.cloud_names import cloud_name, cloud_name_in

ENDINGS = (".tif", ".tiff")
_DAY_OF_YEAR = re.compile(r"(?<!\d)(20\d\d)([0-3]\d\d)(?=T\d{6})")
_DATE = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d{2,}(?!T))"
)
_WORD = re.compile(r"[^A-Za-z0-9]+")
_PICTURES = frozenset({"TCI", "PVI"})
"""Words in the names of files for the eye, of one byte a colour, which hold no reflectance."""
_CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ImageFacts:
    """What the header of a GeoTIFF says of its values.

    Attributes:
        dtype: type of the values.
        block: height and width of a block.
        count: number of bands.
        scales: factor of each band; NaN where none is given.
        offsets: offset of each band.
        no_data: value of missing pixels of each band.
        tags: tags by name in capitals.
    """

    dtype: str
    block: tuple[int, int]
    count: int
    scales: list[float]
    offsets: list[float]
    no_data: list[float]
    tags: dict[str, str]


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
    header: ImageFacts
    tiles: TiffTiles | None


@dataclass(frozen=True)
class Images:
    """The files of a folder.

    Attributes:
        files: those that hold a band or a quality layer.
        recognised: which name is which band.
        left_out: names of bands and files that are neither.
    """

    files: list[ImageFile]
    recognised: BandNames
    left_out: tuple[str, ...]


def date_in_name(name: str) -> np.datetime64 | None:
    """Returns the first date in a file's name, else in the nearest folder that has one, or None.

    The first, since products bear the day of processing behind the day of acquisition.

    Example:
        >>> str(date_in_name("T31UES_20180511T105031_B02.tif")), date_in_name("dem.tif")
        ('2018-05-11', None)
        >>> str(date_in_name("HLS.S30.T31UES.2018131T105031.v2.0.B02.tif"))
        '2018-05-11'
    """
    for part in reversed(Path(name).parts):
        counted = _DAY_OF_YEAR.search(part)
        if counted is not None and 1 <= int(counted[2]) <= 366:  # as HLS writes it
            return np.datetime64(counted[1], "D") + np.timedelta64(int(counted[2]) - 1, "D")
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
    image_paths = [p for depth in ("*", "*/*", "*/*/*") for p in path.glob(depth)]
    return sorted(
        p
        for p in image_paths
        if p.suffix.lower() in ENDINGS and date_in_name(p.relative_to(path).as_posix())
    )


@contextmanager
def raster_environment() -> Iterator[None]:
    """Returns GDAL with a small cache, and without looking for files beside the one opened."""
    import rasterio

    # GDAL's own cache is 5 % of the machine's memory; windows of whole blocks need little of it.
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        yield


def reason_of(error: BaseException) -> str:
    """Returns what a raster library says of a failure, in one line."""
    text = str(error.__cause__ or error) or type(error).__name__
    return text.splitlines()[0][:120]


def read_headers(image_paths: list[Path], root: Path, options: IngestOptions) -> Images:
    """Reads the headers of a folder's files; those that are equal byte for byte, once.

    Raises:
        DataError: a file is damaged, or has another number of bands than given.
        BandError: which bands are meant is a question, or they are of another sensor.
        SettingsError: which bands a file holds is not said.
    """
    refuse_landsat((image_path.name for image_path in image_paths), where=root)
    known: dict[bytes, _Header] = {}
    found = []
    for image_path in image_paths:
        check_file(image_path)
        tiles, directory = read_directory(image_path)
        header = known.get(directory) if directory is not None else None
        if header is None:
            header = _read_header(image_path)
            if directory is not None:
                known[directory] = header
        date = date_in_name(image_path.relative_to(root).as_posix())
        assert date is not None
        found.append(_Found(image_path, date, header, tiles, _labels(image_path, header, options)))
    return _recognised(found, root, options)


@dataclass(frozen=True)
class _Header:
    grid: Grid
    facts: ImageFacts
    descriptions: tuple[str | None, ...]


@dataclass(frozen=True)
class _Found:
    """A file with what it calls its bands: position in the file (from 1) by name."""

    image_path: Path
    date: np.datetime64
    header: _Header
    tiles: TiffTiles | None
    labels: dict[str, int]


def _read_header(image_path: Path) -> _Header:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    check_file(image_path)
    try:
        with (
            # The report says that the CRS is not known.
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            raster_environment(),
            rasterio.open(image_path) as source,
        ):
            transform = tuple(float(v) for v in source.transform[:6])
            a, b, c, d, e, f = transform
            crs = source.crs.to_string() if source.crs else None
            grid = Grid(source.height, source.width, (a, b, c, d, e, f), crs)
            whole = source.dtypes[0].startswith(("int", "uint"))
            absent = 0.0 if whole else np.nan
            facts = ImageFacts(
                dtype=source.dtypes[0],
                block=source.block_shapes[0],
                count=source.count,
                scales=[scale if scale != 1.0 else np.nan for scale in source.scales],
                offsets=list(source.offsets),
                no_data=[absent if value is None else value for value in source.nodatavals],
                tags={key.upper(): value for key, value in source.tags().items()},
            )
            descriptions = tuple(source.descriptions)
            packing = (tuple(source.scales), tuple(source.offsets))
    except (RasterioError, OSError) as error:
        raise DataError(
            "a GeoTIFF is damaged or cut short",
            where=image_path,
            found=reason_of(error),
            hint="fetch it again, or leave it out",
        ) from None
    check_numeric(SimpleNamespace(dtype=facts.dtype), field="a GeoTIFF", where=image_path)
    for number, (scale, offset) in enumerate(zip(*packing, strict=True), start=1):
        positive_number(scale, field=f"the scale of band {number}", where=image_path)
        finite_number(offset, field=f"the offset of band {number}", where=image_path)
    return _Header(grid, facts, descriptions)


def _name_in_file(stem: str) -> str | None:
    """Returns the last name of a band or of a layer of clouds among the words of a file's name."""
    clouds = cloud_name_in(stem)
    if clouds is not None:
        return clouds
    words = [word for word in _WORD.split(stem) if word]
    for stop in range(len(words), 0, -1):
        parsed = (parse("_".join(words[start:stop])) for start in range(max(0, stop - 3), stop))
        whole = [one.name for one in parsed if one is not None and not one.words]
        if whole:
            return whole[0]
    return None


def _labels(image_path: Path, header: _Header, options: IngestOptions) -> dict[str, int]:
    """Returns what a file calls its bands: by its name, its descriptions, or in the order given."""
    descriptions = header.descriptions
    if _PICTURES & {word.upper() for word in _WORD.split(image_path.stem)}:
        return {}
    name = _name_in_file(image_path.stem)
    if name is not None and len(descriptions) == 1:
        return {name: 1}
    names = [text or "" for text in descriptions]
    order = _given_order(options)
    if order is not None:
        names = list(order)
        if len(names) != len(descriptions):
            raise DataError(
                "another number of bands",
                where=image_path,
                found=len(descriptions),
                expected=f"{len(names)}: {' '.join(names)}, as given",
            )
    indexes: dict[str, int] = {}
    for position, label in enumerate(names, start=1):
        label = label.upper() if cloud_name(label) else label  # noqa: PLW2901
        if label in indexes:
            raise BandError(f"band {label} stands twice", where=image_path)
        if label:
            indexes[label] = position
    return indexes


def _given_order(options: IngestOptions) -> tuple[str, ...] | None:
    """Returns the names of ``--bands`` if they are an order.

    They are none if they are BAND=NAME or name a dialect.
    """
    given = options.bands
    if given is None or any("=" in text for text in given):
        return None
    return None if len(given) == 1 and dialect(given[0]) is not None else given


def _recognised(found: list[_Found], root: Path, options: IngestOptions) -> Images:
    """Returns the files with the band of each layer, once all names of the folder are known."""
    labels = list(dict.fromkeys(label for one in found for label in one.labels))
    quality = [label for label in labels if cloud_name(label)]
    names = [label for label in labels if label not in quality]
    order = _given_order(options)
    given = options.bands if order is None else _order_as_bands(order)
    prefer = dialect_of_files(one.image_path.name for one in found)
    recognised = recognise_bands(names, where=root, unit="band", given=given, prefer=prefer)
    if not recognised.bands:
        raise _nothing_said(found[0])
    layer_of = {**recognised.bands, **{label: label for label in quality}}
    files, left_out = [], list(recognised.left_out)
    for one in found:
        indexes = {layer_of[label]: at for label, at in one.labels.items() if label in layer_of}
        if not indexes:
            left_out.append(one.image_path.name)
            continue
        layer = next(iter(indexes)) if len(one.header.descriptions) == 1 else None
        files.append(
            ImageFile(
                one.image_path,
                one.date,
                layer,
                indexes,
                one.header.grid,
                one.header.facts,
                one.tiles,
            )
        )
    return Images(files, recognised, tuple(left_out))


def _order_as_bands(order: tuple[str, ...]) -> tuple[str, ...] | None:
    """Returns an order of Sentinel-2's own names as ``BAND=NAME``.

    None where it is of another dialect.
    """
    known = SENTINEL2.bands()
    pairs = [(known.get(normalised(name)), name) for name in order if not cloud_name(name)]
    if any(band is None for band, _ in pairs):
        return None
    return tuple(f"{band}={name}" for band, name in pairs)


def _nothing_said(one: _Found) -> SettingsError:
    count = len(one.header.descriptions)
    hint = "name them in their order with --bands"
    if count in POSITIONS:
        name, bands = POSITIONS[count]
        hint += f": if they are {name}, --bands {' '.join(bands)}"
    names = ", ".join(label for label in one.labels) or "without descriptions"
    return SettingsError(
        "which bands a GeoTIFF holds is not said",
        where=one.image_path,
        found=f"{count} band{'s' if count > 1 else ''}, {names}",
        hint=hint,
    )


def packing_of_band(file: ImageFile, layer: str) -> tuple[float, float, float]:
    """Returns scale, offset in reflectance and no data of one band of a file, NaN where unsaid.

    GDAL's offset of a band is of reflectance, or of digital numbers where it is 1 or more.
    """
    at = file.indexes[layer] - 1
    scale = float(file.header.scales[at])
    offset = float(file.header.offsets[at])
    if abs(offset) >= 1:
        offset *= scale if np.isfinite(scale) else 1.0 / sensors.SCALE
    return scale, offset, float(file.header.no_data[at])


def offset_of_file(file: ImageFile) -> float:
    """Returns the offset by tags or by the baseline in the path; NaN if neither says it.

    Raises:
        DataError: a tag is no number; names the file.
    """
    tags = file.header.tags
    if "BOA_ADD_OFFSET" in tags:
        value = tags["BOA_ADD_OFFSET"]
        return finite_number(value, field="the tag BOA_ADD_OFFSET", where=file.path)
    if "PROCESSING_BASELINE" in tags:
        where = f"{file.path}, tag PROCESSING_BASELINE"
        return float(offset_of_baseline(tags["PROCESSING_BASELINE"], where=where))
    for part in reversed(file.path.parts):
        match = re.search(r"(?:^|_)(N\d{4})(?:_|$)", part)
        if match:
            return float(offset_of_baseline(match[1]))
    return float("nan")
