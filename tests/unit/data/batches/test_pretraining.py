from dataclasses import replace

import numpy as np
import pytest
import torch

from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import NO_DATA
from windrow.errors import DataError, SettingsError


def _data(series, offsets=(-2, -1, 0)):
    return PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target="planetscope",
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=offsets,
    )


def test_targets_are_those_days_and_nothing_else(make_series):
    series = make_series(6)
    days = series.planetscope_day[::3].copy()  # PlanetScope every third day only
    series = replace(series, planetscope=series.planetscope[:, ::3], planetscope_day=days)
    fitted = Normalization.fit_planetscope(series.planetscope)
    index = torch.tensor([4, 0, 2])
    batch = _data(series).batch(index)
    num_known = 0
    for n, position in enumerate(index.tolist()):
        for t in range(series.num_dates):
            for lag, offset in enumerate((-2, -1, 0)):
                day = int(series.day_of_year[position, t]) + offset
                step = np.flatnonzero(days == day)
                has_day = bool(series.valid[position, t]) and len(step) == 1
                for k in (0, 8, 9, 35):
                    stored = int(series.planetscope[position, step[0], k]) if has_day else NO_DATA
                    assert bool(batch.known[n, t, lag, k]) == (stored != NO_DATA)
                    if stored != NO_DATA:
                        expected = (stored / 1e4 - fitted.mean[k // 9]) / fitted.std[k // 9]
                        assert batch.target[n, t, lag, k].item() == pytest.approx(
                            expected, abs=1e-5
                        )
                        num_known += 1
    assert num_known > 100
    assert not batch.known[~batch.valid].any()


def test_a_day_outside_the_year_is_no_target(make_series):
    series = make_series(2, padding=False)
    series.day_of_year[0, 0] = 1
    series.day_of_year[1, -1] = 364
    batch = _data(series, offsets=(-2, 0, 2)).batch(torch.tensor([0, 1]))
    assert batch.known[0, 0, :, 0].tolist() == [False, True, True]
    assert batch.known[1, -1, :, 0].tolist() == [True, True, False]


def test_values_are_standardised_and_zero_at_invalid_dates(make_series):
    series = make_series(5)
    batch = _data(series).batch(torch.arange(5))
    expected = Normalization.fit(series.reflectance, series.valid).apply(series.reflectance)
    np.testing.assert_allclose(batch.values.numpy(), expected * series.valid[..., None], atol=1e-6)
    assert batch.cloud_level[3, 0].item() == series.cloud_probability[3, 0] // 8
    assert batch.to(torch.float64).values.dtype == torch.float64


def test_refusals(make_series):
    series = make_series(4, planetscope=False)
    normalization = Normalization.fit(series.reflectance, series.valid)
    with pytest.raises(DataError, match="the series have no PlanetScope to predict"):
        PretrainingData(
            series,
            normalization=normalization,
            target="planetscope",
            target_normalization=normalization,
            target_offsets=(0,),
        )
    with pytest.raises(SettingsError, match="at its own dates only"):
        PretrainingData(
            series,
            normalization=normalization,
            target="sentinel2",
            target_normalization=normalization,
            target_offsets=(-1, 0),
        )


def test_order_visits_every_series_once_an_epoch_and_depends_on_the_step_alone():
    order = BatchOrder(10, batch_size=3, seed=4)
    assert order.steps_per_epoch == 3
    epoch = torch.cat([order.indices(step) for step in range(3)])
    assert len(set(epoch.tolist())) == 9
    later = order.indices(7)
    assert torch.equal(BatchOrder(10, batch_size=3, seed=4).indices(7), later)
    assert not torch.equal(torch.cat([order.indices(step) for step in range(3, 6)]), epoch)
    with pytest.raises(SettingsError, match=r"larger than the training set.*11 of 10 series"):
        BatchOrder(10, batch_size=11, seed=0)
