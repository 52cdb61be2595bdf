"""STAC items as a cube: a static catalogue or item collection, or a server.

Items of one day become one date (mosaicked). A server is asked for the items that cover the
labels in the year. The grid is that of the items' projection where they state one, at 10 m.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.season import CALENDAR_YEAR, checked_start, first_days
from windrow.errors import DataError, SettingsError
from windrow.sources.bands.dialects import STAC
from windrow.sources.bands.other_sensors import refuse_landsat
from windrow.sources.bands.recognition import BandNames, recognise_bands
from windrow.sources.cubes.stac_packing import _offsets, packing_of_days
from windrow.sources.formats.attributes import bounding_box
from windrow.sources.labels.parcel_polygons import read_frame
from windrow.sources.rasters.crs import crs_of_value, given_crs
from windrow.sources.rasters.grid import CubeFacts, Grid, Raw, Window
from windrow.sources.reader import IngestOptions
from windrow.sources.values.cloud_names import choose_cloud_name
from windrow.sources.values.seasons import choose_season

METRES = 10.0
CRS_PROPERTIES = ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson")
"""Properties of items and assets that hold a CRS, the first found being taken."""

_KINDS = ("Catalog", "Collection", "FeatureCollection", "Feature")
_NATIVE = (1024, 1024)


def address(path: Path) -> str | None:
    """Returns the address of a server, whose slashes a path joins, or None."""
    text = str(path)
    for scheme in ("https:/", "http:/"):
        if text.startswith(scheme):
            return scheme + "/" + text.removeprefix(scheme).lstrip("/")
    return None


def is_stac(path: Path) -> bool:
    """Whether this is a STAC file, a folder with ``catalog.json``, or an address."""
    if address(path) is not None:
        return True
    file = _file(path)
    if file is None:
        return False
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(content, dict) or str(content.get("type")) not in _KINDS:
        return False
    items = content.get("features") or [content]
    if not isinstance(items, list):
        return False
    return all(isinstance(item, dict) and "stac_version" in item for item in items[:3])


def _file(path: Path) -> Path | None:
    if path.is_file() and path.suffix.lower() in (".json", ".geojson"):
        return path
    names = ("catalog.json", "collection.json")
    return next((path / name for name in names if (path / name).is_file()), None)


class StacCube:
    """STAC items on one grid."""

    def __init__(self, facts: CubeFacts, days: list[list[Any]], assets: dict[str, str]) -> None:
        self._facts = facts
        self._days = days
        self._assets = assets

    @property
    def facts(self) -> CubeFacts:
        """What is known before reading."""
        return self._facts

    def read(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Raw:
        """Reads chosen pixels of a window, every band at every date.

        Raises:
            DataError: an asset cannot be read; names the item.
        """
        wanted = (*self._facts.bands, *((self._facts.quality,) if self._facts.quality else ()))
        dates = [self._day(items, wanted, window)[:, rows, columns] for items in self._days]
        layers = np.stack(dates)
        quality = layers[:, -1] if self._facts.quality else None
        return Raw(layers[:, : len(self._facts.bands)], quality)

    def _day(self, items: list[Any], wanted: tuple[str, ...], window: Window) -> npt.NDArray[Any]:
        import odc.stac
        from rasterio.errors import RasterioError

        names = [self._assets[name] for name in wanted]
        try:
            cube = odc.stac.load(
                items,
                bands=names,
                geobox=self._box(window),
                groupby="solar_day",
                fail_on_error=True,
            )
        except (RasterioError, OSError, ValueError) as error:
            raise DataError(
                "an asset cannot be read",
                where="item " + " or ".join(str(item.id) for item in items),
                found=str(error.__cause__ or error).splitlines()[0][:120],
            ) from None
        # Items of one day may fall on two solar days at the date line: the first that has data.
        layers = np.stack([np.asarray(cube[name].values) for name in names])
        merged = layers[:, 0]
        for step in range(1, layers.shape[1]):
            merged = np.where(merged == 0, layers[:, step], merged)
        return np.asarray(merged)

    def _box(self, window: Window) -> Any:
        from odc.geo.geobox import GeoBox
        from rasterio.transform import Affine

        grid = self._facts.grid
        whole = Affine(*grid.transform) @ Affine.translation(window.column, window.row)
        return GeoBox((window.height, window.width), whole, grid.crs)


def open_stac_cube(path: Path, options: IngestOptions) -> StacCube:
    """Opens STAC items.

    Raises:
        DataError: there is no item, an item lacks a band, or a catalogue cannot be read.
        SettingsError: pystac-client or odc-stac is missing, or a server is asked without labels
            and year.
    """
    items = _items(path, options)
    if not items:
        raise DataError("no item", where=path, hint="check the place, the year and --collection")
    by_day: dict[np.datetime64, list[Any]] = defaultdict(list)
    for item in items:
        if item.datetime is None:
            raise DataError("an item without a date", where=f"{path}, item {item.id}")
        by_day[np.datetime64(item.datetime.replace(tzinfo=None), "D")].append(item)
    season = choose_season(np.array(sorted(by_day)), path, options)
    days = season.dates
    chosen = [by_day[day] for day in days]
    recognised, assets = _assets([item for day in chosen for item in day], path, options)
    chosen = [[_only(item, set(assets.values())) for item in day] for day in chosen]
    bands = tuple(band for band in sensors.SENTINEL2_BANDS if band in assets)
    facts = {"items": str(sum(map(len, chosen))), "names_of_bands": recognised.describe()}
    if left_out := [key for key in recognised.left_out if key not in assets.values()]:
        facts["assets_left_out"] = ", ".join(left_out)
    if "B10" in assets:
        facts["dropped_bands"] = "B10 (cirrus), which is no input"
    return StacCube(
        CubeFacts(
            grid=_grid(chosen, options, path),
            dates=days,
            bands=bands,
            processing_level=options.processing_level or ("L1C" if "B10" in assets else "L2A"),
            native=_NATIVE,
            packing=packing_of_days(chosen, [assets[band] for band in bands]),
            offsets=_offsets(chosen, assets[bands[0]]),
            quality=_clouds_of(assets),
            names=tuple("item " + str(day[0].id) for day in chosen),
            identity=tuple(
                f"{item.id}:{item.properties.get('updated', '')}" for day in chosen for item in day
            ),
            facts={**facts, **season.facts},
            season_start=season.start,
        ),
        chosen,
        assets,
    )


def _items(path: Path, options: IngestOptions) -> list[Any]:
    try:
        import odc.stac  # noqa: F401
        import pystac
        import pystac_client
    except ImportError:
        raise SettingsError(
            "STAC needs pystac-client and odc-stac",
            where=path,
            hint="pip install 'windrow[stac,cubes,vectors]'",
        ) from None
    server = address(path)
    try:
        if server is not None:
            area = _area(options, server)
            client = pystac_client.Client.open(server)
            search = client.search(
                collections=[options.collection], bbox=area, datetime=_period(options)
            )
            return list(search.items())
        file = _file(path)
        assert file is not None
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["type"] == "FeatureCollection":
            return _beside(file, list(pystac.ItemCollection.from_file(str(file))))
        if content["type"] == "Feature":
            return _beside(file, [pystac.Item.from_file(str(file))])
        kind = pystac.Collection if content["type"] == "Collection" else pystac.Catalog
        return list(kind.from_file(str(file)).get_items(recursive=True))
    except SettingsError:
        raise
    except Exception as error:  # pystac, requests and json raise many kinds
        raise DataError(
            "the STAC catalogue cannot be read",
            where=server or path,
            found=(str(error).splitlines() or [type(error).__name__])[0][:120],
        ) from None


def _beside(file: Path, items: list[Any]) -> list[Any]:
    """Items whose relative addresses are of the file's folder, where they name no other."""
    for item in items:
        if item.get_self_href() is None:
            item.set_self_href(str(file.resolve()))
    return items


def _period(options: IngestOptions) -> str:
    """Returns the days that a server is asked for: a calendar year, or a season."""
    start = checked_start(options.season_start or CALENDAR_YEAR)
    if start == CALENDAR_YEAR:
        return str(options.year)
    first, after = first_days([options.year or 0, (options.year or 0) + 1], start)
    return f"{first}/{after - np.timedelta64(1, 'D')}"


def _area(options: IngestOptions, server: str) -> list[float]:
    place = options.area or options.labels
    if place is None or options.year is None:
        raise SettingsError(
            "a STAC server is asked for a place in a year",
            where=server,
            hint="give --year, and --area, a vector file of the place",
        )
    frame = read_frame(place, None if options.area else options.layer)
    return [float(value) for value in frame.to_crs("EPSG:4326").total_bounds]


def _assets(
    items: list[Any], path: Path, options: IngestOptions
) -> tuple[BandNames, dict[str, str]]:
    """Returns the asset of each band, by key, or else band name or common name.

    The same in all items.
    """
    first = items[0]
    where = f"{path}, item {first.id}"
    refuse_landsat(_satellites(items), where=path)
    described = [
        {key: key for key in first.assets if not key.lower().endswith("-jp2")},
        _described(first, "name"),
        _described(first, "common_name"),
    ]
    recognised = BandNames({}, "none", tuple(first.assets))
    for names in described:
        inverse = {name: key for key, name in names.items()}
        if options.bands is None and len(inverse) < len(names):
            continue  # one name of several assets, as the common name rededge
        known = recognise_bands(
            list(inverse), where=where, unit="asset", given=options.bands, prefer=STAC
        )
        if known.bands:
            bands = {inverse[name]: band for name, band in known.bands.items()}
            left_out = tuple(key for key in first.assets if key not in bands)
            recognised = BandNames(bands, known.dialect, left_out, known.notes)
            break
    found = {band: key for key, band in recognised.bands.items()}
    scene, _ = choose_cloud_name(recognised.left_out, classes_first=True)
    if options.cloud_column is not None:
        scene = options.cloud_column
    if scene is not None:
        found[scene] = scene
    for item in items:
        missing = [name for name, key in found.items() if key not in item.assets]
        if missing:
            raise DataError(
                "another number of bands",
                where=f"{path}, item {item.id}",
                found="assets " + ", ".join(list(item.assets)[:15]),
                expected=f"{missing[0]} too, as item {items[0].id} has",
            )
    if not set(found) & set(sensors.SENTINEL2_BANDS):
        raise DataError(
            "no band among the assets",
            where=where,
            found=", ".join(first.assets),
            expected="assets such as B02 or blue",
            hint="name them with --bands B02=ASSET ...",
        )
    return recognised, found


def _described(item: Any, field: str) -> dict[str, str]:
    """Returns what assets of one band are called by ``eo:bands`` or ``bands``, by their key."""
    result = {}
    for key, asset in item.assets.items():
        bands = asset.extra_fields.get("eo:bands") or asset.extra_fields.get("bands") or []
        single = bands[0] if isinstance(bands, list) and len(bands) == 1 else None
        name = None
        if isinstance(single, dict):
            name = single.get(field) or single.get(f"eo:{field}")
        if isinstance(name, str) and not key.lower().endswith("-jp2"):
            result[key] = name
    return result


def _satellites(items: list[Any]) -> Iterator[str]:
    """Returns ids, collections and platforms of items."""
    for item in items:
        platform = [str(item.properties.get(key, "")) for key in ("platform", "constellation")]
        yield from (str(item.id), str(item.collection_id or ""), *platform)


def _only(item: Any, keys: set[str]) -> Any:
    """Returns the item with these assets alone, in full addresses: previews may have none."""
    kept = item.clone()
    kept.assets = {key: asset.clone() for key, asset in item.assets.items() if key in keys}
    for key, asset in kept.assets.items():
        asset.href = item.assets[key].get_absolute_href() or asset.href
        asset.set_owner(kept)
    return kept


def _grid(days: list[list[Any]], options: IngestOptions, path: Path) -> Grid:
    """Returns the projection of the items.

    The extent of the labels, or of all items without labels.
    """
    from rasterio.warp import transform_bounds

    items = [item for day in days for item in day]
    systems = {given_crs(options.crs, _crs(item), f"{path}, item {item.id}") for item in items}
    if len(systems) > 1 or None in systems:
        found = ", ".join(sorted(str(system) for system in systems))
        raise DataError(
            "items in several projections" if len(systems) > 1 else "items without a projection",
            where=path,
            found=found,
            hint="choose items of one UTM zone that state proj:code or proj:epsg, or give --crs",
        )
    crs = str(systems.pop())
    place = options.area or options.labels
    if place is not None:
        frame = read_frame(place, None if options.area else options.layer)
        bounds = tuple(float(v) for v in frame.to_crs(crs).total_bounds)
    else:
        outer = [bounding_box(item.bbox, where=f"{path}, item {item.id}") for item in items]
        boxes = np.array([transform_bounds("EPSG:4326", crs, *box) for box in outer])
        bounds = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    left, low, right, high = bounds
    left, low = METRES * np.floor(left / METRES), METRES * np.floor(low / METRES)
    right, high = METRES * np.ceil(right / METRES), METRES * np.ceil(high / METRES)
    size = round((high - low) / METRES), round((right - left) / METRES)
    return Grid(*size, (METRES, 0.0, float(left), 0.0, -METRES, float(high)), crs)


def _crs(item: Any) -> str | None:
    for properties in (item.properties, *(a.extra_fields for a in item.assets.values())):
        for key in CRS_PROPERTIES:
            text = crs_of_value(properties.get(key))
            if text is not None:
                return text
    return None


def _clouds_of(assets: dict[str, str]) -> str | None:
    """Returns the layer that is no band, which is that of clouds."""
    return next((name for name in assets if name not in sensors.SENTINEL2_L1C), None)
