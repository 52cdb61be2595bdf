"""Zero-label accuracy: a classifier learns from simulated fields and is tested on real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.classifiers.features import FeatureSettings, index_features
from windrow.classifiers.shallow import LightFit, TreesSettings, fit_light_head
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.metrics import confusion_matrix, scores


@dataclass(frozen=True, eq=False)
class ZeroLabelScores:
    """Accuracy on real fields of a classifier that learned from simulated fields only.

    Attributes:
        overall_accuracy: share of correctly classified fields, 0..1.
        macro_f1: mean F1 over the classes.
        merged_accuracy: the same share with the merged classes as one class; None where fewer
            than two of them occur.
        per_class_f1: (C,) F1 of each class, NaN where no field has the class.
        confusion: (C, C) counts, true by predicted.
    """

    overall_accuracy: float
    macro_f1: float
    merged_accuracy: float | None
    per_class_f1: npt.NDArray[np.float64]
    confusion: npt.NDArray[np.int64]


class ZeroLabelClassifier:
    """A forest on four indices of clear observations, fitted on simulated fields.

    Args:
        simulated: field means of all classes of the legend, every one labelled.
        features: settings of the indices.
        head: settings of the forest.
        seed: seed of the forest.

    Raises:
        DataError: a field has no label, or fewer than two classes occur.
    """

    def __init__(
        self, simulated: Series, *, features: FeatureSettings, head: TreesSettings, seed: int
    ) -> None:
        if simulated.label is None or simulated.legend is None or (simulated.label < 0).any():
            raise DataError("a classifier needs a label for every simulated field")
        self._legend = simulated.legend
        self._features = features
        self._fit: LightFit = fit_light_head(
            index_features(simulated, features).values,
            simulated.label,
            num_classes=len(simulated.legend),
            settings=head,
            seed=seed,
        )

    def score(self, real: Series, *, merged: Sequence[str]) -> ZeroLabelScores:
        """Tests the classifier on real fields that are labelled in the same legend.

        Args:
            real: field means.
            merged: names of the classes that are one class in ``merged_accuracy``.

        Raises:
            DataError: the legends differ, or a field has no label.
        """
        if real.legend != self._legend or real.label is None or (real.label < 0).any():
            raise DataError(
                "real fields must be labelled in the legend of the simulated ones",
                found="no legend" if real.legend is None else ", ".join(real.legend.names),
                expected=", ".join(self._legend.names),
            )
        values = index_features(real, self._features).values
        predicted = self._fit.predict_probability(values).argmax(axis=1)
        return zero_label_scores(real.label, predicted, self._legend.names, merged=merged)


def zero_label_scores(
    true: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    names: Sequence[str],
    *,
    merged: Sequence[str],
) -> ZeroLabelScores:
    """Computes the accuracy figures of predictions.

    Args:
        true: (N,) true classes.
        predicted: (N,) predicted classes.
        names: names of the C classes.
        merged: names of the classes that are one class in ``merged_accuracy``.

    Example:
        >>> found = zero_label_scores(
        ...     np.array([0, 1, 2]), np.array([1, 0, 2]), ("Meadows", "Forage", "Corn"),
        ...     merged=("Meadows", "Forage"))
        >>> round(found.overall_accuracy, 3), found.merged_accuracy
        (0.333, 1.0)
    """
    confusion = confusion_matrix(true, predicted, num_classes=len(names))
    result = scores(confusion)
    together = [position for position, name in enumerate(names) if name in merged]
    merged_accuracy: float | None = None
    if len(together) > 1:
        position = np.arange(len(names))
        position[together] = together[0]
        merged_accuracy = float((position[true] == position[predicted]).mean())
    return ZeroLabelScores(
        overall_accuracy=float(result.overall_accuracy),
        macro_f1=float(result.macro_f1),
        merged_accuracy=merged_accuracy,
        per_class_f1=result.per_class_f1,
        confusion=confusion,
    )
