"""Areas from a reference sample: published examples, a naive recomputation, and coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import DataError, SettingsError
from windrow.evaluation.area_estimation import estimate_areas
from windrow.evaluation.sample_allocation import allocate, expected_standard_error


def units(counts):
    """Map and reference class of each unit of an error matrix."""
    mapped, reference = np.nonzero(counts)
    number = counts[mapped, reference]
    return np.repeat(mapped, number), np.repeat(reference, number)


def test_example_of_olofsson_2014():
    # Tables 8 and 9 and page 54: deforestation, forest gain, stable forest, stable non-forest.
    counts = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    pixels = np.array([200_000, 150_000, 3_200_000, 6_450_000])
    mapped, reference = units(counts)
    found = estimate_areas(
        mapped, mapped, reference, stratum_area=pixels * 0.09, num_classes=4,
        strata_are_classes=True,
    )  # fmt: skip
    assert (found.counts == counts).all()
    assert found.area.estimate[0] == pytest.approx(21_158, abs=1)
    assert 1.96 * found.area.standard_error[0] == pytest.approx(6_158, abs=2)
    assert found.users.estimate.round(2).tolist() == [0.88, 0.73, 0.93, 0.96]
    assert (1.96 * found.users.standard_error).round(2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert found.producers.estimate.round(2).tolist() == [0.75, 0.85, 0.93, 0.96]
    assert float(found.overall.estimate) == pytest.approx(0.95, abs=0.005)
    assert 1.96 * float(found.overall.standard_error) == pytest.approx(0.02, abs=0.005)


def test_example_of_stehman_2014_whose_strata_are_not_the_classes():
    stratum = np.repeat(np.arange(4), 10)
    of = {letter: k for k, letter in enumerate("ABCD")}
    mapped = np.array([of[each] for each in "A" * 7 + "BBBA" + "B" * 11 + "CCCCCCBB" + "D" * 10])
    reference = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
    found = estimate_areas(
        stratum, mapped, np.array([of[each] for each in reference]),
        stratum_area=np.array([40_000.0, 30_000.0, 20_000.0, 10_000.0]), num_classes=4,
    )  # fmt: skip
    assert found.area.estimate[[0, 2]] / 1e5 == pytest.approx([0.35, 0.20])
    assert float(found.overall.estimate) == pytest.approx(0.63)
    assert found.users.estimate[1] == pytest.approx(0.574, abs=5e-4)
    assert found.producers.estimate[1] == pytest.approx(0.794, abs=5e-4)
    assert found.proportions[1, 2] == pytest.approx(0.08)
    assert found.area.standard_error[[0, 2]] / 1e5 == pytest.approx([0.082, 0.064], abs=6e-4)
    assert float(found.overall.standard_error) == pytest.approx(0.085, abs=6e-4)
    assert found.users.standard_error[1] == pytest.approx(0.125, abs=6e-4)


@given(seed=st.integers(0, 10_000), num_classes=st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_equals_the_formulas_of_olofsson_written_as_loops(seed, num_classes):
    random = np.random.default_rng(seed)
    counts = random.integers(0, 9, (num_classes, num_classes)) + 2 * np.eye(num_classes, dtype=int)
    area = random.uniform(1, 100, num_classes)
    mapped, reference = units(counts)
    found = estimate_areas(
        mapped, mapped, reference, stratum_area=area, num_classes=num_classes,
        strata_are_classes=True,
    )  # fmt: skip
    total, n = area.sum(), counts.sum(axis=1)
    for k in range(num_classes):
        shares = [area[i] / total * counts[i, k] / n[i] for i in range(num_classes)]
        user = counts[k, k] / n[k]
        spread = [counts[i, k] / n[i] * (1 - counts[i, k] / n[i]) for i in range(num_classes)]
        variance = sum((area[i] / total) ** 2 * spread[i] / (n[i] - 1) for i in range(num_classes))
        size, producer = sum(shares) * total, shares[k] / sum(shares)
        above = area[k] ** 2 * (1 - producer) ** 2 * user * (1 - user) / (n[k] - 1)
        others = [area[i] ** 2 * spread[i] / (n[i] - 1) for i in range(num_classes) if i != k]
        assert found.area.estimate[k] == pytest.approx(size)
        assert found.area.standard_error[k] == pytest.approx(total * variance**0.5)
        assert found.users.estimate[k] == pytest.approx(user)
        assert found.users.standard_error[k] == pytest.approx(
            (user * (1 - user) / (n[k] - 1)) ** 0.5
        )
        assert found.producers.standard_error[k] == pytest.approx(
            (above + producer**2 * sum(others)) ** 0.5 / size
        )


@pytest.mark.parametrize("design", ["stratified", "simple", "other strata"])
def test_intervals_cover_the_truth_in_95_of_100_samples(design):
    random = np.random.default_rng(3)
    size = 40_000
    truth = random.choice(3, size, p=[0.2, 0.3, 0.5])
    mapped = np.where(random.random(size) < 0.85, truth, random.choice(3, size))
    old = np.where(random.random(size) < 0.6, mapped, random.choice(3, size))
    strata = old if design == "other strata" else mapped
    area = np.bincount(strata, minlength=3).astype(float)
    members = [np.flatnonzero(strata == h) for h in range(3)]
    true_area = np.bincount(truth, minlength=3)
    true_users = [(truth[mapped == k] == k).mean() for k in range(3)]
    true_producers = [(mapped[truth == k] == k).mean() for k in range(3)]
    hits = []
    for _ in range(1_000):
        if design == "simple":
            chosen = random.integers(0, size, 450)
        else:
            chosen = np.concatenate([random.choice(each, 150) for each in members])
        found = estimate_areas(
            strata[chosen], mapped[chosen], truth[chosen], stratum_area=area, num_classes=3,
            strata_are_classes=design != "other strata",
        )  # fmt: skip
        pairs = (
            (found.area, true_area),
            (found.users, true_users),
            (found.producers, true_producers),
            (found.overall, (mapped == truth).mean()),
        )
        hits.append(
            np.concatenate(
                [np.atleast_1d((each.low <= true) & (true <= each.high)) for each, true in pairs]
            )
        )
    coverage = np.mean(hits, axis=0)
    assert coverage.min() > 0.92
    assert coverage.max() < 0.98


def test_a_stratum_without_a_sample_is_left_out_and_one_sample_widens_intervals():
    found = estimate_areas(
        np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]),
        stratum_area=np.array([6.0, 4.0, 5.0]), num_classes=3, strata_are_classes=True,
    )  # fmt: skip
    assert found.num_samples.tolist() == [3, 1, 0]
    assert found.total_area == 10.0
    assert found.area.estimate.tolist() == pytest.approx([4.0, 6.0, 0.0])
    known = 0.6**2 * (2 / 9 * 3 / 2) / 3
    expected = (known + 0.4**2 * 0.25) ** 0.5
    assert float(found.overall.standard_error) == pytest.approx(expected)
    assert np.isnan(found.users.estimate[2])
    assert np.isnan(found.producers.estimate[2])
    assert found.users.standard_error[1] == pytest.approx(0.5)
    assert found.users.standard_error[0] == pytest.approx((1 / 9) ** 0.5)


def test_no_sample_and_a_stratum_without_area_are_refused():
    none = np.array([], dtype=np.int64)
    with pytest.raises(DataError, match="no sample unit"):
        estimate_areas(none, none, none, stratum_area=np.ones(2), num_classes=2)
    one = np.array([1])
    with pytest.raises(DataError, match="has no area"):
        estimate_areas(one, one, one, stratum_area=np.array([1.0, 0.0]), num_classes=2)


@given(
    pixels=st.lists(st.integers(0, 3_000), min_size=1, max_size=8),
    least=st.integers(1, 40),
    size=st.integers(1, 2_000),
    kind=st.sampled_from(["proportional", "equal", "neyman"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=300, deadline=None)
def test_allocation_gives_the_size_and_every_class_its_least(pixels, least, size, kind, seed):
    pixels = np.array(pixels)
    floor = np.minimum(pixels, least)
    accuracy = np.random.default_rng(seed).uniform(0, 1, len(pixels)).round(1)

    def found():
        return allocate(
            pixels, size=size, min_per_class=least, allocation=kind, expected_accuracy=accuracy
        )

    if size < floor.sum() or size > pixels.sum():
        with pytest.raises(SettingsError, match="--size"):
            found()
        return
    numbers = found()
    assert numbers.sum() == size
    assert (numbers >= floor).all()
    assert (numbers <= pixels).all()


def test_expected_standard_error_is_that_of_simulated_samples():
    random = np.random.default_rng(0)
    area, number = np.array([3.0, 1.0]), np.array([60, 30])
    accuracy = np.array([0.9, 0.6])
    right = random.binomial(number, accuracy, (20_000, 2)) / number
    simulated = (right @ (area / 4)).std()
    assert expected_standard_error(area, number, accuracy) == pytest.approx(simulated, rel=0.02)
