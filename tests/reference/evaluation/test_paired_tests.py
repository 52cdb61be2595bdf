"""The sign-flip test against SciPy's permutation test, where both try every pattern of signs."""

import numpy as np
import pytest
import scipy.stats

from windrow.evaluation.paired_tests import sign_flip_test


@pytest.mark.parametrize(
    "differences",
    [
        [1.0, 2.0, 3.0],
        [0.5, -0.25, 0.75, 0.0, 0.5],  # ties, and a pair without a difference
        [-1.0, -2.0, -0.5, -3.0, 0.25, -1.5],
        np.random.default_rng(5).normal(0.4, 1.0, 9).tolist(),
    ],
)
def test_p_values_are_those_of_scipy(differences: list[float]) -> None:
    theirs = scipy.stats.permutation_test(
        (np.array(differences),), np.mean, permutation_type="samples", n_resamples=10_000
    )
    assert sign_flip_test(differences) == pytest.approx(float(theirs.pvalue), abs=1e-12)


def test_a_p_value_by_hand() -> None:
    """Two of the eight patterns of signs, all plus and all minus, reach a sum of six."""
    assert sign_flip_test([1.0, 2.0, 3.0]) == 2 / 8
