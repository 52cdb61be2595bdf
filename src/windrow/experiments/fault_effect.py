"""The effect of a fault on accuracy, and its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

from windrow.evaluation.paired_tests import gain, mean_and_deviation
from windrow.json_values import JsonObject


class FaultEffect(TypedDict):
    """The effect of one fault on overall accuracy, a fraction 0..1.

    Attributes:
        switch: name of the fault.
        measured: what was trained and tested.
        corrected: mean and standard deviation without the fault.
        faulty: mean and standard deviation with the fault.
        gain: mean, smallest and largest gain of the correction, over the pairs.
        p_value: of a sign-flip test of the gains.
        num_pairs: number of pairs of seed and configuration.
        all_corrected: overall accuracies without the fault, by pair.
        all_faulty: overall accuracies with the fault, by pair.
    """

    switch: str
    measured: str
    corrected: list[float]
    faulty: list[float]
    gain: list[float]
    p_value: float
    num_pairs: int
    all_corrected: list[float]
    all_faulty: list[float]


class FaultEffects(TypedDict):
    """The content of ``corrections.json``.

    Attributes:
        simulated: always True.
        settings: settings of the measurement.
        effects: one entry per fault and measured quantity.
    """

    simulated: Literal[True]
    settings: JsonObject
    effects: list[FaultEffect]


@dataclass(frozen=True)
class Effect:
    """One fault: overall accuracies without and with it, paired by seed and configuration."""

    switch: str
    measured: str
    corrected: tuple[float, ...]
    faulty: tuple[float, ...]

    def to_dict(self) -> FaultEffect:
        """Returns the accuracies with means, deviations and the gain of the correction."""
        difference = gain(self.corrected, self.faulty)
        return {
            "switch": self.switch,
            "measured": self.measured,
            "corrected": list(mean_and_deviation(self.corrected)),
            "faulty": list(mean_and_deviation(self.faulty)),
            "gain": [difference.mean, difference.smallest, difference.largest],
            "p_value": difference.p_value,
            "num_pairs": difference.num_pairs,
            "all_corrected": list(self.corrected),
            "all_faulty": list(self.faulty),
        }
