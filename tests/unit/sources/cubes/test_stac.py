"""STAC: a catalogue on disk, an item collection, and a server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cube_factory
from cube_factory import BANDS, DAYS, write_parcels, write_tif
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, WindrowError
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

for module in ("pystac", "pystac_client", "odc.stac", "geopandas"):
    pytest.importorskip(module)

# odc-geo calls it; the message is of shapely 2.2.
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

BOX = [2.999, 50.545, 3.003, 50.555]


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    reader = recognise(path)
    assert reader.name == "STAC items"
    reading = reader.read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def items(folder: Path, *, shift: int = 0, year: int = 2018, **properties: Any) -> list[Any]:
    """An item a day, an asset a band."""
    import pystac
    from shapely.geometry import box as rectangle
    from shapely.geometry import mapping

    result = []
    for day, array in zip(DAYS, cube_factory.values(), strict=True):
        when = day.replace("2018", str(year))
        item = pystac.Item(
            id=f"S2A_{when}",
            geometry=mapping(rectangle(*BOX)),
            bbox=BOX,
            datetime=np.datetime64(when + "T10:50:31").astype(object),
            properties={"proj:epsg": 32631, **properties},
            collection="sentinel-2-l2a",
        )
        for band, key, layer in zip(BANDS, ("blue", "red", "nir08"), array, strict=True):
            place = write_tif(folder / f"{when}_{band}.tif", layer[None] + np.uint16(shift))
            item.add_asset(key, pystac.Asset(str(place), media_type="image/tiff"))
        classes = np.full((1, 12, 10), 9, dtype=np.uint8)
        place = write_tif(folder / f"{when}_SCL.tif", classes)
        item.add_asset("scl", pystac.Asset(str(place), media_type="image/tiff"))
        item.add_asset("thumbnail", pystac.Asset("thumb.jpg"))
        result.append(item)
    return result


def collection(folder: Path, found: list[Any]) -> Path:
    import pystac

    place = folder / "items.json"
    pystac.ItemCollection(found).save_object(str(place))
    return place


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return write_parcels(tmp_path / "p.gpkg")


def check(series: Series) -> None:
    """Pixels of parcels, on the grid that their extent cuts out."""
    assert sorted(np.unique(series.field_id).tolist()) == [11, 12, 13]
    array = cube_factory.values()
    width = 7  # parcels span columns 1 to 8 and rows 1 to 10
    for index in range(len(series)):
        row, column = divmod(int(series.id[index]), width)
        assert series.reflectance[index].tolist() == array[:, :, row + 1, column + 1].tolist()
    assert series.cloud_probability is not None
    assert (series.cloud_probability == 230).all()


def test_an_item_collection(tmp_path: Path, labels: Path) -> None:
    series, reading = read(collection(tmp_path, items(tmp_path)), labels=labels)
    assert len(series) == 28
    assert series.bands == BANDS
    assert series.day_of_year[0].tolist() == [120, 125, 130, 135]
    check(series)
    assert reading.summary.facts["items"] == "4"


def test_a_static_catalogue(tmp_path: Path, labels: Path) -> None:
    import pystac

    catalogue = pystac.Catalog(id="fields", description="static")
    catalogue.add_items(items(tmp_path / "data"))
    catalogue.normalize_hrefs(str(tmp_path / "stac"))
    catalogue.save(pystac.CatalogType.SELF_CONTAINED)
    series, _ = read(tmp_path / "stac", labels=labels)
    check(series)
    series, _ = read(tmp_path / "stac/catalog.json", labels=labels)
    check(series)


def test_without_labels_every_pixel(tmp_path: Path) -> None:
    series, _ = read(collection(tmp_path, items(tmp_path)))
    assert len(series) >= 120
    array = cube_factory.values()
    dark = series.reflectance[:, 0, 0].astype(int)
    assert sorted(dark[series.valid[:, 0]].tolist()) == sorted(array[0, 0].ravel().tolist())


@pytest.mark.parametrize(
    ("properties", "shift", "text"),
    [
        ({"s2:processing_baseline": "04.00"}, 1000, "-1000 on all 4 dates, from metadata"),
        (
            {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": True},
            0,
            "none, from metadata",
        ),
        ({"s2:processing_baseline": "03.01"}, 0, "none, from metadata"),
    ],
)
def test_the_offset_of_an_item(
    tmp_path: Path, labels: Path, properties: dict[str, Any], shift: int, text: str
) -> None:
    found = items(tmp_path, shift=shift, year=2022, **properties)
    series, reading = read(collection(tmp_path, found), labels=labels)
    assert reading.summary.facts["baseline_offset"] == text
    check(series)


def test_a_flag_against_the_values_is_asked_about(tmp_path: Path, labels: Path) -> None:
    flags = {"s2:processing_baseline": "05.11", "earthsearch:boa_offset_applied": False}
    place = collection(tmp_path, items(tmp_path, year=2023, **flags))
    with pytest.raises(DataError, match=r"contradict each other .*found 4 dates .*taken off alrea"):
        read(place, labels=labels)
    series, reading = read(place, labels=labels, baseline_offset="values")
    check(series)
    assert reading.summary.facts["baseline_offset"].startswith("none, already taken off")
    overcast = collection(tmp_path, items(tmp_path, shift=1000, year=2022))
    with pytest.raises(DataError, match=r"baseline 04\.00 \(January 2022\) is not clear; in item"):
        read(overcast, labels=labels)


def test_tiles_of_one_day_are_one_date(tmp_path: Path, labels: Path) -> None:
    import pystac

    found = items(tmp_path)
    half = cube_factory.values()[1].copy()
    for key, layer, band in zip(("blue", "red", "nir08"), half, BANDS, strict=True):
        left, right = layer.copy(), layer.copy()
        left[:, 5:], right[:, :5] = 0, 0
        found[1].assets[key].href = str(write_tif(tmp_path / f"l_{band}.tif", left[None], nodata=0))
        write_tif(tmp_path / f"r_{band}.tif", right[None], nodata=0)
    other = found[1].clone()
    other.id = "S2A_other"
    for key, band in zip(("blue", "red", "nir08"), BANDS, strict=True):
        other.assets[key] = pystac.Asset(str(tmp_path / f"r_{band}.tif"))
    series, reading = read(collection(tmp_path, [*found, other]), labels=labels)
    check(series)
    assert reading.summary.facts["items"] == "5"


class _Server(BaseHTTPRequestHandler):
    """As much of a STAC API as a search needs."""

    def __init__(self, found: list[dict[str, Any]], asked: list[Any], *rest: Any) -> None:
        self.found, self.asked = found, asked
        super().__init__(*rest)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def answer(self, content: dict[str, Any]) -> None:
        """Sends JSON."""
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/geo+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """The landing page."""
        host = f"http://127.0.0.1:{self.server.server_address[1]}"  # type: ignore[index]
        core = "https://api.stacspec.org/v1.0.0/"
        self.answer(
            {
                "type": "Catalog",
                "id": "local",
                "description": "local",
                "stac_version": "1.0.0",
                "conformsTo": [core + "core", core + "item-search"],
                "links": [
                    {"rel": "self", "href": host + "/"},
                    {"rel": "root", "href": host + "/"},
                    {
                        "rel": "search",
                        "href": host + "/search",
                        "type": "application/geo+json",
                        "method": "POST",
                    },
                ],
            }
        )

    def do_POST(self) -> None:
        """A search."""
        length = int(self.headers["Content-Length"])
        self.asked.append(json.loads(self.rfile.read(length)))
        self.answer({"type": "FeatureCollection", "features": self.found, "links": []})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[Any]]]:
    asked: list[Any] = []
    found = [item.to_dict(transform_hrefs=False) for item in items(tmp_path)]
    handler = partial(_Server, found, asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/", asked
        running.shutdown()
        thread.join()


def test_a_server_is_asked_for_the_labels_place_and_year(
    server: tuple[str, list[Any]], labels: Path
) -> None:
    url, asked = server
    series, _ = read(Path(url), labels=labels, year=2018)
    check(series)
    assert asked[0]["collections"] == ["sentinel-2-l2a"]
    assert asked[0]["bbox"] == pytest.approx([3.00014, 50.55105, 3.00113, 50.55196], abs=2e-4)
    assert asked[0]["datetime"].startswith("2018-01-01")
    with pytest.raises(WindrowError, match=r"asked for a place in a year; in http://127"):
        read(Path(url))


def test_what_is_refused(tmp_path: Path, labels: Path) -> None:
    found = items(tmp_path)
    del found[2].assets["red"]
    with pytest.raises(DataError, match=r"another number of bands; .*S2A_2018-05-11; .*B04 too"):
        read(collection(tmp_path, found), labels=labels)
    found = items(tmp_path)
    Path(found[2].assets["red"].href).unlink()
    with pytest.raises(DataError, match="an asset cannot be read; in item S2A_2018-05-11"):
        read(collection(tmp_path, found), labels=labels)
    found = items(tmp_path)
    found[1].properties["proj:epsg"] = 32632
    with pytest.raises(DataError, match=r"several projections; .*EPSG:32631, EPSG:32632"):
        read(collection(tmp_path, found), labels=labels)
    with pytest.raises(DataError, match=r"cannot be read; in http://127\.0\.0\.1:9"):
        read(Path("http://127.0.0.1:9/"), labels=labels, year=2018)
