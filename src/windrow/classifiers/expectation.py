"""What to expect of a fitted classifier: the figures of its cross-validation."""

from __future__ import annotations

from pydantic import Field

from windrow.config import Settings


class Score(Settings):
    """Figures of one method on labelled fields that it was not fitted on."""

    overall_accuracy: float = Field(ge=0, le=1)
    macro_f1: float = Field(ge=0, le=1, description="over the classes that occur")


class ClassScore(Settings):
    """Figures of the classifier for one class."""

    num_fields: int = Field(ge=1, description="labelled fields of the class")
    f1: float = Field(ge=0, le=1)


class Expectation(Settings):
    """The cross-validation of a classifier.

    Attributes:
        num_fields: labelled fields.
        num_folds: folds.
        grouped_by: the column whose groups never stand on both sides; ``field_id`` is the least.
        windrow: of the classifier itself.
        classes: of the classifier for each class, by name.
        baselines: of plain methods on the same folds, by name, and of the commonest class.
        calibration_error: expected calibration error (Guo et al. 2017).
        coverage: share of fields whose prediction set is to hold the true class.
        threshold: the largest score of a class of a set; 1 gives sets of all classes.
        lost_to_land_covers: share of the labelled fields that become a land cover that no label
            names.
    """

    num_fields: int = Field(ge=1)
    num_folds: int = Field(ge=2)
    grouped_by: str
    windrow: Score
    classes: dict[str, ClassScore]
    baselines: dict[str, Score]
    calibration_error: float = Field(ge=0, le=1)
    coverage: float = Field(gt=0, lt=1)
    threshold: float = Field(ge=0, le=1)
    lost_to_land_covers: float = Field(default=0.0, ge=0, le=1)
