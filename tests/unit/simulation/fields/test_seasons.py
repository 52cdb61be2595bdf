"""Weather and phenology: what the year of a field must look like."""

from dataclasses import replace

import numpy as np
import pytest

from windrow.data.day_of_year import month_of_day
from windrow.simulation.crops import CROPS, NAMES
from windrow.simulation.fields.landscape import make_landscape
from windrow.simulation.fields.phenology import field_years
from windrow.simulation.fields.weather import DAYS, make_weather
from windrow.simulation.scenarios import SCENARIOS
from windrow.simulation.sensing.acquisition import fusion_operator, to_integers
from windrow.simulation.surface.geometry import make_overpasses

SETTINGS = SCENARIOS["brandenburg-2018"]


@pytest.fixture(scope="module")
def years():
    """By crop, (fields, 365) green leaf area and days of harvest, over 12 landscapes."""
    green, harvest = {}, {}
    for number in range(12):
        base = make_landscape(SETTINGS, 2, number)
        crop = np.arange(number, number + base.num_fields) % len(CROPS)
        landscape = replace(base, crop=crop)
        year = field_years(landscape, make_weather(SETTINGS, 2, number))
        for position, name in enumerate(NAMES):
            rows = crop == position
            green.setdefault(name, []).append(year.green[rows])
            harvest.setdefault(name, []).append(year.harvest_day[rows])
    return (
        {name: np.concatenate(v) for name, v in green.items()},
        {name: np.concatenate(v) for name, v in harvest.items()},
    )


def test_leaf_area_is_finite_and_within_reason(years):
    for values in years[0].values():
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() < 8


def test_crops_are_harvested_in_their_order(years):
    day = {name: np.median(v) for name, v in years[1].items()}
    assert day["winter barley"] + 10 < day["winter rye"]
    assert day["winter rapeseed"] < day["winter wheat"] + 2
    assert day["winter wheat"] < day["silage maize"] < day["grain maize"] < day["sugar beet"]
    assert 170 < day["winter barley"] < 186
    assert 190 < day["winter wheat"] < 212


def test_harvest_leaves_nothing_green(years):
    for name in ("winter wheat", "sugar beet", "silage maize"):
        green, harvest = years[0][name], years[1][name]
        for row, day in zip(green, harvest, strict=True):
            assert row[day] < 0.6
            assert row[min(day + 1, 364)] < 0.6


def test_maize_is_late_and_rapeseed_early(years):
    april, july = slice(100, 115), slice(190, 200)
    assert np.median(years[0]["silage maize"][:, april]) < 1.2
    assert np.median(years[0]["silage maize"][:, july]) > 2.5
    assert np.median(years[0]["winter rapeseed"][:, april]) > 2
    assert np.median(years[0]["spring barley"][:, 95]) < np.median(years[0]["winter rye"][:, 95])


def test_most_cereal_fields_are_green_again_in_october(years):
    october = years[0]["winter wheat"][:, 280:300].mean(axis=1)
    assert 0.55 < (october > 0.5).mean() < 0.99


def test_meadows_stay_green_and_are_cut(years):
    green = years[0]["mown meadow"]
    assert np.median(green[:, 120:300].min(axis=1)) > 0.2
    drops = (np.diff(green, axis=1) < -0.5).sum(axis=1)
    assert 1 <= drops.mean() <= 4


def test_soil_and_snow_are_shares():
    weather = make_weather(SETTINGS, 0, 0)
    for values in (weather.moisture, weather.snow):
        assert values.shape == (365,)
        assert values.min() >= 0
        assert values.max() <= 1
    summer = [make_weather(SETTINGS, 0, k).moisture[170:230].mean() for k in range(20)]
    winter = [make_weather(SETTINGS, 0, k).moisture[330:].mean() for k in range(20)]
    assert np.mean(summer) < 0.7 * np.mean(winter)


def test_clouds_have_their_share_and_persist():
    weathers = [make_weather(SETTINGS, 1, k) for k in range(150)]
    margin = 0.6 * SETTINGS.mask_margin  # the shares are those of masks
    cloudy = np.array([w.cloudiness > w.cloud_threshold - margin for w in weathers])
    by_month = [cloudy[:, month_of_day(DAYS, 2018) == m].mean() for m in range(12)]
    np.testing.assert_allclose(by_month, SETTINGS.cloud_share, atol=0.04)
    state = np.array([w.cloudiness for w in weathers])
    lagged = [np.corrcoef(state[:, :-k].ravel(), state[:, k:].ravel())[0, 1] for k in (1, 5)]
    assert lagged[0] == pytest.approx(np.exp(-1 / 0.6), abs=0.03)
    assert lagged[1] < 0.1


def test_dates_are_those_of_two_orbits():
    for number in range(20):
        overpasses = make_overpasses(make_landscape(SETTINGS, 0, number))
        days = overpasses.days
        np.testing.assert_array_equal(
            overpasses.orbit, days % 5 != days[overpasses.orbit == 0][0] % 5
        )
        assert 136 <= len(days) <= 146
        assert len(set((days % 5).tolist())) == 2
        assert (np.diff(days) >= 2).all()
        assert days.max() < 365


def test_fusion_keeps_constants_and_smooths():
    landscape = make_landscape(SETTINGS, 0, 0)
    operator = fusion_operator(landscape, make_weather(SETTINGS, 0, 0))
    np.testing.assert_allclose(operator.sum(axis=1), 1, atol=1e-9)
    assert operator.min() >= 0
    noise = np.random.default_rng(0).normal(size=365)
    left = [
        (fusion_operator(landscape, make_weather(SETTINGS, 0, k)) @ noise).std() for k in range(12)
    ]
    assert 0.2 < np.mean(left) < 0.6
    # One in the middle of the gaps is interpolated, so a straight line stays straight inside.
    line = operator @ DAYS
    assert np.abs(line - DAYS)[60:300].max() < 3


def test_integers_never_become_no_data():
    values = to_integers(np.array([-0.2, 0.0, 0.12345, 9.0]))
    assert values.tolist() == [1, 1, 1234, 20_000]
