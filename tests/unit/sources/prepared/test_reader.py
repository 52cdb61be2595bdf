import pickle
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from windrow.data.series import NO_DATA
from windrow.data.store.store import Store
from windrow.errors import BandError, DataError, SettingsError, WindrowError
from windrow.pipelines.ingest import ingest
from windrow.sources.reader import IngestOptions
from windrow.sources.registry import recognise

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

NUM, DATES, DAYS = 30, 9, 20
START = datetime(2018, 1, 1, 10, tzinfo=UTC)


def dates_pickle(folder, *, name="sentinel", num=DATES, every=5, start=START):
    path = folder / f"time_stamp_{name}_list.pkl"
    path.write_bytes(pickle.dumps([start + timedelta(days=every * i) for i in range(num)]))
    return path


def arrays(seed=0):
    draw = np.random.default_rng(seed)
    bands = draw.integers(1, 9_000, (NUM, DATES, 12)).astype(np.float32)
    level = draw.uniform(500, 5_000, (NUM, DAYS, 4, 1))  # nine pixels of a window are alike
    planet = np.rint(level * draw.uniform(0.98, 1.02, (NUM, DAYS, 4, 9))).astype(np.float32)
    return bands, planet


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    dates_pickle(path)
    dates_pickle(path, name="planet", num=DAYS, every=1)
    return path


def write(path, **data):
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            file[name] = values
    return path


LAYOUTS = {
    "series first": lambda planet: planet,
    "days first, pixel by pixel": lambda p: p.transpose(1, 2, 0, 3).reshape(DAYS, 4, NUM * 9),
    "days first, window by window": lambda p: p.transpose(1, 2, 3, 0).reshape(DAYS, 4, 9 * NUM),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_old_and_new_layout_give_the_same(folder, tmp_path, layout):
    bands, planet = arrays()
    path = write(
        folder / "pretraining_time2.h5", sentinel2_data=bands, planet_data=LAYOUTS[layout](planet)
    )
    assert recognise(folder).name == "prepared_h5"
    found = ingest(path, out=tmp_path / "store")
    series = Store(tmp_path / "store").series()
    np.testing.assert_array_equal(series.reflectance, bands)
    np.testing.assert_array_equal(series.planetscope, planet.reshape(NUM, DAYS, 36))
    assert series.day_of_year[3].tolist() == [5 * i for i in range(DATES)]
    assert series.planetscope_day.tolist() == list(range(DAYS))
    assert series.cloud_probability is None
    assert series.label is None
    assert (series.year == 2018).all()
    assert f"planetscope: {DAYS} days, {layout}" in found.lines
    assert "field: not known: a split cannot be checked for leakage" in found.lines
    assert "cloud: not known: the cloud loss is off" in found.lines


def test_labelled_series(folder, tmp_path):
    bands, _ = arrays()
    labels = (np.arange(NUM) % 10).reshape(NUM, 1)
    bands[4, 2] = 0
    bands[5, 3, 1] = np.nan
    bands[6] = np.nan
    write(folder / "validation_train_sentinel_ts.hdf5", time_series=bands, crop_labels=labels)
    found = ingest(folder, out=tmp_path / "store")
    series = Store(tmp_path / "store").series()
    kept = np.arange(NUM) != 6
    assert series.label.tolist() == (labels[kept, 0] - 1).tolist()
    assert series.id.tolist() == np.flatnonzero(kept).tolist()
    assert not series.valid[4, 2]
    assert not series.valid[5, 3]
    assert series.valid.sum() == 29 * DATES - 2
    assert "content: task 2, training" in found.lines
    assert "dates assumed: task 2 is of 2019, but the record's dates are these" in found.lines
    assert "1 series without a usable date left out" in found.lines


def test_a_random_share_and_missing_planetscope(folder, tmp_path):
    bands, planet = arrays()
    planet[:, 3, :, 4] = np.nan
    planet[:, 4, :, 5] = 0
    write(folder / "pretraining_time2.h5", sentinel2_data=bands, planet_data=planet)
    ingest(folder, out=tmp_path / "store", options=IngestOptions(num_series=7, seed=1))
    series = Store(tmp_path / "store").series()
    assert len(series) == 7
    np.testing.assert_array_equal(series.reflectance, bands[series.id])
    values = series.planetscope.reshape(7, DAYS, 4, 9)
    assert (values[:, 3, :, 4] == NO_DATA).all()
    assert (values[:, 4, :, 5] == NO_DATA).all()
    assert (values != NO_DATA).sum() == 7 * (DAYS * 36 - 8)


def test_mistakes(folder, tmp_path, monkeypatch):
    bands, planet = arrays()
    path = folder / "pretraining_time2.h5"

    def refused(match, kind=DataError, **options):
        with pytest.raises(kind, match=match):
            ingest(path, out=tmp_path / "store", options=IngestOptions(**options))
        assert not (tmp_path / "store").exists()

    write(path, sentinel2_data=bands, planet_data=planet[:, :, :3])
    refused(r"PlanetScope series have another shape; in .*time2.h5; found planet_data \(30, 20, 3")
    write(path, sentinel2_data=bands[:, :, :10])
    refused(r"another shape; in .*time2.h5; found sentinel2_data \(30, 9, 10\)", BandError)
    write(path, other=bands)
    refused(r"none of the prepared files; in .*; found data sets other")
    write(path, sentinel2_data=bands[:, :5])
    refused(r"dates and the series do not fit; in .*sentinel_list.pkl; found 9 dates; expected 5")
    write(path, sentinel2_data=bands)
    refused(r"a date lies outside the year; in .*sentinel_list.pkl; found 2018", year=2019)
    refused(r"--pairing does not concern the prepared files", SettingsError, pairing="corner")
    bands[3, 3, 3] = -9999
    write(path, sentinel2_data=bands)
    found = ingest(path, out=tmp_path / "one")
    assert "1 observations out of range made invalid" in found.lines
    assert not Store(tmp_path / "one").series().valid[3, 3]
    bands[3:6] = -9999
    write(path, sentinel2_data=bands)
    refused(r"out of range, so the scale is wrong; in .*time2.h5; found 10.0% .*most often -9999")
    write(path, time_series=bands[:3], crop_labels=np.array([[1], [10], [2]]))
    refused(r"an unknown crop code; in .*, row 1; found 10; expected 1 to 9")
    hostile, planet_dates = b"cos\nsystem\n(S'true'\ntR.", folder / "time_stamp_planet_list.pkl"
    whole = planet_dates.read_bytes()
    planet_dates.write_bytes(hostile)
    write(path, sentinel2_data=arrays()[0], planet_data=planet)
    refused(r"the pickle is refused; in .*time_stamp_planet_list.pkl; found it asks for os.system")
    planet_dates.write_bytes(whole)
    (folder / "time_stamp_sentinel_list.pkl").write_bytes(hostile)
    refused(
        r"the pickle is refused; in .*time_stamp_sentinel_list.pkl; found it asks for os.system"
    )
    (folder / "time_stamp_sentinel_list.pkl").unlink()
    refused(r"the dates are missing; in .*; expected time_stamp_sentinel_list.pkl beside it")
    path.write_bytes(path.read_bytes()[:600])
    refused(r"the HDF5 file cannot be read; in .*time2.h5; found")
    write(folder / "train_sentinel_ts.hdf5", time_series=bands)
    with pytest.raises(SettingsError, match=r"several prepared files here.*time2.h5 \(pre-train"):
        ingest(folder, out=None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    refused(
        r"HDF5 files need the package h5py; to mend it: pip install 'windrow\[hdf5\]'", WindrowError
    )
