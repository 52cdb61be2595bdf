"""Land covers beside the crops: the odds between crops stay, and covers are found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.classifier_header import HEAD
from windrow.classifiers.cover_settings import CoverSettings
from windrow.classifiers.covered_classifier import CoveredClassifier
from windrow.classifiers.land_covers import CROP, CoverExamples, sharpened
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.saved_classifier import read_classifier, write_classifier
from windrow.data.series import Series
from windrow.data.ten_day_grid import TenDayGrid, grid_of_series, join_grids
from windrow.errors import DataError
from windrow.evaluation.cross_validation import cross_validate, expectation
from windrow.experiments.recipes.classifier import mix
from windrow.experiments.recipes.heads import FEATURES
from windrow.sensors import SENTINEL2_BANDS

MIX = mix().model_copy(update={"num_trees": 15})
SETTINGS = CoverSettings(num_trees=30, min_rows_a_leaf=1, doubt=0.5, sharpness=2.0)
PLACE = make_place(60)
SERIES = series_of(PLACE)
NAMES = np.array(CROPS)[PLACE.crop].tolist()
LABELS = [name if i < 30 else None for i, name in enumerate(NAMES)]
CLEAR_BELOW = 102


def covered_ground(num_fields: int, *, seed: int) -> Series:
    """Fields that are bright and dark the year round: half of them roofs, half of them water."""
    draw = np.random.default_rng(seed)
    level = np.where(np.arange(num_fields) % 2 == 0, 3_000, 200)[:, None, None]
    series = series_of(make_place(num_fields, seed=seed))
    noise = draw.normal(0, 20, series.reflectance.shape)
    values = np.broadcast_to(level, series.reflectance.shape) + noise
    return replace(series, reflectance=values.astype(np.int16))


def grid_of(series: Series) -> TenDayGrid:
    return grid_of_series(series, clear_below=CLEAR_BELOW, latitude=48.0)


def examples(num_fields: int = 40) -> CoverExamples:
    crops = series_of(make_place(num_fields, seed=9))
    grid = join_grids(grid_of(covered_ground(num_fields, seed=7)), grid_of(crops))
    label = np.concatenate([np.arange(num_fields) % 2, np.full(num_fields, CROP)])
    return CoverExamples(("roofs", "water"), grid, label, SETTINGS)


@pytest.fixture(name="fitted", scope="module")
def _fitted() -> CoveredClassifier:
    return CoveredClassifier(make_encoder(), MIX, examples=examples()).fit(SERIES, LABELS)


def test_covers_are_found_and_crops_are_not_lost(fitted: CoveredClassifier) -> None:
    assert fitted.classes == (*sorted(CROPS), "roofs", "water")
    seen = covered_ground(20, seed=8)
    assert fitted.predict(seen).tolist() == ["roofs", "water"] * 10
    crops = fitted.predict(SERIES)
    assert (crops[30:] == np.array(NAMES)[30:]).mean() > 0.85
    assert not np.isin(crops, ["roofs", "water"]).any()
    np.testing.assert_allclose(fitted.predict_proba(seen).sum(axis=1), 1.0)


def test_the_odds_between_crops_are_those_without_covers(fitted: CoveredClassifier) -> None:
    plain = MixedClassifier(make_encoder(), MIX).fit(SERIES, LABELS).predict_proba(SERIES)
    found = fitted.predict_proba(SERIES)
    crop = found[:, :5].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, :5], plain * crop, atol=1e-12)


def test_covers_are_left_out_of_the_context(fitted: CoveredClassifier) -> None:
    more = covered_ground(30, seed=4)
    alike = fitted.with_context(more)
    np.testing.assert_array_equal(alike.predict_proba(SERIES), fitted.predict_proba(SERIES))
    assert alike.fitted.grid.gap.shape == fitted.fitted.grid.gap.shape
    fields = series_of(make_place(25, seed=11))
    assert len(fitted.with_context(fields).fitted.grid) == 85


def test_fewer_bands_are_fitted_anew(fitted: CoveredClassifier) -> None:
    bands = SENTINEL2_BANDS[:6]
    fewer = fitted.with_bands(bands)
    seen = covered_ground(20, seed=8).with_bands(bands)
    assert fewer.predict(seen).tolist() == ["roofs", "water"] * 10


def test_it_is_saved_and_read(fitted: CoveredClassifier, tmp_path: Path) -> None:
    write_classifier(tmp_path / "saved", fitted)
    header = json.loads((tmp_path / "saved" / HEAD).read_text())
    assert header["classes"] == [*sorted(CROPS), "roofs", "water"]
    again = read_classifier(tmp_path / "saved", make_encoder())
    seen = covered_ground(20, seed=8)
    np.testing.assert_array_equal(again.predict_proba(seen), fitted.predict_proba(seen))
    header["classes"] = header["classes"][::-1]
    (tmp_path / "saved" / HEAD).write_text(json.dumps(header))
    with pytest.raises(DataError, match="do not fit together"):
        read_classifier(tmp_path / "saved", make_encoder())


def test_crops_that_become_covers_are_errors_that_are_counted() -> None:
    """Half of the fields of a crop look like roofs."""
    roofs = covered_ground(60, seed=3).reflectance
    wrong = np.arange(60) % 10 == 6  # every tenth field, all of one crop, on even rows
    reflectance = np.where(wrong[:, None, None], roofs, SERIES.reflectance)
    series = replace(SERIES, reflectance=reflectance.astype(np.int16))
    found = cross_validate(
        lambda: CoveredClassifier(make_encoder(), MIX, examples=examples(200)),
        series, NAMES, crops={}, group=series.field_id, features=FEATURES, seed=0,
    )  # fmt: skip
    assert found.classes == (*sorted(CROPS), "roofs", "water")
    lost = found.probability.argmax(axis=1) >= 5
    expected = expectation(found, field=series.field_id, grouped_by="field_id")
    assert expected.lost_to_land_covers == pytest.approx(lost.mean())
    right = found.probability.argmax(axis=1) == found.true
    assert expected.windrow.overall_accuracy == pytest.approx(right.mean())
    assert set(expected.classes) == set(CROPS)
    f1 = [score.f1 for score in expected.classes.values()]
    assert expected.windrow.macro_f1 == pytest.approx(np.mean(f1))


def test_the_doubt_becomes_one_half_and_the_odds_are_raised_to_the_sharpness() -> None:
    settings = SETTINGS.model_copy(update={"doubt": 0.8, "sharpness": 3.0})
    share = np.linspace(0.01, 0.99, 25)
    odds = (share / (1 - share) / 4.0) ** 3
    np.testing.assert_allclose(sharpened(share, settings), odds / (1 + odds))
