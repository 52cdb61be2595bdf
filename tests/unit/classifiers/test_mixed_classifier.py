"""The crop classifier: labels in, probabilities out, whoever else is classified."""

from dataclasses import replace

import numpy as np
import pytest

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.mix import MixSettings, index_values
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.data.ten_day_grid import grid_of_series
from windrow.errors import BandError, DataError
from windrow.experiments.recipes.classifier import mix
from windrow.sensors import SENTINEL2_BANDS

MIX = mix().model_copy(update={"num_trees": 20})
PLACE = make_place(60)
SERIES = series_of(PLACE)
NAMES = np.array(CROPS)[PLACE.crop]
KNOWN = {name: [name] for name in CROPS}


def labels(num_labelled):
    """The first fields labelled, the others not."""
    return [name if i < num_labelled else None for i, name in enumerate(NAMES.tolist())]


@pytest.fixture(name="fitted", scope="module")
def _fitted():
    return MixedClassifier(make_encoder(), MIX).fit(SERIES, labels(25), crops=KNOWN)


def test_probabilities_are_right_and_sum_to_one(fitted):
    probability = fitted.predict_proba(SERIES)
    assert probability.shape == (60, 5)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert fitted.classes == tuple(sorted(CROPS))
    assert fitted.num_labelled == 5
    right = np.array(fitted.classes)[probability.argmax(axis=1)] == NAMES
    assert right[25:].mean() > 0.9
    np.testing.assert_array_equal(fitted.predict(SERIES) == NAMES, right)


def test_a_field_does_not_depend_on_the_others_given(fitted):
    together = fitted.predict_proba(SERIES)
    alone = fitted.predict_proba(SERIES.select(np.array([41, 7])))
    np.testing.assert_allclose(alone, together[[41, 7]], atol=1e-5)


def test_the_same_seed_gives_the_same_classifier(fitted):
    again = MixedClassifier(make_encoder(), MIX).fit(SERIES, labels(25), crops=KNOWN)
    np.testing.assert_array_equal(again.predict_proba(SERIES), fitted.predict_proba(SERIES))


def test_crops_alone_are_enough_and_nothing_at_all_is_not():
    classifier = MixedClassifier(make_encoder(), MIX)
    unlabelled = classifier.fit(SERIES, [None] * 60, crops={"a": ["wheat"], "b": ["maize", "hemp"]})
    assert unlabelled.classes == ("a", "b")
    assert unlabelled.num_labelled == 0
    np.testing.assert_allclose(unlabelled.predict_proba(SERIES).sum(axis=1), 1.0)
    with pytest.raises(DataError, match="fewer than two classes"):
        classifier.fit(SERIES, [None] * 60)
    with pytest.raises(DataError, match=r"class 'b' has no labelled field and no known crop"):
        classifier.fit(SERIES, [None] * 60, crops={"a": ["wheat"], "b": []})
    with pytest.raises(DataError, match="the weights know no crop 'quinoa'"):
        classifier.fit(SERIES, labels(20), crops={"a": ["quinoa"]})
    with pytest.raises(DataError, match="not fitted"):
        MixedClassifier(make_encoder(), MIX).predict_proba(SERIES)
    untrained = MixedClassifier(make_encoder(untrained=("hemp",)), MIX)
    with pytest.raises(DataError, match="the weights know no crop 'hemp'"):
        untrained.fit(SERIES, labels(20), crops={"hemp": ["hemp"]})


def test_a_prior_that_contradicts_the_labels_is_dropped():
    """Labels that lie exactly where each class is, and priors that lie anywhere."""
    fitted = MixedClassifier(make_encoder(), MIX).fit(SERIES, labels(50), crops=KNOWN)
    assert fitted.prior_scale < 1.0  # the fresh network's prior is noise


def test_where_the_prior_fails_bands_and_indices_lead():
    with_prior = MixedClassifier(make_encoder(), MIX).fit(SERIES, labels(50), crops=KNOWN)
    without = MixedClassifier(make_encoder(), MIX).fit(SERIES, labels(50))
    trust = max(MIX.least_trust, with_prior.prior_scale)
    assert (without.prior_scale, trust < 1) == (1.0, True)
    full, careful = without.weights(), with_prior.weights()
    assert careful["prototypes"] == pytest.approx(full["prototypes"] * trust)
    assert careful["embedding_trees"] == pytest.approx(full["embedding_trees"] * trust)
    assert careful["band_index_trees"] == full["band_index_trees"]


def test_bands_and_levels_are_those_of_the_fit(fitted):
    with pytest.raises(BandError, match="lack band"):
        fitted.predict_proba(SERIES.with_bands(("B02", "B03", "B04", "B08")))
    with pytest.raises(DataError, match="another processing level"):
        fitted.predict_proba(series_of(PLACE, level="L1C"))
    ten_metres = SERIES.with_bands(("B02", "B03", "B04", "B08"))
    few = MixedClassifier(make_encoder(), MIX).fit(ten_metres, labels(25))
    assert set(few.forests) == {"embedding_trees", "band_index_trees"}  # four indices need more
    # More bands than it was fitted on are no harm.
    np.testing.assert_allclose(few.predict_proba(SERIES), few.predict_proba(ten_metres))


def test_further_fields_of_the_place_can_be_seen(fitted):
    first = MixedClassifier(make_encoder(), MIX).fit(SERIES.select(slice(0, 25)), labels(25)[:25])
    wider = first.with_context(SERIES.select(slice(25, 60)))
    whole = MixedClassifier(make_encoder(), MIX).fit(SERIES, labels(25))
    np.testing.assert_allclose(wider.predict_proba(SERIES), whole.predict_proba(SERIES), atol=1e-6)
    assert np.abs(wider.predict_proba(SERIES) - first.predict_proba(SERIES)).max() > 1e-4


def test_more_labelled_fields_than_the_network_sees_still_count():
    place = make_place(200)
    series, names = series_of(place), np.array(CROPS)[place.crop].tolist()
    small = MixedClassifier(make_encoder(), MIX, num_context=40).fit(series, names)
    assert (small.predict(series) == np.array(names)).mean() > 0.95


def test_strange_fields_are_unlike(fitted):
    usual = np.median(fitted.unlikeness(SERIES))
    strange = replace(
        SERIES, reflectance=np.random.default_rng(0).permuted(SERIES.reflectance, axis=1)
    )
    assert usual < 1.2
    assert np.median(fitted.unlikeness(strange)) > usual


def test_weights_of_voters_are_interpolated_between_knots():
    settings = MIX.model_copy(
        update={
            "num_labelled": (0, 3),
            "prototypes": (1.0, 0.5),
            "embedding_trees": (0.0, 0.2),
            "four_index_trees": (0.0, 0.0),
            "band_index_trees": (0.0, 0.3),
            "temperature": (2.0, 1.0),
        }
    )
    assert settings.weight("prototypes", 1) == pytest.approx(0.75)  # halfway from ln 1 to ln 4
    assert settings.weight("band_index_trees", 100) == 0.3
    assert settings.temperature_at(1) == pytest.approx(1.5)
    with pytest.raises(ValueError, match="must have a weight for each"):
        MixSettings.model_validate({**settings.to_dict(), "prototypes": (1.0,)})


def test_indices_are_normalised_differences():
    grid = grid_of_series(SERIES, clear_below=102)
    found = index_values(grid).reshape(60, 12, 36)
    red, infrared = grid.reflectance[:, :, 3], grid.reflectance[:, :, 7]
    np.testing.assert_allclose(found[:, 0], (infrared - red) / (infrared + red), rtol=1e-5)


def test_temperature_softens_and_keeps_the_order():
    fixed = MIX.model_copy(update={"share_trust": None})  # the shift of shares is no order
    warm = fixed.model_copy(update={"temperature": tuple(3 * t for t in MIX.temperature)})
    usual = MixedClassifier(make_encoder(), fixed).fit(SERIES, labels(25)).predict_proba(SERIES)
    soft = MixedClassifier(make_encoder(), warm).fit(SERIES, labels(25)).predict_proba(SERIES)
    np.testing.assert_array_equal(usual.argmax(axis=1), soft.argmax(axis=1))
    np.testing.assert_allclose(
        np.log(usual[:, 0] / usual[:, 1]), 3 * np.log(soft[:, 0] / soft[:, 1]), rtol=1e-6
    )


def test_probabilities_follow_the_class_shares_of_the_place():
    """Two of five classes make up most of the unlabelled fields; labels are balanced."""
    place = make_place(200)
    common = np.flatnonzero(place.crop < 2)
    chosen = np.concatenate([np.arange(25), common[common >= 25]])
    series, names = series_of(place).select(chosen), np.array(CROPS)[place.crop[chosen]]
    shown = [name if i < 25 else None for i, name in enumerate(names.tolist())]
    fixed = MIX.model_copy(update={"share_trust": None})
    plain = MixedClassifier(make_encoder(), fixed).fit(series, shown)
    shifted = MixedClassifier(make_encoder(), MIX).fit(series, shown)
    assert plain.class_shares == pytest.approx(dict.fromkeys(CROPS, 0.2))
    shares = shifted.class_shares
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares[name] for name in CROPS[:2]) > 0.2 > max(shares[name] for name in CROPS[2:])
    before, after = plain.predict_proba(series), shifted.predict_proba(series)
    ratio = np.array([shares[name] / 0.2 for name in shifted.classes])
    expected = before * ratio
    np.testing.assert_allclose(after, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)


def test_few_unlabelled_fields_hardly_move_the_shares():
    alone = MixedClassifier(make_encoder(), MIX).fit(SERIES.select(slice(0, 26)), labels(25)[:26])
    assert max(alone.class_shares.values()) < 0.25
    nothing = MixedClassifier(make_encoder(), MIX).fit(SERIES.select(slice(0, 25)), labels(25)[:25])
    assert nothing.class_shares == pytest.approx(dict.fromkeys(CROPS, 0.2))


def from_october(series):
    """The same observations as twelve months that begin in October, as if of the year before."""
    day = series.calendar_day.astype(np.int64)
    day = np.where(day < 273, day + 92, day - 273)
    order = np.argsort(np.where(series.valid, day, 1000), axis=1, kind="stable")

    def sort(values):
        return np.take_along_axis(values, order, axis=1)

    return replace(
        series,
        reflectance=np.take_along_axis(series.reflectance, order[..., None], axis=1),
        day_of_year=sort(day).astype(np.int16),
        valid=sort(series.valid),
        cloud_probability=None
        if series.cloud_probability is None
        else sort(series.cloud_probability),
        year=series.year - 1,
        season_start="10-01",
    )


def test_any_twelve_months_are_classified_alike(fitted):
    """A year with the same days from 1 January on as the season from October on."""
    assert not (SERIES.year % 4 == 0).any()
    shifted = from_october(SERIES)
    expected = fitted.predict_proba(SERIES)
    np.testing.assert_allclose(fitted.predict_proba(shifted), expected, atol=1e-6)
    again = MixedClassifier(make_encoder(), MIX).fit(shifted, labels(25), crops=KNOWN)
    np.testing.assert_allclose(again.predict_proba(SERIES), expected, atol=1e-6)


def test_a_field_is_the_same_to_the_last_bit_whoever_is_beside_it(fitted):
    together = fitted.predict_proba(SERIES)
    order = np.random.default_rng(3).permutation(len(SERIES))
    np.testing.assert_array_equal(fitted.predict_proba(SERIES.select(order)), together[order])
    alone = np.concatenate([fitted.predict_proba(SERIES[k : k + 1]) for k in range(5)])
    np.testing.assert_array_equal(alone, together[:5])


def test_fewer_bands_are_a_fit_on_them(fitted):
    bands = ("B02", "B03", "B04", "B08", "B11")
    few = fitted.with_bands(("B08", "B11", "B04", "B03", "B02"))
    direct = MixedClassifier(make_encoder(), MIX).fit(
        SERIES.with_bands(bands), labels(25), crops=KNOWN
    )
    np.testing.assert_array_equal(
        few.predict_proba(SERIES.with_bands(bands)), direct.predict_proba(SERIES.with_bands(bands))
    )
    assert fitted.with_bands(SENTINEL2_BANDS).fitted.bands == SENTINEL2_BANDS
    with pytest.raises(BandError, match="no band of the classifier"):
        fitted.with_bands(("B99",))


def test_the_pixels_of_a_field_weigh_as_one():
    """Two pixels, the same as each other, are one field of their value."""
    named = np.arange(25)
    names = labels(25)[:25]
    once = MixedClassifier(make_encoder(), MIX).fit(SERIES.select(named), names, crops=KNOWN)
    rows = np.concatenate([named, [3, 3, 3]])
    twice = replace(
        SERIES.select(named),
        **{
            name: getattr(SERIES, name)[rows]
            for name in ("reflectance", "day_of_year", "valid", "field_id", "year")
        },
        id=np.arange(28),
        **dict.fromkeys(("cloud_probability", "longitude", "latitude", "label")),
        legend=None,
    )
    again = MixedClassifier(make_encoder(), MIX).fit(twice, [names[r] for r in rows], crops=KNOWN)
    assert again.num_labelled == once.num_labelled == 5
    assert again.fitted.weight[[3, 25, 26, 27]].tolist() == [0.25] * 4
    assert again.fitted.weight[[0, 24]].tolist() == [1.0, 1.0]


def test_a_class_without_a_label_is_told_by_its_prior_alone():
    few = [name if name != "hemp" else None for name in labels(25)]
    with_hemp = MixedClassifier(make_encoder(), MIX).fit(SERIES, few, crops=KNOWN)
    probability = with_hemp.predict_proba(SERIES)
    at = with_hemp.classes.index("hemp")
    assert with_hemp.num_labelled == 5
    prototypes = np.exp(with_hemp.votes(SERIES)["prototypes"])
    np.testing.assert_allclose(probability[:, at], prototypes[:, at])
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert "hemp" not in with_hemp.class_shares
