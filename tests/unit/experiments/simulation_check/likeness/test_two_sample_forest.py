"""Fields told apart: monthly medians against a loop, and forests that can and cannot know."""

from dataclasses import replace

import numpy as np
import pytest

from series_factory import make_series
from windrow.data.day_of_year import month_of_day
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.experiments.simulation_check.likeness.field_means import field_means
from windrow.experiments.simulation_check.likeness.two_sample_forest import (
    TellingApartSettings,
    monthly_medians,
    tell_apart_observations,
    tell_apart_years,
)

SETTINGS = TellingApartSettings(
    num_trees=8, min_rows_a_leaf=1, num_folds=3, most_observations=100, fewest_fields=5
)


def fields_of(series: Series) -> Series:
    return field_means(series, cloudy_from=128)


def test_field_means_are_those_of_a_loop():
    series = make_series(10, planetscope=False)
    fields = fields_of(series)
    assert len(fields) == 5
    for row, field in enumerate(fields.id):
        members = np.flatnonzero(series.field_id == field)
        seen: dict[int, list[tuple[int, int]]] = {}
        for member in members:
            for date in np.flatnonzero(series.valid[member]):
                seen.setdefault(int(series.day_of_year[member, date]), []).append((member, date))
        days = sorted(seen)
        valid = fields.valid[row]
        assert fields.day_of_year[row][valid].tolist() == days
        for place, day in enumerate(days):
            at = tuple(np.array(seen[day]).T)
            mean = np.rint(series.reflectance[at].mean(axis=0))
            np.testing.assert_array_equal(fields.reflectance[row, place], mean)
            share = np.rint(255 * (series.cloud_probability[at] >= 128).mean())
            assert fields.cloud_probability[row, place] == share


def test_a_field_table_stays_as_it_is():
    series = make_series(6, series_per_field=1)
    fields = fields_of(series)
    np.testing.assert_array_equal(fields.cloud_probability, series.cloud_probability)
    np.testing.assert_array_equal(fields.reflectance, series.reflectance)
    assert fields.planetscope is None


def test_fields_without_a_cloud_measure_are_refused():
    with pytest.raises(DataError, match=r"the series have no cloud measure.*cloud_fraction 0\.\.1"):
        fields_of(make_series(4, clouds=False))


def test_monthly_medians_are_those_of_a_loop():
    series = make_series(8, planetscope=False)
    found = monthly_medians(series, clear_below=128)
    months = month_of_day(series.day_of_year, series.year)
    for row in range(len(series)):
        for month in range(12):
            values = [
                series.reflectance[row, date] / 1e4
                for date in range(series.num_dates)
                if series.valid[row, date]
                and series.cloud_probability[row, date] < 128
                and months[row, date] == month
            ]
            if values:
                np.testing.assert_allclose(found[row, month], np.median(values, axis=0))
            else:
                assert np.isnan(found[row, month]).all()


def brighter(series: Series, band: int, by: int) -> Series:
    reflectance = series.reflectance.copy()
    reflectance[..., band] += by
    return replace(series, reflectance=reflectance)


def test_alike_sets_are_not_told_apart_and_unlike_ones_are_by_the_right_band():
    first = make_series(60, seed=1, series_per_field=1, planetscope=False, num_dates=40)
    second = make_series(60, seed=2, series_per_field=1, planetscope=False, num_dates=40)
    alike = tell_apart_years(first, second, clear_below=128, settings=SETTINGS, seed=0)
    assert 0.3 < alike.auc < 0.7
    unlike = brighter(second, 3, 400)
    apart = tell_apart_years(first, unlike, clear_below=128, settings=SETTINGS, seed=0)
    assert apart.auc > 0.95
    assert apart.importance.shape == (12, 12)
    np.testing.assert_allclose(apart.importance.sum(), 1)
    assert apart.importance.sum(axis=0).argmax() == 3
    auc, importance = tell_apart_observations(
        first, unlike, clear_below=128, settings=SETTINGS, seed=0
    )
    assert np.nanmean(auc) > 0.9
    assert (importance[np.isfinite(auc)].argmax(axis=1) == 3).all()
    auc, _ = tell_apart_observations(first, second, clear_below=128, settings=SETTINGS, seed=0)
    assert 0.35 < np.nanmean(auc) < 0.65


def test_a_month_without_a_clear_date_is_seen_by_the_forest():
    first = make_series(60, seed=1, series_per_field=1, planetscope=False, num_dates=40)
    cloud = np.where(month_of_day(first.day_of_year, first.year) < 3, 255, first.cloud_probability)
    second = replace(
        first, id=first.id + 1000, field_id=first.id + 1000, cloud_probability=cloud.astype("u1")
    )
    found = tell_apart_years(first, second, clear_below=128, settings=SETTINGS, seed=0)
    assert found.auc > 0.9


def test_observations_of_one_field_stay_in_one_fold():
    # Each field has a colour of its own and sets are random: with folds by field nobody knows.
    draw = np.random.default_rng(3)
    parts = []
    for seed in (4, 5):
        series = make_series(40, seed=seed, series_per_field=1, planetscope=False, num_dates=60)
        own = draw.integers(0, 3000, (40, 1, 12)).astype(np.int16)
        flat = np.broadcast_to(own, series.reflectance.shape).astype(np.int16)
        parts.append(replace(series, reflectance=flat))
    auc, _ = tell_apart_observations(*parts, clear_below=128, settings=SETTINGS, seed=0)
    assert np.nanmean(auc) < 0.7


def test_sets_that_cannot_be_compared_are_refused():
    first = make_series(20, series_per_field=1, planetscope=False)
    with pytest.raises(DataError, match="sets with different bands cannot be compared"):
        tell_apart_years(
            first, first.with_bands(["B02", "B03"]), clear_below=128, settings=SETTINGS, seed=0
        )
    with pytest.raises(DataError, match="too few fields to compare two sets; found 20 and 2"):
        tell_apart_years(
            first, first.select(slice(0, 2)), clear_below=128, settings=SETTINGS, seed=0
        )
