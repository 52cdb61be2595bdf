"""What the demo gave, as JSON values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from windrow.classifiers.expectation import Expectation
from windrow.config import Settings

RESULT = "demo.json"


class MethodScores(Settings):
    """Figures of a method, one per draw of the labelled fields."""

    overall_accuracy: tuple[float, ...]
    macro_f1: tuple[float, ...]


class Gain(Settings):
    """Mean difference of two methods over the draws, and its 95 % interval."""

    mean: float
    low: float
    high: float


class DemoResult(Settings):
    """What the demo gave."""

    simulated: bool
    latitude: float
    longitude: float
    processing_level: str
    num_fields: dict[str, int] = Field(description="fields of each class")
    left_out: dict[str, int] = Field(description="fields of classes that have too few")
    num_labelled: int
    methods: dict[str, MethodScores]
    best_plain: str = Field(description="plain method with the best mean accuracy, picked after")
    gain: Gain
    gain_macro_f1: Gain
    expectation: Expectation = Field(description="what 'train' expected")
    accuracy_of_the_rest: float = Field(description="of the classified table, without the labels")
    has_map: bool


def paired_gain(first: Sequence[float], second: Sequence[float]) -> Gain:
    """Computes the mean difference over paired draws with Student's 95 % interval.

    The draws share fields, so that the interval is somewhat too narrow.

    Example:
        >>> gain = paired_gain([0.9, 0.8, 0.85], [0.7, 0.7, 0.7])
        >>> round(gain.mean, 3), round(gain.low, 3), round(gain.high, 3)
        (0.15, 0.026, 0.274)
    """
    from scipy.stats import t

    difference = np.asarray(first) - np.asarray(second)
    mean = float(difference.mean())
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    reach = float(t.ppf(0.975, len(difference) - 1)) * error
    return Gain(mean=mean, low=mean - reach, high=mean + reach)
