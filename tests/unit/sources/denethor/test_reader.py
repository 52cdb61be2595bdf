import json
import pickle
import zipfile

import numpy as np
import pytest

pytest.importorskip("rasterio", reason="rasterio is not installed")

from denethor_files import (
    FINE,
    SIDE,
    Tile,
    bounds,
    npy,
    write_cooperative,
    write_original,
    write_radiant,
    write_raster,
)
from windrow.data.legend import DENETHOR
from windrow.data.planetscope_windows import planetscope_window
from windrow.data.series import NO_DATA
from windrow.data.store.store import Store
from windrow.errors import DataError
from windrow.pipelines.ingest import ingest
from windrow.sources.reader import IngestOptions
from windrow.sources.registry import recognise


def write_unpacked(root, tile):
    """Layout (a) with the archive unpacked, its arrays still compressed."""
    archive = write_original(root, tile)
    with zipfile.ZipFile(archive) as file:
        file.extractall(archive.parent)
    archive.unlink()


LAYOUTS = {
    "a-unpacked": write_unpacked,
    "a": write_original,
    "a-33N": lambda root, tile: write_original(root, tile, tree="33N", compressed=False),
    "b": write_radiant,
    "c": write_cooperative,
}


def stored(path, tmp_path, **options):
    found = ingest(path, out=tmp_path / "store", options=IngestOptions(**options))
    return Store(tmp_path / "store").series(), "\n".join(found.lines)


def check_against(tile, series, *, pairing="corner"):
    """Every value against the arrays that were written."""
    at = tile.field_at()
    row, column = series.id % 10**9 // 10_000, series.id % 10_000
    num = tile.num_dates
    np.testing.assert_array_equal(
        series.reflectance[:, :num], tile.bands[:, row, column].swapaxes(0, 1)
    )
    np.testing.assert_array_equal(
        series.cloud_probability[:, :num], tile.clouds[:, row, column, 0].T
    )
    days = [stamp.timetuple().tm_yday - 1 for stamp in tile.dates]
    assert series.day_of_year[0, :num].tolist() == days
    assert series.valid[:, :num].all()
    assert not series.valid[:, num:].any()
    np.testing.assert_array_equal(series.field_id % 10**7, at[row, column])
    crop = {parcel["fid"]: parcel["crop_id"] for parcel in tile.parcels}
    assert [DENETHOR.codes[label] for label in series.label] == [
        str(crop[field]) for field in (series.field_id % 10**7).tolist()
    ]
    assert set(series.year.tolist()) == {tile.year}
    if series.planetscope is not None:
        window = planetscope_window(row, column, size=FINE, pairing=pairing)
        wanted = tile.planetscope[:, :, *window].transpose(2, 0, 1, 3).reshape(len(row), -1, 36)
        np.testing.assert_array_equal(series.planetscope, wanted)
        assert series.planetscope_day.tolist() == [d.timetuple().tm_yday - 1 for d in tile.days]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_series(tmp_path, layout):
    tile = Tile()
    LAYOUTS[layout](tmp_path / "in", tile)
    assert recognise(tmp_path / "in").name == "denethor"
    series, text = stored(tmp_path / "in", tmp_path)
    assert len(series) == SIDE * SIDE
    check_against(tile, series)
    assert f"layout: ({layout[0]})" in text
    for part in (
        "tile: train, 33N/18E-242N",
        "year: 2018",
        "processing level: L2A",
        "sentinel2: 6 dates of 12 x 12 pixels",
        "planetscope: 4 files, daily, of 40 x 40 pixels of 3 m, 2018-01-01 to 2018-01-04",
        "bands: B01 B02",
        "scale: dn (detected)",
        "dates: 2018-01-03 to 2018-01-28",
        "12 parcels in the label file",
        "144 distinct pixels",
        "Wheat 36 series of 3 fields",
        "labels: ",
        "moved to EPSG:32633",
    ):
        assert part in text
    longitude, latitude = series.longitude, series.latitude
    assert (longitude > 13.8).all()
    assert (longitude < 13.9).all()
    assert latitude == pytest.approx(52.53, abs=0.01)
    assert not (tmp_path / ".store.scratch").exists()


def test_a_dry_run_writes_nothing(tmp_path):
    write_radiant(tmp_path / "in", Tile())
    before = sorted(tmp_path.rglob("*"))
    found = ingest(tmp_path / "in", out=None)
    assert sorted(tmp_path.rglob("*")) == before
    assert found.num_series is None
    assert "144 series" in found.lines


@pytest.mark.parametrize("same_root", ["a", "b"])
def test_both_tiles_become_one_store_or_one_is_chosen(tmp_path, same_root):
    train, test = Tile(), Tile("test", num_dates=8, seed=1)
    for tile in (train, test):
        LAYOUTS[same_root](tmp_path / "in", tile)
    series, text = stored(tmp_path / "in", tmp_path)
    second = series.id >= 10**12
    assert second.sum() == SIDE * SIDE
    assert series.num_dates == 8
    check_against(train, series.select(np.flatnonzero(~second)))
    check_against(test, series.select(np.flatnonzero(second)))
    assert len(np.unique(series.field_id)) == 24
    assert "train year: 2018" in text
    assert "test year: 2019" in text
    for number, name in enumerate(("test", "17E-243N", "33N/17E-243N", "33N_17E_243N")):
        out = tmp_path / f"one{number}"
        ingest(tmp_path / "in", out=out, options=IngestOptions(tile=name))
        check_against(test, Store(out).series())


def test_centred_pairing_and_clamped_edges(tmp_path):
    tile = Tile()
    write_radiant(tmp_path / "in", tile)
    series, text = stored(tmp_path / "in", tmp_path, pairing="centred")
    check_against(tile, series, pairing="centred")
    assert "pairing: centred (as given)" in text


def test_five_day_files(tmp_path):
    tile = Tile(every_days=5, num_days=73)
    write_radiant(tmp_path / "in", tile, product="source_planet_5day")
    series, text = stored(tmp_path / "in", tmp_path)
    check_against(tile, series)
    assert "73 files, every 5 days" in text
    daily = Tile(seed=5)
    write_radiant(tmp_path / "in", daily)
    for name, wanted, steps in (("auto", daily, 4), ("5day", tile, 73)):
        ingest(tmp_path / "in", out=tmp_path / name, options=IngestOptions(planetscope=name))
        found = Store(tmp_path / name).series()
        assert found.planetscope.shape[1] == steps
        row, column = found.id % 10**9 // 10_000, found.id % 10_000
        window = planetscope_window(row[:1], column[:1], size=FINE)
        np.testing.assert_array_equal(
            found.planetscope[0], wanted.planetscope[:, :, *window].reshape(steps, 36)
        )


def test_without_planetscope(tmp_path):
    tile = Tile()
    sentinel2 = write_radiant(tmp_path / "in", tile)
    bounds(sentinel2 / "bbox.pkl")
    series, text = stored(tmp_path / "in", tmp_path, planetscope="none")
    assert series.planetscope is None
    check_against(tile, series)
    assert "planetscope: none (as wanted)" in text
    assert "420000, 5820000 in EPSG:32633 (bbox.pkl)" in text


def test_dates_without_data_are_invalid_not_dark(tmp_path):
    tile = Tile()
    tile.bands = tile.bands.astype(np.float32)
    tile.bands[1, 0, 0] = 0
    tile.bands[2, 0, 0, 3] = np.nan
    tile.bands[:, 5, 5] = np.nan
    write_radiant(tmp_path / "in", tile)
    series, text = stored(tmp_path / "in", tmp_path)
    assert len(series) == SIDE * SIDE - 1
    assert 5 * 10_000 + 5 not in series.id
    first = int(np.flatnonzero(series.id == 0)[0])
    assert series.valid[first].tolist() == [True, False, False, True, True, True]
    assert (series.reflectance[~series.valid] == 0).all()
    assert series.valid.sum() == 143 * 6 - 2
    assert "1 series without a usable date left out" in text
    assert "8 dates of series without data made invalid" in text


def test_reflectance_and_bright_values(tmp_path):
    tile = Tile()
    whole = tile.bands.copy()
    tile.bands = (tile.bands / 10_000).astype(np.float32)
    tile.bands[0, 0, 0, 0] = 4.0
    write_original(tmp_path / "in", tile)
    with pytest.raises(Exception, match=r"the scale of reflectance is impossible.*BANDS.npy.gz"):
        ingest(tmp_path / "in", out=None)
    tile.bands[0, 0, 0, 0] = 2.4
    write_radiant(tmp_path / "b", tile)
    series, text = stored(tmp_path / "b", tmp_path)
    whole[0, 0, 0, 0] = 24_000
    tile.bands = whole
    check_against(tile, series)
    assert "scale: reflectance (detected)" in text
    tile.bands = whole.astype(np.uint16)
    tile.bands[0, 0, 0, 0] = 40_000
    write_radiant(tmp_path / "c", tile)
    found = ingest(tmp_path / "c", out=tmp_path / "bright")
    assert Store(tmp_path / "bright").series().reflectance.max() < 32_767
    assert "1 observations out of range made invalid" in found.lines


def test_is_data_and_unsorted_dates(tmp_path):
    tile = Tile()
    where = write_radiant(tmp_path / "in", tile)
    is_data = np.ones((6, SIDE, SIDE, 1), dtype=bool)
    is_data[3, 2, 2] = False
    (where / "is_data.npy").write_bytes(npy(is_data))
    order = [1, 0, 2, 3, 4, 5]
    (where / "timestamp.pkl").write_bytes(pickle.dumps([tile.dates[i] for i in order]))
    series, _ = stored(tmp_path / "in", tmp_path)
    position = int(np.flatnonzero(series.id == 2 * 10_000 + 2)[0])
    assert series.valid[position].tolist() == [True, True, True, False, True, True]
    np.testing.assert_array_equal(series.reflectance[0, 0], tile.bands[1, 0, 0])


def test_missing_planetscope_values_and_quality_bands(tmp_path):
    tile = Tile()
    tile.planetscope[0, :, 0, 0] = 0
    tile.planetscope[1, 0, 0, 0] = 0  # one dark band is a value
    write_original(tmp_path / "in", tile)
    quality = np.zeros((4, 9, FINE, FINE), dtype=np.uint8)
    quality[2, 0, 0, 1] = 1
    quality[3, 2, 0, 1] = 100
    for day, values in zip(tile.days, quality, strict=True):
        write_raster(tmp_path / "in/PlanetL3H/Train/PF-QA" / f"{day}.tif", values)
    series, text = stored(tmp_path / "in", tmp_path)
    values = series.planetscope[0].reshape(4, 4, 9)
    assert (values[0, :, [0, 1, 3, 4]] == NO_DATA).all()  # clamped to one pixel
    assert values[1, 0, 0] == 0
    assert (values != NO_DATA).sum() == 144 - 16
    assert "quality bands: not used" in text
    options = IngestOptions(quality_bands=(1, 3))
    found = ingest(tmp_path / "in", out=tmp_path / "with", options=options)
    values = Store(tmp_path / "with").series().planetscope[0].reshape(4, 4, 9)
    assert (values[2:, :, [2, 5]] == NO_DATA).all()
    assert (values != NO_DATA).sum() == 144 - 16 - 16
    assert "quality bands: bands 1, 3 above 0 make no data" in found.lines


def test_small_and_unlabelled_parcels_are_left_out_and_counted(tmp_path):
    tile = Tile()
    tile.parcels[0] |= {"area": 1_000.0}
    tile.parcels[1] |= {"area": 1_000.5}
    tile.parcels[2] |= {"crop_id": 0}
    far = tile.parcel(0, 50, rows=4, columns=4, crop=1, fid=999)
    tile.parcels.append(far)
    write_radiant(tmp_path / "in", tile)
    series, text = stored(tmp_path / "in", tmp_path)
    assert len(np.unique(series.field_id)) == 10
    assert tile.parcels[1]["fid"] in series.field_id
    for line in (
        "13 parcels in the label file",
        "1 parcels of at most 1000 m2 left out",
        "1 parcels with crop id 0 left out",
        "1 parcels off the tile or without a pixel centre",
    ):
        assert line in text.splitlines()


def test_a_random_sample_follows_the_seed(tmp_path):
    tile = Tile()
    write_radiant(tmp_path / "in", tile)
    ids = []
    for number, seed in enumerate((0, 0, 1)):
        options = IngestOptions(num_series=20, seed=seed)
        ingest(tmp_path / "in", out=tmp_path / str(number), options=options)
        series = Store(tmp_path / str(number)).series()
        check_against(tile, series)
        ids.append(series.id.tolist())
    assert len(ids[0]) == 20
    assert ids[0] == ids[1] != ids[2]
    same = [sorted((tmp_path / n).rglob("*")) for n in "01"]
    for one, other in zip(*same, strict=True):
        if one.is_file():
            assert one.read_bytes() == other.read_bytes()


def test_an_interrupted_ingest_leaves_no_store_and_goes_on(tmp_path, monkeypatch):
    import windrow.sources.denethor.tile as module

    tile = Tile()
    write_radiant(tmp_path / "in", tile)
    whole = module.read_day
    read = []

    def fails(stack, step, plan):
        if step == 2 and len(read) == 2:
            read.append("failed")
            raise KeyboardInterrupt
        read.append(step)
        return whole(stack, step, plan)

    monkeypatch.setattr(module, "read_day", fails)
    with pytest.raises(KeyboardInterrupt):
        ingest(tmp_path / "in", out=tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert len(list((tmp_path / ".store.scratch/train").iterdir())) == 6 + 2
    series, _ = stored(tmp_path / "in", tmp_path)
    check_against(tile, series)
    assert read == [0, 1, "failed", 2, 3]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "store"]


def test_a_changed_source_is_read_again(tmp_path):
    tile = Tile()
    write_radiant(tmp_path / "in", tile)
    options = IngestOptions(scratch=tmp_path / "scratch")
    ingest(tmp_path / "in", out=tmp_path / "one", options=options)
    assert len(list((tmp_path / "scratch/train").iterdir())) == 10
    tile.planetscope[1] += 1
    path = next((tmp_path / "in").glob(f"*source_planet/*{tile.days[1]}/sr.tif"))
    path.unlink()
    write_raster(path, tile.planetscope[1], compress="deflate")
    ingest(tmp_path / "in", out=tmp_path / "two", options=options)
    check_against(tile, Store(tmp_path / "two").series())
    assert len(list((tmp_path / "scratch/train").iterdir())) == 10


def test_provenance_holds_no_path(tmp_path):
    write_radiant(tmp_path / "in", Tile())
    stored(tmp_path / "in", tmp_path)
    attributes = json.loads((tmp_path / "store" / "zarr.json").read_text())["attributes"]
    assert str(tmp_path) not in json.dumps(attributes)
    assert attributes["provenance"]["product"] == "denethor"
    assert attributes["provenance"]["layout"] == "b"
    assert attributes["provenance"]["pairing"] == "corner"
    assert attributes["processing_level"] == "L2A"


def test_files_that_do_not_name_their_tile_belong_to_the_only_one(tmp_path):
    tile = Tile()
    where = write_radiant(tmp_path / "in", tile)
    for path in sorted(where.iterdir()):
        path.rename(tmp_path / "in" / path.name)
    series, text = stored(tmp_path / "in", tmp_path)
    check_against(tile, series)
    assert "tile: train" in text
    write_radiant(tmp_path / "in", Tile("test"))
    with pytest.raises(
        DataError, match=r"some files do not say to which tile they belong; in .*in"
    ):
        ingest(tmp_path / "in", out=None)


def test_the_folder_itself_may_name_the_tile(tmp_path):
    tile = Tile("test")
    write_original(tmp_path / "in", tile)
    home = tmp_path / "in/PlanetL3H/Test"
    archive = tmp_path / "in/S2/test/s2_test.zip"
    (home / "S2").mkdir()
    archive.rename(home / "S2" / "s2_.zip")
    with zipfile.ZipFile(home / "S2" / "s2_.zip") as file:
        file.extractall(home / "S2")
    (tmp_path / "in/crops_test_2019.geojson").rename(home / "labels.geojson")
    found = ingest(home, out=tmp_path / "one")
    check_against(tile, Store(tmp_path / "one").series())
    assert "tile: test, 33N/17E-243N" in found.lines


def test_a_streamed_cube_goes_on_in_the_middle(tmp_path, monkeypatch):
    from windrow.sources.formats.day_files import DayFiles

    tile = Tile()
    write_original(tmp_path / "in", tile)
    whole = DayFiles.write
    written = []

    def fails(self, step, values):
        if len(written) == 3:
            written.append("failed")
            raise KeyboardInterrupt
        written.append(step)
        whole(self, step, values)

    monkeypatch.setattr(DayFiles, "write", fails)
    with pytest.raises(KeyboardInterrupt):
        ingest(tmp_path / "in", out=tmp_path / "store")
    seen = []
    ingest(tmp_path / "in", out=tmp_path / "store", on_progress=lambda *s: seen.append(s))
    check_against(tile, Store(tmp_path / "store").series())
    assert written == [0, 1, 2, "failed", 3, 4, 5, 0, 1, 2, 3]
    assert seen == [(done, 10) for done in range(4, 11)]
