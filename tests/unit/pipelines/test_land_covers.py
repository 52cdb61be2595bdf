"""Land covers are simulated where the fields lie, on their dates, without those that are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from place_factory import make_encoder, make_place, series_of
from windrow.classifiers.land_covers import CROP
from windrow.errors import DataError
from windrow.experiments.recipes.classifier import land_covers
from windrow.pipelines.land_covers import simulate_covers

SETTINGS = land_covers().model_copy(update={"num_worlds": 2, "num_fields": 14})
SERIES = series_of(make_place(30))
ENCODER = make_encoder()


def simulated(series=SERIES, labels=("wheat", "maize"), crops=None):
    return simulate_covers(series, labels, crops or {}, encoder=ENCODER, settings=SETTINGS, seed=0)


def test_covers_and_crops_are_simulated_alike_for_the_same_seed():
    found, again = simulated().examples, simulated().examples
    np.testing.assert_array_equal(found.grid.reflectance, again.grid.reflectance)
    np.testing.assert_array_equal(found.label, again.label)
    assert found.names == SETTINGS.names
    assert (found.label == CROP).sum() == 28
    assert (found.label != CROP).sum() == 28
    water = found.grid.reflectance[found.label == found.names.index("water")]
    crops = found.grid.reflectance[found.label == CROP]
    assert water[:, :, 10].mean() < 0.5 * crops[:, :, 10].mean()  # B11 over water is dark


def test_what_labels_name_is_no_further_cover():
    found = simulated(labels=("wheat", "Wald", "water", None))
    assert found.examples.names == ("shrub", "wetland", "bare ground", "built-up")
    assert found.line.endswith("shrub, wetland, bare ground, built-up")
    every = simulated(labels=SETTINGS.names)
    assert every.examples is None
    assert "all are named by labels" in every.line


def test_months_over_new_year_are_those_of_the_fields():
    """The same days, counted from October, give the same ten-day grid."""
    shifted = replace(
        SERIES,
        season_start="10-01",
        day_of_year=SERIES.day_of_year,
        year=np.full(len(SERIES), 2018, dtype=np.int16),
    )
    found = simulated(shifted).examples
    crops = found.grid.reflectance[found.label == CROP]
    green = (crops[:, :, 7] - crops[:, :, 3]) / (crops[:, :, 7] + crops[:, :, 3])
    month = green.mean(axis=0).reshape(12, 3).mean(axis=1)
    assert month[4:8].mean() > month[[0, 1, 11]].mean()  # summer is greener than winter


def test_a_place_must_be_known():
    with pytest.raises(DataError, match="land covers are simulated where the fields lie"):
        simulated(replace(SERIES, longitude=None, latitude=None))
