"""Pairs are numbers into resident series."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from windrow.data.batches.contrastive import PixelPairs, YearPairs
from windrow.data.normalization import Normalization
from windrow.data.series import NO_DATA
from windrow.errors import DataError


def pairs(series, planetscope=True):
    moments = Normalization.fit(series.reflectance, series.valid)
    target = Normalization.fit_planetscope(series.planetscope) if planetscope else None
    return PixelPairs(series, normalization=moments, target_normalization=target), moments, target


def bytes_held(found):
    """Bytes of its tensors, and a few thousand of their description."""
    return len(pickle.dumps(found))


def test_every_pair_of_a_whole_day_stands_once(make_series):
    series = make_series(7)
    found, moments, target = pairs(series)
    expected = [
        (n, t)
        for n in range(7)
        for t in range(series.num_dates)
        if series.valid[n, t] and (series.planetscope[n, series.day_of_year[n, t]] != NO_DATA).all()
    ]
    assert found.num_items == len(expected) < series.valid.sum()
    row, date = found.positions(torch.arange(found.num_items))
    assert list(zip(row.tolist(), date.tolist(), strict=True)) == expected
    batch = found.batch(torch.tensor([3, 40]))
    deep = target.repeat(9)
    for place, number in enumerate((3, 40)):
        n, t = expected[number]
        sentinel2 = (series.reflectance[n, t] / 1e4 - moments.mean) / moments.std
        day = series.day_of_year[n, t]
        planetscope = (series.planetscope[n, day] / 1e4 - deep.mean) / deep.std
        np.testing.assert_allclose(batch.sentinel2[place], sentinel2, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(batch.planetscope[place], planetscope, rtol=1e-4, atol=1e-5)


def test_a_whole_set_needs_no_list_of_positions(make_series):
    series = make_series(4, padding=False)
    found, _, _ = pairs(series, planetscope=False)
    assert bytes_held(found) < series.reflectance.nbytes + 4_000
    assert found.num_items == 4 * series.num_dates
    row, date = found.positions(torch.tensor([0, series.num_dates + 2]))
    assert (row.tolist(), date.tolist()) == ([0, 1], [0, 2])
    assert found.batch(torch.tensor([1])).planetscope is None


def test_a_padded_set_holds_four_bytes_a_pair_and_no_copy(make_series):
    series = make_series(6)
    found, _, target = pairs(series)
    step = 2 * series.valid.size  # of each date, the PlanetScope day in 16 bits
    resident = series.reflectance.nbytes + series.planetscope.nbytes + step
    assert resident <= bytes_held(found) - 4 * found.num_items < resident + 8_000
    series.planetscope[:] = 1_234
    expected = target.repeat(9).apply(np.full((1, 36), 1_234, dtype=np.int16))
    np.testing.assert_allclose(found.batch(torch.tensor([0])).planetscope, expected, rtol=1e-5)


def test_years(make_series):
    series = make_series(5)
    moments = Normalization.fit(series.reflectance, series.valid)
    target = Normalization.fit_planetscope(series.planetscope)
    found = YearPairs(
        series, normalization=moments, target_normalization=target, planetscope_every=5
    )
    first, second = found.batch(torch.tensor([0, 3]))
    assert found.num_dates == (series.num_dates, 73)
    assert second.day_of_year[0].tolist() == list(range(0, 365, 5))
    assert second.valid.shape == (2, 73)
    assert second.valid[0].tolist() == [not 100 <= day < 110 for day in range(0, 365, 5)]
    assert (second.values[0, 20] == 0).all()  # day 100 of the first series is missing
    expected = (series.reflectance[3] / 1e4 - moments.mean) / moments.std
    keep = series.valid[3]
    np.testing.assert_allclose(first.values[1][keep], expected[keep], rtol=1e-4, atol=1e-5)
    assert (first.values[1][~keep] == 0).all()
    assert (first.all_valid, second.all_valid) == (False, False)


def test_refusals(make_series):
    series = make_series(4)
    bare = replace(series, planetscope=None, planetscope_day=None)
    moments = Normalization.fit(series.reflectance, series.valid)
    four = moments.select([0, 1, 2, 3])
    with pytest.raises(DataError, match="no PlanetScope to pair with"):
        PixelPairs(bare, normalization=moments, target_normalization=four)
    never = replace(series, planetscope=np.full_like(series.planetscope, NO_DATA))
    target = Normalization.fit_planetscope(series.planetscope)
    with pytest.raises(DataError, match="no date was seen by both sensors"):
        PixelPairs(never, normalization=moments, target_normalization=target)
    with pytest.raises(DataError, match="a series has no PlanetScope day; in series 0"):
        YearPairs(never, normalization=moments, target_normalization=target, planetscope_every=1)
