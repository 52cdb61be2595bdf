"""The settings of the comparison of a simulated set with a real one."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.shallow import TreesSettings
from windrow.config import Settings
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.experiments.recipes.heads import FEATURES
from windrow.experiments.simulation_check.likeness.two_sample_forest import TellingApartSettings

LEAST_LANDSCAPES = 20
"""Least number of landscapes of the simulated set; the fields of fewer share too much weather."""


class RealismSettings(Settings):
    """Settings of the comparison of a simulated set with a real one.

    Attributes:
        num_series: simulated series (pixels) of the set; their fields are averaged.
        seed: seed of every random draw.
        where: condition ``COLUMN=VALUE`` of the label table for fields to look at; None takes all
            fields.
        report_where: condition for fields that are only reported; None reports no others.
        cloudy_from: cloud probability 0..255 from which a pixel is cloudy; s2cloudless' own
            threshold is 0.4.
        clear_below: an observation of a field is clear below this cloud probability, or share of
            cloudy pixels, 0..255.
        min_fields: classes with fewer fields in the whole real set are left out of accuracies.
        least_clear_dates: clear dates that at least half of the real fields must have.
        merged: classes that are one class in the merged accuracy.
        zero_label_features: features of the zero-label classifier.
        zero_label_head: forest of the zero-label classifier.
        telling_apart: settings of the two-sample test.
        num_places: number of simulated places that measure the floor and the difficulty. Each is
            one landscape with the real set's numbers of fields per class.
        largest_landscape_m: side of the largest landscape that is searched for such fields, m.
        k: numbers of labelled fields per class, for the difficulty.
        num_draws: training sets for each k.
        num_splits: random halves over which the draws are distributed, where no condition splits.
        few_label_features: features of the few-label classifier.
        few_label_head: forest of the few-label classifier.
        bootstrap: settings of the intervals.
    """

    num_series: int = Field(ge=1)
    seed: int = Field(ge=0)
    where: str | None
    report_where: str | None
    cloudy_from: int = Field(ge=1, le=255)
    clear_below: int = Field(ge=1, le=255)
    min_fields: int = Field(ge=2)
    least_clear_dates: int = Field(ge=1)
    merged: tuple[str, ...]
    zero_label_features: FeatureSettings
    zero_label_head: TreesSettings
    telling_apart: TellingApartSettings
    num_places: int = Field(ge=2)
    largest_landscape_m: int = Field(ge=300, le=10_200)
    k: tuple[int, ...] = Field(min_length=1)
    num_draws: int = Field(ge=1)
    num_splits: int = Field(ge=1)
    few_label_features: FeatureSettings
    few_label_head: TreesSettings
    bootstrap: BootstrapSettings


def realism_settings(**chosen: Any) -> RealismSettings:
    """Returns the settings of the comparison with a user's choices.

    Raises:
        SettingsError: a value does not fit.

    Example:
        >>> realism_settings(where="half=A").num_series
        6000
    """
    clear_below = 26  # a tenth: real masks are nearly all or none
    values = {
        "num_series": 6000,
        "seed": 0,
        "where": None,
        "report_where": None,
        "cloudy_from": 102,
        "clear_below": clear_below,
        "min_fields": 10,
        "least_clear_dates": 12,
        "merged": ("Meadows", "Forage Crops"),
        "zero_label_features": FeatureSettings(clear_below=clear_below, step_days=10),
        "zero_label_head": TreesSettings(kind="extra_trees", num_trees=300, min_rows_a_leaf=2),
        "telling_apart": TellingApartSettings(
            num_trees=40,
            min_rows_a_leaf=1,
            num_folds=5,
            most_observations=300,
            fewest_fields=20,
        ),
        "num_places": 5,
        "largest_landscape_m": 6000,
        "k": (1, 5, 10, 20),
        "num_draws": 20,
        "num_splits": 5,
        "few_label_features": FEATURES,
        "few_label_head": TreesSettings(kind="extra_trees", num_trees=100, min_rows_a_leaf=1),
        "bootstrap": BootstrapSettings(num_resamples=1000, level=0.95),
        **chosen,
    }
    return RealismSettings.from_dict(values)
