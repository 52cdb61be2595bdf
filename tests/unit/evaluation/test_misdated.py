"""Dates whose content fits another day, against loops and planted swaps."""

import numpy as np

from windrow.evaluation.misdated import MisdatedSettings, folds, judge, misfits

RULE = MisdatedSettings(least_days=3, least_ratio=1.5, least_pixels=1, least_clear=0.5)


def test_misfits_equal_a_loop_over_dates_days_and_pixels():
    draw = np.random.default_rng(0)
    observed = draw.uniform(0, 0.5, (6, 3, 2))
    daily = draw.uniform(0, 0.5, (6, 4, 2))
    daily[5, 2] = np.nan
    clear = draw.random((6, 3)) < 0.7
    clear[:, 2] = False
    found = misfits(observed, clear, daily)
    assert np.isnan(found[2]).all()
    for date in range(2):
        for day in range(4):
            pixels = [row for row in range(5) if clear[row, date]]
            differences = [
                np.mean([abs(observed[row, date, b] - daily[row, day, b]) for b in range(2)])
                for row in pixels
            ]
            assert np.isclose(found[date, day], np.median(differences))


def test_each_judged_date_is_left_out_once_and_neighbours_apart():
    judged = np.array([True, False, True, True, True, False, True, True, True])
    parts = list(folds(judged))
    assert (sum(part.astype(int) for part in parts) == judged).all()
    number = np.flatnonzero(judged)
    for part in parts:
        assert not (part[number][:-1] & part[number][1:]).any()


def test_near_days_small_ratios_and_dates_not_judged_are_no_suspects():
    misfit = np.array(
        [
            [0.10, 0.10, 0.10, 0.10, 0.02],  # far and clear: misdated
            [0.10, 0.10, 0.02, 0.10, 0.10],  # near
            [0.10, 0.10, 0.10, 0.10, 0.09],  # hardly better
            [0.10, 0.10, 0.10, 0.10, 0.02],  # not judged
        ]
    )
    judged = np.array([True, True, True, False])
    fit = judge(misfit, np.array([0, 0, 0, 0]), judged, RULE)
    assert fit.misdated.tolist() == [True, False, False, False]
    assert fit.fitted_day.tolist() == [4, 2, 4, -1]
    assert np.isnan(fit.misfit[3])
    assert fit.fitted_misfit[0] == 0.02
