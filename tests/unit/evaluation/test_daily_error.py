"""Errors of daily reflectance against a loop over values."""

import numpy as np
import pytest

from windrow.evaluation.daily_error import DailyError
from windrow.sensors import PLANETSCOPE_BANDS


def test_errors_equal_those_of_a_loop_over_values():
    draw = np.random.default_rng(1)
    error = DailyError()
    parts = []
    for _ in range(3):
        truth = draw.uniform(0, 0.5, (2, 5, 36))
        truth[draw.random(truth.shape) < 0.02] = np.nan
        one = truth + draw.normal(0.01, 0.02, truth.shape)
        other = np.repeat(draw.uniform(0, 0.5, (2, 5, 4)), 9, axis=2)
        other[0, 0] = np.nan
        error.add(truth, {"one": one, "other": other})
        parts.append((truth, one, other))
    rows = {(row.estimate, row.band): row for row in error.rows()}
    assert len(rows) == 8
    for band, name in enumerate(PLANETSCOPE_BANDS):
        for at, estimate in ((1, "one"), (2, "other")):
            errors, details = [], []
            for part in parts:
                for pixel in range(2):
                    for day in range(5):
                        nine = slice(9 * band, 9 * band + 9)
                        true, one, other = (values[pixel, day, nine] for values in part)
                        known = np.isfinite(true) & np.isfinite(one) & np.isfinite(other)
                        difference = (part[at][pixel, day, nine] - true)[known]
                        errors.extend(difference)
                        if known.all():
                            details.extend(difference - difference.mean())
            row = rows[estimate, name]
            assert row.rmse == pytest.approx(np.sqrt(np.mean(np.square(errors))))
            assert row.mae == pytest.approx(np.mean(np.abs(errors)))
            assert row.bias == pytest.approx(np.mean(errors))
            assert row.within == pytest.approx(np.sqrt(np.mean(np.square(details))))
