"""A random forest on flattened series, for methods without a base model.

The paper flattens 144 dates that all pixels share. In other products the dates differ between
series, so each series is first resampled to a calendar of equal steps. A step holds the mean of
its valid dates. A step without a valid date takes the value of the nearest step that has one, the
earlier step at equal distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.classifiers.shallow import LightFit, TreesSettings, fit_light_head
from windrow.data.day_of_year import MAX_DAYS
from windrow.errors import DataError
from windrow.models.heads.inputs import HeadInputs

STEP_DAYS = 10
"""Length of a step in days, twice the revisit time of Sentinel-2."""


@dataclass(frozen=True, eq=False)
class Forest:
    """A fitted forest that takes sequences as inputs.

    Attributes:
        fit: the forest on flattened sequences.
    """

    fit: LightFit

    def predict_probability(self, inputs: HeadInputs) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C)."""
        return self.fit.predict_probability(flattened(inputs))


def fit_forest(
    inputs: HeadInputs,
    label: npt.NDArray[np.integer],
    *,
    num_classes: int,
    settings: TreesSettings,
    seed: int,
) -> Forest:
    """Fits a forest on sequences.

    Args:
        inputs: N sequences.
        label: (N,) classes 0..C-1.
        num_classes: number of classes C.
        settings: settings of the forest.
        seed: seed of the trees.

    Raises:
        DataError: the inputs are vectors, or fewer than two classes occur.
    """
    fit = fit_light_head(
        flattened(inputs), label, num_classes=num_classes, settings=settings, seed=seed
    )
    return Forest(fit)


def flattened(inputs: HeadInputs, *, step_days: int = STEP_DAYS) -> npt.NDArray[np.float32]:
    """Resamples sequences to a calendar of equal steps and flattens them to vectors.

    Args:
        inputs: (N, T, D) sequences.
        step_days: length of a step in days; the last step is shorter.

    Returns:
        (N, S * D) float32 for S steps, step-major.

    Raises:
        DataError: the inputs are vectors.
    """
    if inputs.values.ndim != 3 or inputs.day_of_year is None or inputs.valid is None:
        raise DataError("a forest on flattened series needs sequences", found=inputs.values.shape)
    num_steps = -(-MAX_DAYS // step_days)
    step = inputs.day_of_year // step_days
    of_step = (step[..., None] == np.arange(num_steps)) & inputs.valid[..., None]
    counts = of_step.sum(axis=1)
    values = np.where(inputs.valid[..., None], inputs.values, 0).astype(np.float32)
    total = np.matmul(of_step.transpose(0, 2, 1).astype(np.float32), values)
    means = total / np.maximum(counts, 1)[..., None]
    later = np.arange(num_steps) > np.arange(num_steps)[:, None]
    distance = 2 * np.abs(np.arange(num_steps)[:, None] - np.arange(num_steps)) + later
    nearest = np.where(counts[:, None, :] > 0, distance, 4 * num_steps).argmin(axis=2)
    filled = np.take_along_axis(means, nearest[..., None], axis=1)
    return np.asarray(filled.reshape(len(filled), -1), dtype=np.float32)
