"""The content of ``realism.json``: what was compared, the three numbers and the settings.

Accuracies, shares and areas under the curve (AUC) are fractions, 0..1. None replaces what is not
known.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from windrow.evaluation.fewshot.task import LeftOutClass
from windrow.json_values import JsonObject


class RealPart(TypedDict):
    """A part of the real fields.

    Attributes:
        part: ``look`` (looked at) or ``report`` (only reported).
        condition: the condition on the label table; None for all fields.
        num_fields: number of fields.
        fields_by_class: number of fields of each class of the legend.
        note: remark to be shown beside every figure of the part.
    """

    part: str
    condition: str | None
    num_fields: int
    fields_by_class: list[int]
    note: str | None


class SimulatedSet(TypedDict):
    """The size of the simulated set.

    Attributes:
        num_series: number of simulated pixels.
        num_fields: number of simulated fields of the classes of the legend.
        num_landscapes: number of landscapes.
        pixels_a_field: mean number of pixels per field.
        fields_by_class: number of fields of each class of the legend.
        num_fields_of_other_classes: number of fields of classes that the real set does not have.
    """

    num_series: int
    num_fields: int
    num_landscapes: int
    pixels_a_field: float
    fields_by_class: list[int]
    num_fields_of_other_classes: int


class ZeroLabelAccuracy(TypedDict):
    """Accuracy on a part of the real fields after training on simulated fields only.

    Attributes:
        part: part of the real fields.
        overall_accuracy: share of right fields.
        macro_f1: mean of the F1 scores of the classes.
        merged_accuracy: overall accuracy with some classes merged; None without such classes.
        per_class_f1: F1 score by class.
        confusion_matrix: number of fields by true class and predicted class.
    """

    part: str
    overall_accuracy: float
    macro_f1: float
    merged_accuracy: float | None
    per_class_f1: list[float | None]
    confusion_matrix: list[list[int]]


class Separability(TypedDict):
    """How well a forest separates a set of fields from the simulated set.

    Attributes:
        num_fields: fields of the set.
        num_simulated: simulated fields in the same proportions of classes.
        years: AUC by monthly medians.
        observations: AUC for single clear observations, mean over months.
        observations_by_month: the same by month, (12,).
        importance: importance by month and band in the forest on years, (12, B).
        observations_importance: the same in the forests on single observations.
    """

    num_fields: int
    num_simulated: int
    years: float
    observations: float | None
    observations_by_month: list[float | None]
    importance: list[list[float]]
    observations_importance: list[list[float | None]]


class PartSeparability(Separability):
    """Separability of a part of the real fields.

    Attributes:
        part: part of the real fields.
    """

    part: str


class FewLabelAccuracy(TypedDict):
    """Few-label accuracy at one number of labelled fields per class.

    Attributes:
        k: labelled fields per class.
        overall_accuracy: mean over draws.
        overall_accuracy_low: lower end of its interval over resampled test fields.
        overall_accuracy_high: upper end of this interval.
        macro_f1: mean over draws.
        macro_f1_low: lower end of its interval.
        macro_f1_high: upper end of its interval.
        draws: number of training sets.
        places: number of places.
        places_std: standard deviation of the overall accuracy between places; None for one place.
    """

    k: int
    overall_accuracy: float
    overall_accuracy_low: float
    overall_accuracy_high: float
    macro_f1: float
    macro_f1_low: float
    macro_f1_high: float
    draws: int
    places: int
    places_std: float | None


class Difficulty(TypedDict):
    """Few-label accuracy of real and of simulated fields at one k.

    Attributes:
        part: part of the real fields.
        k: labelled fields per class.
        real: accuracy of real fields.
        simulated: accuracy of simulated fields.
        difference: overall accuracy of simulated minus real fields.
    """

    part: str
    k: int
    real: FewLabelAccuracy
    simulated: FewLabelAccuracy
    difference: float


class RealismRecord(TypedDict):
    """The content of ``realism.json``.

    Attributes:
        simulated_data: always True, as one of the sets is simulated.
        windrow: version.
        scenario: name of the simulated scenario.
        real: the real table or store.
        legend: names of the shared classes.
        bands: names of the compared bands.
        parts: the parts of the real fields.
        simulated: size of the simulated set.
        left_out: the classes left out.
        notes: remarks for the user.
        zero_label: zero-label accuracy by part.
        telling_apart: separability by part.
        floor: separability of each left-out simulated place.
        difficulty: few-label accuracy by part and k.
        settings: settings of the comparison.
        scenario_settings: settings of the scenario.
    """

    simulated_data: Literal[True]
    windrow: str
    scenario: str
    real: str
    legend: list[str]
    bands: list[str]
    parts: list[RealPart]
    simulated: SimulatedSet
    left_out: list[LeftOutClass]
    notes: list[str]
    zero_label: list[ZeroLabelAccuracy]
    telling_apart: list[PartSeparability]
    floor: list[Separability]
    difficulty: list[Difficulty]
    settings: JsonObject
    scenario_settings: JsonObject
