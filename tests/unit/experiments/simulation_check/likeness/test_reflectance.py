"""Every statistic of two sets against a loop over observations."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from series_factory import make_series
from windrow.classifiers.features import FeatureSettings, index_features
from windrow.data.day_of_year import month_of_day
from windrow.data.legend import Legend
from windrow.experiments.simulation_check.likeness import autocorrelation, clouds, reflectance

CLEAR_BELOW = 128


@pytest.fixture(scope="module")
def series():
    made = make_series(12, series_per_field=1, planetscope=False, num_dates=50, seed=4)
    label = np.array([0, 1, 2] * 4, dtype=np.int16)
    return replace(made, label=label, legend=Legend(("a", "b", "c", "d"), ("1", "2", "3", "4")))


def observations(series, row):
    """(day, month, values 0..1, cloud fraction) of each valid date of a field."""
    months = month_of_day(series.day_of_year, series.year)
    return [
        (
            int(series.day_of_year[row, t]),
            int(months[row, t]),
            series.reflectance[row, t] / 1e4,
            series.cloud_probability[row, t] / 255,
        )
        for t in range(series.num_dates)
        if series.valid[row, t]
    ]


def is_clear(fraction):
    return fraction * 255 < CLEAR_BELOW


def test_quantiles_of_reflectance(series):
    table = reflectance.reflectance_quantiles(series, clear_below=CLEAR_BELOW)
    seen = {"clear": [], "cloudy": []}
    for row in range(len(series)):
        for _, _, values, fraction in observations(series, row):
            seen["clear" if is_clear(fraction) else "cloudy"].append(values)
    for sky, values in seen.items():
        for k, band in enumerate(series.bands):
            own = table[(table.sky == sky) & (table.band == band)]
            expected = np.quantile([v[k] for v in values], reflectance.QUANTILES)
            np.testing.assert_allclose(own.reflectance, expected)
            assert set(own.num_observations) == {len(values)}


def test_correlation_of_bands_is_numpys(series):
    table = reflectance.band_correlation(series, clear_below=CLEAR_BELOW)
    seen = [
        values
        for row in range(len(series))
        for _, _, values, fraction in observations(series, row)
        if is_clear(fraction)
    ]
    expected = np.corrcoef(np.array(seen).T)
    np.testing.assert_allclose(
        table.correlation.to_numpy().reshape(12, 12), expected, rtol=0, atol=1e-12
    )


def test_season_profiles_are_quantiles_over_the_fields_of_a_class(series):
    settings = FeatureSettings(clear_below=CLEAR_BELOW, step_days=10)
    table = reflectance.season_profiles(series, settings)
    assert list(dict.fromkeys(table["class"])) == ["a", "b", "c"]  # no field of class d
    values = index_features(series, settings).values.reshape(len(series), 37, 4)
    own = table[(table["class"] == "b") & (table["index"] == "NDMI") & (table["quantile"] == 0.9)]
    expected = [np.quantile([values[row, g, 1] for row in (1, 4, 7, 10)], 0.9) for g in range(37)]
    np.testing.assert_allclose(own.value, expected, rtol=1e-6)
    assert own.day_of_year.tolist() == list(range(0, 361, 10))
    assert set(own.num_fields) == {4}


def test_clear_dates_are_counted_by_day(series):
    counts = reflectance.clear_dates_by_month(series, clear_below=CLEAR_BELOW)
    for row in range(len(series)):
        days = {(m, d) for d, m, _, f in observations(series, row) if is_clear(f)}
        assert counts[row].tolist() == [sum(m == month for m, _ in days) for month in range(12)]
    table = reflectance.clear_date_table(series, clear_below=CLEAR_BELOW)
    year = table[(table.month == 0) & (table["quantile"] == 0.5)]
    assert year.num_dates.item() == np.median(counts.sum(axis=1))
    august = table[table.month == 8].num_dates.item()
    assert august == pytest.approx(counts[:, 7].mean())


def test_two_passes_on_one_day_are_one_clear_date():
    series = make_series(1, series_per_field=1, planetscope=False, padding=False)
    day = np.repeat(np.arange(12), 2).astype(np.int16)[None]
    twice = replace(series, day_of_year=day, cloud_probability=np.zeros((1, 24), dtype=np.uint8))
    assert reflectance.clear_dates_by_month(twice, clear_below=1)[0].tolist() == [12] + [0] * 11


def test_autocorrelation_is_that_of_a_loop_over_pairs(series):
    table = autocorrelation.clear_autocorrelation(series, clear_below=CLEAR_BELOW)
    nir = series.bands.index("B08")
    by_cell: dict[tuple[int, int], list[float]] = {}
    for row in range(len(series)):
        for _, month, values, fraction in observations(series, row):
            if is_clear(fraction):
                by_cell.setdefault((int(series.label[row]), month), []).append(values[nir])
    for first, last in autocorrelation.GAPS:
        pairs = []
        for row in range(len(series)):
            anomalies = {}
            for day, month, values, fraction in observations(series, row):
                if is_clear(fraction):  # the later of two on one day
                    mean = np.mean(by_cell[int(series.label[row]), month])
                    anomalies[day] = values[nir] - mean
            pairs += [
                (anomalies[a], anomalies[b])
                for a in anomalies
                for b in anomalies
                if first <= b - a <= last
            ]
        early, late = np.array(pairs).T
        expected = (early * late).sum() / np.sqrt((early**2).sum() * (late**2).sum())
        own = table[(table.quantity == "B08") & (table.first_day == first)]
        assert own.num_pairs.item() == len(pairs)
        assert own.correlation.item() == pytest.approx(expected)


def test_a_persistent_series_correlates_and_white_noise_does_not():
    draw = np.random.default_rng(0)
    constant = np.repeat(draw.normal(size=(50, 1)), 366, axis=1)
    found = autocorrelation.autocorrelation(constant)
    np.testing.assert_allclose(found.correlation, 1)
    white = autocorrelation.autocorrelation(draw.normal(size=(50, 366)))
    assert white.correlation.abs().max() < 0.02
    empty = autocorrelation.autocorrelation(np.full((2, 366), np.nan))
    assert empty.correlation.isna().all()
    assert (empty.num_pairs == 0).all()


def test_jumps_are_between_neighbouring_clear_dates(series):
    table = autocorrelation.jumps(series, clear_below=CLEAR_BELOW)
    red, nir = series.bands.index("B04"), series.bands.index("B08")
    for first, last in autocorrelation.GAPS:
        sizes = []
        for row in range(len(series)):
            ndvi = {
                day: (v[nir] - v[red]) / (v[nir] + v[red])
                for day, _, v, fraction in observations(series, row)
                if is_clear(fraction)
            }
            days = sorted(ndvi)
            sizes += [
                abs(ndvi[b] - ndvi[a])
                for a, b in itertools.pairwise(days)
                if first <= b - a <= last
            ]
        own = table[(table.quantity == "NDVI") & (table.first_day == first)]
        assert set(own.num_pairs) == {len(sizes)}
        np.testing.assert_allclose(own.jump, np.quantile(sizes, autocorrelation.JUMP_QUANTILES))


def test_cloud_fraction_by_month_and_its_persistence(series):
    table = clouds.cloud_fraction_by_month(series)
    by_month: dict[int, list[float]] = {month: [] for month in range(12)}
    for row in range(len(series)):
        for _, month, _, fraction in observations(series, row):
            by_month[month].append(fraction)
    for month, values in by_month.items():
        assert table.cloud_fraction[month] == pytest.approx(np.mean(values))
        assert table.num_observations[month] == len(values)
    pairs = []
    for row in range(len(series)):
        of_day = {d: f - np.mean(by_month[m]) for d, m, _, f in observations(series, row)}
        pairs += [(of_day[a], of_day[a + 3]) for a in of_day if a + 3 in of_day]
    early, late = np.array(pairs).T
    expected = (early * late).sum() / np.sqrt((early**2).sum() * (late**2).sum())
    own = clouds.cloud_persistence(series)
    own = own[own.first_day == 3]
    assert own.num_pairs.item() == len(pairs)
    assert own.correlation.item() == pytest.approx(expected)


def test_runs_of_clear_and_cloudy_dates(series):
    table = clouds.cloud_runs(series)
    lengths: dict[str, list[int]] = {"clear": [], "cloudy": []}
    for row in range(len(series)):
        skies = [f >= 0.5 for _, _, _, f in observations(series, row)]
        length = 0
        for t, sky in enumerate(skies):
            length += 1
            if t + 1 == len(skies) or skies[t + 1] != sky:
                lengths["cloudy" if sky else "clear"].append(min(length, clouds.LONGEST_RUN))
                length = 0
    for sky, own in lengths.items():
        rows = table[table.sky == sky]
        expected = [own.count(n) / len(own) for n in range(1, clouds.LONGEST_RUN + 1)]
        np.testing.assert_allclose(rows.share, expected)
        assert set(rows.num_runs) == {len(own)}


def test_shares_of_cloud_fraction_of_a_field_and_of_a_place():
    series = make_series(4, series_per_field=1, planetscope=False, padding=False, num_dates=24)
    days = np.tile(np.arange(0, 240, 10, dtype=np.int16), (4, 1))
    cloud = np.zeros((4, 24), dtype=np.uint8)
    cloud[:2, :12] = 255  # fields 0 and 1 are cloudy on the first half of the dates
    series = replace(series, day_of_year=days, cloud_probability=cloud)
    table = clouds.cloud_fraction_shares(series)
    field = table[table.of == "field"].share.tolist()
    assert field == [0.75, 0, 0, 0, 0, 0.25]
    assert table[table.of == "place"].share.tolist() == [0.5, 0, 0, 0.5, 0, 0]
    apart = clouds.cloud_fraction_shares(series, np.array([7, 7, 8, 8]))
    assert apart[apart.of == "place"].share.tolist() == [0.75, 0, 0, 0, 0, 0.25]


def test_the_shape_of_clouds_is_that_of_a_loop_over_all_pairs(monkeypatch):
    series = make_series(6, series_per_field=1, planetscope=False, padding=False, num_dates=30)
    days = np.tile(np.arange(0, 300, 10, dtype=np.int16), (6, 1))
    draw = np.random.default_rng(1)
    cloud = draw.integers(0, 256, (6, 30)).astype(np.uint8)
    longitude = np.array([10.0, 10.0004, 10.002, 10.0, 10.0003, 10.01])
    series = replace(
        series, day_of_year=days, cloud_probability=cloud, longitude=longitude,
        latitude=np.full(6, 60.0),
    )  # fmt: skip
    place = np.array([0, 0, 0, 1, 1, 1])
    monkeypatch.setattr(clouds, "NUM_PAIRS", 20_000)
    table = clouds.cloud_shape(series, place, cloudy_from=100, seed=0)
    for row in table.itertuples():
        differ = [
            np.mean((cloud[a] >= 100) != (cloud[b] >= 100))
            for a in range(6)
            for b in range(6)
            if a != b
            and place[a] == place[b]
            and row.least_m <= 111_320 * 0.5 * abs(longitude[a] - longitude[b]) < row.most_m
        ]
        if differ:
            # Pairs are drawn with equal chance, many times each.
            assert row.share == pytest.approx(np.mean(differ), abs=0.01)
        else:
            assert np.isnan(row.share)
    assert table.num_pairs.sum() == 20_000
    assert clouds.cloud_shape(replace(series, longitude=None), place, cloudy_from=1,
                                  seed=0) is None  # fmt: skip
