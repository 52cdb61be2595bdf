"""Each mistake in a tile has a message of its own, which names the file."""

import gzip
import json
import os
import pickle
import stat
import sys
import zipfile

import numpy as np
import pytest

from denethor_files import (
    FINE,
    SIDE,
    WEST,
    Tile,
    bounds,
    npy,
    write_original,
    write_radiant,
    write_raster,
)
from windrow.errors import WindrowError
from windrow.pipelines.ingest import ingest
from windrow.sources.formats.archives import zip_members
from windrow.sources.reader import IngestOptions

pytest.importorskip("rasterio", reason="rasterio is not installed")


@pytest.fixture
def refused(tmp_path):
    """Whether a folder is refused with a message, and nothing is left but the folder."""

    def check(root, match, **options):
        with pytest.raises(WindrowError, match=match):
            ingest(root, out=tmp_path / "out" / "store", options=IngestOptions(**options))
        assert not (tmp_path / "out" / "store").exists()

    return check


def day_file(root, day):
    return next(root.glob(f"*source_planet*/*{day}/sr.tif"))


def change_labels(root, change):
    path = next(root.rglob("*.geojson"))
    collection = json.loads(path.read_text())
    change(collection)
    path.write_text(json.dumps(collection))


def radiant(tmp_path, **changes):
    tile = Tile(**changes)
    return tile, tmp_path / "in", write_radiant(tmp_path / "in", tile)


def test_a_missing_day_in_the_middle(tmp_path, refused):
    tile, root, _ = radiant(tmp_path)
    day_file(root, tile.days[2]).unlink()
    refused(
        root, r"the file of 2018-01-03 is missing; in .*found .*_2018-01-02/sr.tif, then 2 days"
    )


def test_a_truncated_geotiff(tmp_path, refused):
    tile, root, _ = radiant(tmp_path)
    path = day_file(root, tile.days[1])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(root, r"the GeoTIFF cannot be read; in .*2018-01-02/sr.tif.*damaged or cut short")
    path.write_bytes(whole[:100])
    refused(root, r"the GeoTIFF cannot be read; in .*2018-01-02/sr.tif")
    path.write_bytes(b"")
    refused(root, r"the GeoTIFF cannot be read; in .*2018-01-02/sr.tif")


def test_two_files_for_one_day(tmp_path, refused):
    tile, root, _ = radiant(tmp_path)
    write_raster(root / "33N/18E-242N/PF-SR/2018-01-02.tif", tile.planetscope[1])
    refused(root, r"two files for one day, 2018-01-02; in .*sr.tif; found also .*PF-SR/2018-01-02")


def test_labels_that_do_not_overlap(tmp_path, refused):
    tile = Tile()
    tile.parcels = [tile.parcel(0, 5_000, rows=4, columns=4, crop=1)]
    write_radiant(tmp_path / "in", tile)
    refused(
        tmp_path / "in", r"no parcel lies on the tile; in .*labels.geojson; found 1 parcels in EPSG"
    )


def test_another_reference_system(tmp_path, refused):
    tile, root, where = radiant(tmp_path)
    path = day_file(root, tile.days[3])
    path.unlink()
    write_raster(path, tile.planetscope[3], crs="EPSG:32632")
    refused(
        root, r"another reference system; in .*01-04/sr.tif; found EPSG:32632; expected EPSG:32633"
    )
    path.unlink()
    write_raster(path, tile.planetscope[3])
    bounds(where / "bbox.pkl", epsg="32632")
    refused(root, r"different reference systems; in .*01-01/sr.tif; found EPSG:32633; expected")
    bounds(where / "bbox.pkl", west=WEST + 50)
    refused(
        root, r"do not cover the same ground; in .*01-01/sr.tif; found 40 x 40 of 3 m at 420000"
    )
    bounds(where / "bbox.pkl", side=2 * SIDE)
    refused(
        root, r"the bounding box does not fit the cube; in .*bands.npy; found pixels of 20 x 20"
    )


def test_another_band_count(tmp_path, refused):
    tile, root, where = radiant(tmp_path)
    path = day_file(root, tile.days[0])
    path.unlink()
    write_raster(path, tile.planetscope[0, :3])
    refused(
        root, r"another number of bands; in .*01-01/sr.tif; found 3; expected 4: blue green red"
    )
    (where / "bands.npy").write_bytes(npy(tile.bands[..., :10]))
    refused(
        root, r"the cube has another number of bands; in .*bands.npy; found 10; expected 12: B01"
    )


def test_another_size_place_or_type(tmp_path, refused):
    tile, root, where = radiant(tmp_path)
    path = day_file(root, tile.days[1])
    for values, options, match in (
        (tile.planetscope[1, :, :30], {}, r"another size or place.*found 30 x 40 of 3 m"),
        (tile.planetscope[1], {"west": WEST + 3}, r"another size or place.*at 420003"),
        (tile.planetscope[1] / np.float32(1e4), {}, r"mixes scales.*found float32"),
    ):
        path.unlink()
        write_raster(path, values, **options)
        refused(root, match)
    (where / "clp.npy").write_bytes(npy(tile.clouds[:, :5]))
    refused(root, r"two arrays of one cube differ in size; in .*clp.npy; found \(6, 5, 12, 1\)")


def test_labels_without_crop_ids_or_with_an_unknown_one(tmp_path, refused):
    _, root, _ = radiant(tmp_path)
    change_labels(root, lambda c: c["features"][4]["properties"].update(crop_id=12))
    refused(
        root, r"an unknown crop code; in .*labels.geojson, parcel 49; found 12; expected 1 Wheat"
    )
    change_labels(root, lambda c: c["features"][4]["properties"].pop("crop_id"))
    refused(
        root, r"lacks crop ids; in .*labels.geojson, parcel 49; .*expected a property 'crop_id'"
    )
    change_labels(root, lambda c: c["features"].clear())
    refused(root, r"the label file has no parcel; in .*labels.geojson")
    path = next(root.rglob("*.geojson"))
    path.write_text("{")
    refused(root, r"the labels cannot be read; in .*labels.geojson")
    path.write_text("[]")
    refused(root, r"the labels are no GeoJSON; in .*labels.geojson")
    path.unlink()
    refused(root, r"the train tile has no label files; in .*in; expected labels.geojson")


def test_other_faults_of_labels(tmp_path, refused):
    _, root, _ = radiant(tmp_path)
    point = {"type": "Point", "coordinates": [1, 2]}
    change_labels(root, lambda c: c["features"][0].update(geometry=point))
    refused(root, r"a parcel is no polygon; in .*labels.geojson; found Point")
    change_labels(root, lambda c: c["features"].pop(0))
    change_labels(root, lambda c: c["features"][1]["properties"].update(fid=49))
    refused(root, r"a parcel's fid stands twice; in .*labels.geojson; found 49")
    change_labels(root, lambda c: c["features"][1]["properties"].update(fid=1_000))
    change_labels(root, lambda c: c["crs"]["properties"].update(name="EPSG:999999"))
    refused(root, r"reference system is unknown; in .*labels.geojson")


def test_dates_outside_the_year(tmp_path, refused):
    tile, root, where = radiant(tmp_path)
    dates = [*tile.dates[:-1], tile.dates[-1].replace(year=2019)]
    (where / "timestamp.pkl").write_bytes(pickle.dumps(dates))
    refused(
        root, r"a date lies outside the year; in .*timestamp.pkl; found 2019-01-28; expected 2018"
    )
    (where / "timestamp.pkl").write_bytes(pickle.dumps(tile.dates[:-1]))
    refused(root, r"the dates and the cube do not fit; in .*timestamp.pkl; found 5 dates and 6 im")
    (where / "timestamp.pkl").write_bytes(tile.stamps())
    folder = day_file(root, tile.days[0]).parent
    folder.rename(folder.with_name(folder.name.replace("2018-01-01", "2019-01-01")))
    refused(
        root, r"a date lies outside the year; in .*2019-01-01/sr.tif; found 2019-01-01; expected"
    )
    other = folder.with_name(folder.name.replace("2018-01-01", "2018-13-01"))
    folder.with_name(folder.name.replace("2018-01-01", "2019-01-01")).rename(other)
    refused(root, r"a file's date does not exist; in .*2018-13-01/sr.tif")
    refused(root, r"a file's date does not exist", year=2019)


def test_mixed_and_impossible_scales(tmp_path, refused):
    tile = Tile()
    tile.bands = tile.bands.astype(np.float32)
    tile.bands[4] /= 10_000
    where = write_radiant(tmp_path / "in", tile)
    refused(
        tmp_path / "in",
        r"the scale of reflectance is mixed; in .*bands.npy, date 2018-01-23; found reflectance",
    )
    tile.bands[4] = -9999
    (where / "bands.npy").write_bytes(npy(tile.bands))
    refused(tmp_path / "in", r"out of range, so the scale is wrong; in .*bands.npy; found \d+\.\d%")
    refused(tmp_path / "in", r"do not fit the scale 'reflectance'; in .*bands", scale="reflectance")
    (where / "clp.npy").write_bytes(npy(tile.clouds.astype(np.int16) + 100))
    tile.bands[4] = 500
    (where / "bands.npy").write_bytes(npy(np.abs(tile.bands)))
    refused(tmp_path / "in", r"a cloud value is out of range; in .*clp.npy, date 2018-01-03; found")


def test_damaged_arrays(tmp_path, refused):
    tile, root, where = radiant(tmp_path)
    whole = (where / "bands.npy").read_bytes()
    (where / "bands.npy").write_bytes(whole[:-1000])
    refused(root, r"the array is cut short; in .*bands.npy; found [\d,]+ of [\d,]+ bytes")
    (where / "bands.npy").write_bytes(b"nothing of the kind")
    refused(root, r"the array cannot be read; in .*bands.npy")
    (where / "bands.npy").write_bytes(npy(tile.bands[0, 0]))
    refused(root, r"the array has other dimensions; in .*bands.npy; found \(12, 12\)")
    (where / "bands.npy").unlink()
    refused(root, r"the train tile has no Sentinel-2 bands; in .*found clp, timestamp")
    (where / "bands.npy.gz").write_bytes(gzip.compress(whole)[:-3000])
    refused(root, r"(damaged or )?cut short; in .*bands.npy.gz")
    objects = np.empty(3, dtype=object)
    objects[:] = [Hostile(tmp_path / "ran")] * 3
    (where / "bands.npy.gz").unlink()
    np.save(where / "bands.npy", objects, allow_pickle=True)
    refused(root, r"the array holds no numbers; in .*bands.npy; found object")
    assert not (tmp_path / "ran").exists()


class Hostile:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("name", ["timestamp.pkl", "bbox.pkl"])
def test_hostile_pickles(tmp_path, refused, name):
    _, root, where = radiant(tmp_path)
    (where / name).write_bytes(pickle.dumps(Hostile(tmp_path / "ran")))
    refused(root, rf"the pickle is refused; in .*{name}; found it asks for (posix|os).system")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../out.npy", "/etc/x", "data/../../x", "C:\\x", "..\\x", "\\x"])
def test_zip_members_that_leave_the_folder(tmp_path, refused, name):
    archive = write_original(tmp_path / "in", Tile())
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, b"")
    refused(tmp_path / "in", r"a member would leave the folder; in .*s2_train.zip; found")


def test_zip_links_and_damaged_archives(tmp_path, refused):
    archive = write_original(tmp_path / "in", Tile())
    link = zipfile.ZipInfo("data/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")
    refused(tmp_path / "in", r"a member of the archive is a link; in .*s2_train.zip")
    archive.write_bytes(archive.read_bytes()[:-200])
    refused(tmp_path / "in", r"the archive cannot be read; in .*s2_train.zip")
    assert [p.name for p in archive.parent.iterdir()] == ["s2_train.zip"]


def test_quality_files(tmp_path, refused):
    tile = Tile()
    write_original(tmp_path / "in", tile)
    quality = np.zeros((2, FINE, FINE), dtype=np.uint8)
    for day in tile.days[1:]:
        write_raster(tmp_path / f"in/PlanetL3H/Train/PF-QA/{day}.tif", quality)
    refused(tmp_path / "in", r"a quality file is missing; .*qa of 2018-01-01", quality_bands=(1,))
    write_raster(tmp_path / "in/PlanetL3H/Train/PF-QA/2018-01-01.tif", quality)
    refused(
        tmp_path / "in", r"no such band; in .*PF-QA/2018-01-01.tif; found 2", quality_bands=(3,)
    )


def test_choices_that_do_not_fit(tmp_path, refused, monkeypatch):
    _, root, _ = radiant(tmp_path)
    refused(root, r"no tile 'test' here; in .*; found train", tile="test")
    refused(root, r"--protocol nine does not concern DENETHOR", protocol="nine")
    refused(
        root, r"which part of task1 to write; found no --part; expected pretr", protocol="task1"
    )
    refused(
        root, r"protocol task2 is of the test tile; .*train tile", protocol="task2", part="train"
    )
    refused(root, r"no 5day PlanetScope file", planetscope="5day")
    refused(root, r"--sort-dates does not concern DENETHOR", sort_dates=True)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    refused(
        root, r"GeoTIFFs need the package rasterio; to mend it: pip install 'windrow\[rasters\]'"
    )


def test_zip_members_are_streamed_not_unpacked(tmp_path):
    archive = write_original(tmp_path / "in", Tile())
    assert sorted(place.name for place in zip_members(archive)) == [
        "BANDS.npy.gz",
        "CLP.npy.gz",
        "timestamp.pkl",
    ]
    before = sorted(tmp_path.rglob("*"))
    ingest(tmp_path / "in", out=tmp_path / "store")
    after = {p for p in tmp_path.rglob("*") if tmp_path / "store" not in (p, *p.parents)}
    assert sorted(after) == before
