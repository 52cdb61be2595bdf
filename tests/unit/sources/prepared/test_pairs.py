"""Pairs of one date: the order of the rows told from the values, given, or asked for."""

import pickle
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from windrow.data.batches.contrastive import PixelPairs
from windrow.data.normalization import Normalization
from windrow.data.series import NO_DATA
from windrow.data.store.store import Store
from windrow.errors import BandError, DataError, SettingsError
from windrow.pipelines.ingest import ingest
from windrow.simulation import SCENARIOS, simulate_pixels
from windrow.sources.prepared.pairs import explained_by_groups
from windrow.sources.reader import IngestOptions
from windrow.sources.registry import recognise

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

DATES, PIXELS = 12, 400
START = datetime(2018, 1, 3, 10, tzinfo=UTC)
DAYS = [2 + 5 * date for date in range(DATES)]


def pairs(order, *, seed=0, weather=0.3, pixels=PIXELS, dates=DATES):
    """Values of pixels (rows) at dates that share weather, in one of the two orders."""
    draw = np.random.default_rng(seed)
    day = np.exp(draw.normal(0, weather, (1, dates, 1)))
    ground = draw.uniform(600, 3_000, (pixels, 1, 12))
    bands = np.rint(ground * day * draw.uniform(0.9, 1.1, (pixels, dates, 12)))
    planet = np.rint(draw.uniform(500, 4_000, (pixels, dates, 4, 9)))
    if order == "date":
        bands, planet = bands.swapaxes(0, 1), planet.swapaxes(0, 1)
    return bands.reshape(-1, 12).astype("f4"), planet.reshape(-1, 4, 9).astype("f4")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    stamps = [START + timedelta(days=5 * date) for date in range(DATES)]
    (path / "time_stamp_sentinel_list.pkl").write_bytes(pickle.dumps(stamps))
    return path


def write(folder, **data):
    with h5py.File(folder / "pretraining_point2.h5", "w") as file:
        for name, values in data.items():
            file[name] = values
    return folder / "pretraining_point2.h5"


def date_and_pixel(rows, order):
    if order == "date":
        return rows // PIXELS, rows % PIXELS
    return rows % DATES, rows // DATES


@pytest.mark.parametrize("order", ["date", "pixel"])
def test_the_order_is_told_from_the_values(folder, tmp_path, order):
    bands, planet = pairs(order)
    bands[7] = 0
    bands[9, 3] = np.nan
    planet[5, :, 4] = 0
    write(folder, sentinel2_data=bands, planet_data=planet)
    assert recognise(folder).name == "prepared_h5"
    found = ingest(folder, out=tmp_path / "store")
    series = Store(tmp_path / "store").series()
    kept = np.setdiff1d(np.arange(DATES * PIXELS), [7, 9])
    date, pixel = date_and_pixel(kept, order)
    assert series.id.tolist() == kept.tolist()
    assert series.num_dates == 1
    assert series.valid.all()
    np.testing.assert_array_equal(series.reflectance[:, 0], bands[kept])
    assert series.day_of_year[:, 0].tolist() == [DAYS[each] for each in date]
    assert series.field_id.tolist() == pixel.tolist()
    assert series.planetscope_day.tolist() == DAYS
    for row in range(len(series)):
        there = np.flatnonzero((series.planetscope[row] != NO_DATA).any(axis=1))
        assert there.tolist() == [date[row]]
    expected = planet[kept].reshape(-1, 36)
    expected[kept.tolist().index(5)][4::9] = NO_DATA
    np.testing.assert_array_equal(series.planetscope[np.arange(len(kept)), date], expected)
    assert series.cloud_probability is None
    (line,) = (line for line in found.lines if line.startswith("pair order"))
    assert line.startswith(f"pair order: {order} by {order}, told from the values: dates explain")
    assert "dates: 12, 2018-01-03 to 2018-02-27, 400 pairs each" in found.lines
    assert "2 pairs without data left out" in found.lines
    assert "planetscope: on the day of the pair alone" in found.lines


@pytest.mark.parametrize("order", ["date", "pixel"])
def test_simulated_pixels_tell_their_order(tmp_path, order):
    rows, columns = (index.ravel()[::29] for index in np.indices((60, 60)))
    scenario = SCENARIOS["brandenburg-2018"]
    series = simulate_pixels(scenario, seed=5, landscape=0, rows=rows, columns=columns)
    num = int(series.valid[0].sum())
    stamps = [datetime(2018, 1, 1, 10, tzinfo=UTC) + timedelta(days=int(d))
              for d in series.day_of_year[0, :num]]  # fmt: skip
    (tmp_path / "time_stamp_sentinel_list.pkl").write_bytes(pickle.dumps(stamps))
    bands = series.reflectance[:, :num]
    bands = bands.swapaxes(0, 1) if order == "date" else bands
    path = write(tmp_path, sentinel2_data=bands.reshape(-1, 12))
    assert any(
        f"pair order: {order} by {order}, told" in line for line in ingest(path, out=None).lines
    )


def test_a_random_share_of_many_blocks(folder, tmp_path, monkeypatch):
    from windrow.sources.prepared import pairs as prepared_pairs

    monkeypatch.setattr(prepared_pairs, "PAIRS_A_BLOCK", 100)
    monkeypatch.setattr(prepared_pairs, "SERIES_A_PART", 7)
    monkeypatch.setattr(prepared_pairs, "SAMPLED_PAIRS", 900)
    bands, planet = pairs("date")
    path = write(folder, sentinel2_data=bands, planet_data=planet)
    found = ingest(path, out=tmp_path / "store", options=IngestOptions(num_series=50, seed=3))
    series = Store(tmp_path / "store").series()
    assert len(set(series.id.tolist())) == 50
    np.testing.assert_array_equal(series.reflectance[:, 0], bands[series.id])
    assert series.day_of_year[:, 0].tolist() == [DAYS[i] for i in series.id // PIXELS]
    assert "4,800 pairs in the file" in found.lines
    options = IngestOptions(planetscope="none", pair_order="pixel", num_series=5)
    found = ingest(path, out=tmp_path / "other", options=options)
    assert Store(tmp_path / "other").series().planetscope is None
    assert any("as given" in line and "values look otherwise" in line for line in found.lines)


def test_mistakes(folder, tmp_path):
    def refused(match, kind=DataError, **options):
        with pytest.raises(kind, match=match):
            ingest(folder, out=tmp_path / "store", options=IngestOptions(**options))
        assert not (tmp_path / "store").exists()

    bands, planet = pairs("date")
    shuffled = np.random.default_rng(1).permutation(len(bands))
    write(folder, sentinel2_data=bands[shuffled])
    refused(
        r"which date each pair is of cannot be told; in .*point2.h5; found dates explain -?\d% of "
        r"the variance date by date, -?\d% pixel by pixel; to mend it: give --pair-order date or"
    )
    assert any(
        "pair order: date by date, as given" in line
        for line in ingest(folder, out=None, options=IngestOptions(pair_order="date")).lines
    )
    write(folder, sentinel2_data=bands[:-1])
    refused(
        r"the pairs and the dates do not fit; in .*point2.h5; found 4799 pairs; expected as many"
    )
    write(folder, sentinel2_data=bands[:, :10])
    refused(
        r"another number of bands; in .*point2.h5; found sentinel2_data \(4800, 10\)", BandError
    )
    write(folder, sentinel2_data=bands, planet_data=planet[:, :, :4])
    refused(r"PlanetScope pairs have another shape; in .*; found planet_data \(4800, 4, 4\)")
    write(folder, sentinel2_data=np.zeros_like(bands))
    refused(r"no pair has data; in .*point2.h5; found NaN or 0 everywhere")
    write(folder, sentinel2_data=bands)
    refused(r"a date lies outside the year; in .*sentinel_list.pkl; found 2018", year=2019)
    (folder / "time_stamp_sentinel_list.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    refused(r"the pickle is refused; in .*list.pkl; found it asks for os.system")
    (folder / "time_stamp_sentinel_list.pkl").unlink()
    refused(r"the dates are missing; in .*point2.h5; expected time_stamp_sentinel_list.pkl beside")
    with h5py.File(folder / "pretraining_point2.h5", "w") as file:
        file["sentinel2_data"] = bands.reshape(PIXELS, DATES, 12)
    refused(
        r"--pair-order does not concern series; in .*point2.h5", SettingsError, pair_order="date"
    )


def test_explained_share_against_a_loop():
    draw = np.random.default_rng(2)
    group = draw.integers(0, 5, 60)
    values = (group + draw.normal(0, 1, 60))[:, None]
    rank = np.argsort(np.argsort(values[:, 0])).astype(float)
    between = total = 0.0
    for each in range(5):
        inside = rank[group == each]
        between += len(inside) * (inside.mean() - rank.mean()) ** 2
    for one in rank:
        total += (one - rank.mean()) ** 2
    within = (total - between) / (60 - 5)
    expected = (between - 4 * within) / (total + within)
    assert explained_by_groups(values, group) == pytest.approx(expected)
    assert explained_by_groups(values[:0], group[:0]) == 0
    assert explained_by_groups(np.ones((60, 2)), group) == 0


def test_the_store_is_what_contrastive_methods_pair(folder, tmp_path):
    bands, planet = pairs("pixel")
    ingest(
        write(folder, sentinel2_data=bands, planet_data=planet),
        out=tmp_path / "store",
        options=IngestOptions(num_series=100),
    )
    series = Store(tmp_path / "store").series()
    found = PixelPairs(
        series,
        normalization=Normalization(np.zeros(12), np.ones(12)),
        target_normalization=Normalization(np.zeros(4), np.ones(4)),
    )
    assert found.num_items == 100
    batch = found.batch(torch.arange(100))
    np.testing.assert_allclose(batch.sentinel2 * 1e4, bands[series.id], atol=1e-2)
    np.testing.assert_allclose(
        batch.planetscope * 1e4, planet[series.id].reshape(100, 36), atol=1e-2
    )
