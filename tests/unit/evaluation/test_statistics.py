"""Statistics of a study against naive loops and scipy."""

from itertools import product

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from series_factory import make_series
from windrow.data.legend import DENETHOR, Legend
from windrow.errors import DataError, SettingsError
from windrow.evaluation import field_bootstrap
from windrow.evaluation.calibration import expected_calibration_error
from windrow.evaluation.early_season import known_until
from windrow.evaluation.effective_fields import (
    effective_fields,
    effective_number,
    num_fields,
    too_few_test_fields,
)
from windrow.evaluation.field_bootstrap import (
    BootstrapSettings,
    bootstrap_p_values,
    paired_difference,
    resample_scores,
    score_intervals,
)
from windrow.evaluation.legend_transfer import why_not_transferable
from windrow.evaluation.metrics import confusion_matrix, scores
from windrow.evaluation.paired_tests import gain, mean_and_deviation, sign_flip_test

# Table 5's task 2 is told in the text too: mean gain, smallest and largest are of one pairing.
FIRST = [0.7512, 0.7403, 0.7610, 0.7489]
SECOND = [0.6312, 0.7410, 0.5999, 0.6001]


def test_gain_and_win_score_are_the_papers_equation_4() -> None:
    found = gain(FIRST, SECOND)
    indicator = [1 if a > b else 0 for a, b in zip(FIRST, SECOND, strict=True)]
    differences = [a - b for a, b in zip(FIRST, SECOND, strict=True)]
    assert found.win_score == sum(indicator) / len(indicator) == 0.75
    assert found.mean == pytest.approx(sum(differences) / 4)
    assert (found.smallest, found.largest) == (min(differences), max(differences))


def test_a_tie_is_no_win() -> None:
    assert gain([0.5], [0.5]).wins == 0


def test_scores_that_are_not_in_pairs_are_refused() -> None:
    with pytest.raises(DataError, match="scores are not in pairs; found 2 and 1"):
        gain([0.1, 0.2], [0.1])
    with pytest.raises(DataError, match="not every pair has a group; found 1; expected 2"):
        gain([0.1, 0.2], [0.1, 0.1], groups=[0])


def test_pairs_of_one_seed_are_flipped_together() -> None:
    draw = np.random.default_rng(2)
    seed = np.repeat([0, 1, 2, 3], 3)
    # What a seed's pre-training brings is the same for all its configurations.
    difference = np.repeat([0.10, 0.07, 0.12, 0.03], 3) + draw.normal(0, 0.01, 12)
    found = gain(difference, np.zeros(12), groups=seed.tolist())
    total = abs(difference.sum())
    beyond = [
        abs(sum(s * difference[seed == each].sum() for each, s in enumerate(signs))) >= total - 1e-9
        for signs in product((-1, 1), repeat=4)
    ]
    assert found.p_value == sum(beyond) / 16 == 2 / 16
    alone = gain(difference, np.zeros(12))
    assert alone.p_value == 2 / 2**12  # twelve pairs held for independent
    assert (found.wins, found.num_pairs, found.mean) == (alone.wins, 12, alone.mean)


def test_of_one_seed_single_pairs_are_flipped() -> None:
    one = gain(FIRST, SECOND, groups=[7, 7, 7, 7])
    assert one.p_value == gain(FIRST, SECOND).p_value == sign_flip_test(np.subtract(FIRST, SECOND))


def test_mean_and_deviation_divide_by_the_number() -> None:
    mean, deviation = mean_and_deviation(FIRST)
    assert mean == pytest.approx(sum(FIRST) / 4)
    assert deviation == pytest.approx((sum((x - mean) ** 2 for x in FIRST) / 4) ** 0.5)


@pytest.mark.parametrize("num_pairs", [1, 3, 10])
def test_the_sign_flip_test_tries_every_pattern(num_pairs: int) -> None:
    values = np.random.default_rng(num_pairs).normal(0.3, 1.0, num_pairs)
    beyond = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) >= abs(values.sum()) - 1e-12
        for signs in product((-1, 1), repeat=num_pairs)
    ]
    assert sign_flip_test(values) == sum(beyond) / len(beyond)


def test_many_pairs_are_drawn_and_stay_near_the_exact_answer() -> None:
    values = np.random.default_rng(6).normal(0.25, 1.0, 40)
    assert sign_flip_test(values, seed=1) == sign_flip_test(values, seed=1)
    # A sum of random signs is close to normal; 100,000 draws leave 0.2 points of noise.
    normal = 2 * scipy.stats.norm.sf(abs(values.sum()) / np.sqrt((values**2).sum()))
    assert sign_flip_test(values) == pytest.approx(normal, abs=0.01)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_the_sign_flip_test_does_not_care_for_the_sign_of_all(values: list[float]) -> None:
    assert sign_flip_test(values) == sign_flip_test([-v for v in values])
    assert 2 / 2 ** len(values) <= sign_flip_test(values) <= 1


def test_calibration_error_is_the_sum_over_bins() -> None:
    generator = np.random.default_rng(3)
    probability = generator.dirichlet(np.ones(4), 300)
    true = generator.integers(0, 4, 300)
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == true
    expected = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            distance = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.sum() / 300 * distance
    assert expected_calibration_error(probability, true) == pytest.approx(expected, abs=1e-12)


def test_a_head_that_says_how_often_it_is_right_has_no_calibration_error() -> None:
    probability = np.tile([0.75, 0.25], (4, 1))
    assert expected_calibration_error(probability, np.array([0, 0, 0, 1])) == pytest.approx(0.0)
    with pytest.raises(DataError, match="no series"):
        expected_calibration_error(probability[:0], np.zeros(0, dtype=np.int64))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_the_effective_number_lies_between_one_and_the_number(counts: list[int]) -> None:
    assert 1 - 1e-9 <= effective_number(counts) <= len(counts) + 1e-9
    assert effective_number([7] * len(counts)) == pytest.approx(len(counts))


def test_fields_are_counted_by_class() -> None:
    field = np.array([1, 1, 1, 2, 3, 4, 4])
    label = np.array([0, 0, 0, 0, 1, 1, 1])
    assert num_fields(field, label, num_classes=3) == [2, 2, 0]
    assert effective_fields(field, label, num_classes=3) == pytest.approx([16 / 10, 9 / 5, 0.0])
    said = too_few_test_fields(field, label, ["Wheat", "Oats", "Rye"])
    assert said == "no interval: fewer than 5 test fields of Wheat (2), Oats (2), Rye (0)"
    assert too_few_test_fields(np.arange(5), np.zeros(5, dtype=np.int64), ["Wheat"]) is None


def _predictions() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(8)
    field = np.repeat(np.arange(30), 4)
    true = np.repeat(generator.integers(0, 3, 30), 4)
    good = np.where(generator.random((2, 120)) < 0.8, true, 0)
    poor = np.where(generator.random((2, 120)) < 0.5, true, 0)
    return field, true, good, poor


def test_intervals_over_fields_are_those_of_a_loop() -> None:
    field, true, good, poor = _predictions()
    settings = BootstrapSettings(num_resamples=400, level=0.9)

    def resampled(predicted: np.ndarray) -> np.ndarray:
        generator = np.random.default_rng(4)
        drawn = np.concatenate(
            [generator.integers(30, size=(n, 30)) for n in (256, 400 - 256)]  # 256 at a time
        )
        result = []
        for fields in drawn:
            rows = np.concatenate([np.flatnonzero(field == each) for each in fields])
            figures = [
                scores(confusion_matrix(true[rows], row[rows], num_classes=3)) for row in predicted
            ]
            result.append(
                [
                    np.mean([f.overall_accuracy for f in figures]),
                    np.mean([f.macro_f1 for f in figures]),
                ]
            )
        return np.array(result)

    first, second = (
        resample_scores(true, p, field, num_classes=3, settings=settings, seed=4)
        for p in (good, poor)
    )
    naive = resampled(good), resampled(poor)
    accuracy, macro_f1 = score_intervals(first, settings=settings)
    assert accuracy.value == pytest.approx((good == true).mean())
    assert (accuracy.low, accuracy.high) == pytest.approx(
        tuple(np.quantile(naive[0][:, 0], [0.05, 0.95]))
    )
    assert (macro_f1.low, macro_f1.high) == pytest.approx(
        tuple(np.quantile(naive[0][:, 1], [0.05, 0.95]))
    )
    difference = paired_difference(first, second, settings=settings)[0]
    paired = naive[0][:, 0] - naive[1][:, 0]
    assert (difference.low, difference.high) == pytest.approx(
        tuple(np.quantile(paired, [0.05, 0.95]))
    )
    p_accuracy, _ = bootstrap_p_values(first, second)
    assert p_accuracy == pytest.approx(2 * ((paired <= 0).sum() + 1) / 401)
    assert bootstrap_p_values(first, first) == (1.0, 1.0)


def test_kept_draws_change_nothing(monkeypatch) -> None:
    field, true, good, _ = _predictions()
    settings = BootstrapSettings(num_resamples=300, level=0.9)

    def found() -> np.ndarray:
        return resample_scores(
            true, good, field, num_classes=3, settings=settings, seed=9
        ).resampled

    first, again = found(), found()
    monkeypatch.setattr(field_bootstrap, "MOST_KEPT", 0)
    assert (first == again).all()
    assert (first == found()).all()


def test_the_f1_of_a_class_has_the_interval_of_a_loop() -> None:
    generator = np.random.default_rng(12)
    field = np.repeat(np.arange(12), 3)
    # Class 2 is of one field, so that every third resample is without it; class 3 is nowhere.
    true = np.repeat(np.array([0] * 6 + [1] * 5 + [2]), 3)
    predicted = np.where(generator.random((2, 36)) < 0.6, true, generator.integers(0, 4, (2, 36)))
    settings = BootstrapSettings(num_resamples=250, level=0.8)
    found = resample_scores(true, predicted, field, num_classes=4, settings=settings, seed=3)
    drawn = np.random.default_rng(3).integers(12, size=(250, 12))
    resampled = []
    for fields in drawn:
        rows = np.concatenate([np.flatnonzero(field == each) for each in fields])
        f1 = [
            sklearn.metrics.f1_score(
                true[rows], row[rows], labels=range(4), average=None, zero_division=0
            )
            for row in predicted
        ]
        resampled.append(np.where(np.isin(range(4), true[rows]), np.mean(f1, axis=0), np.nan))
    values = np.array(resampled)
    assert np.isnan(values[:, 2]).any()
    assert np.isnan(found.per_class_f1[3]).all()
    for each in range(3):
        known = values[:, each][~np.isnan(values[:, each])]
        assert found.per_class_f1[each, 1:] == pytest.approx(np.quantile(known, [0.1, 0.9]))
        mean = np.mean(
            [
                sklearn.metrics.f1_score(true, row, labels=[each], average="macro")
                for row in predicted
            ]
        )
        assert found.per_class_f1[each, 0] == pytest.approx(mean)


def test_nothing_of_the_day_or_later_is_left() -> None:
    series = make_series(num_series=5, num_dates=20)
    known = known_until(series, 180)
    assert known.day_of_year[known.valid].max() < 180
    kept = series.valid & (series.day_of_year < 180)
    assert known.valid.sum() == kept.sum()
    assert np.array_equal(known.reflectance[known.valid], series.reflectance[kept])
    assert not known.reflectance[~known.valid].any()
    assert known.planetscope is None
    assert not known.truth


def test_a_day_before_the_first_date_is_refused() -> None:
    series = make_series(num_series=2, num_dates=20)
    first = int(series.day_of_year[0, 0])
    with pytest.raises(DataError, match=r"no valid date before day .*ask for a later day"):
        known_until(series, max(first, 1))
    with pytest.raises(SettingsError, match="found 0; expected 1 to 366"):
        known_until(series, 0)


def test_a_head_is_only_tested_on_the_same_classes() -> None:
    assert why_not_transferable(DENETHOR, DENETHOR) is None
    turned = Legend(names=DENETHOR.names[::-1], codes=DENETHOR.codes[::-1])
    assert why_not_transferable(DENETHOR, turned) == (
        "the classes are the same but stand in another order"
    )
    fewer = Legend(names=DENETHOR.names[:-1], codes=DENETHOR.codes[:-1])
    assert why_not_transferable(DENETHOR, fewer) == (
        "the classes differ: 1 of 9 stand in one of them only, such as Forage Crops"
    )
