"""A linear head with standardisation, weights and softmax. It predicts with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.models.heads.inputs import HeadInputs


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Multinomial logistic regression on standardised vectors.

    ``softmax(((x - mean) / scale) W^T + b)``.

    Attributes:
        mean: (F,) float64, subtracted from the vectors.
        scale: (F,) float64, by which they are then divided; positive.
        weight: (K, F) float64.
        bias: (K,) float64.
        classes: (K,) int64, position in the legend of each row, increasing.
        num_classes: number of classes C in the legend. Classes not in ``classes`` get probability
            0.
    """

    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    num_classes: int

    def predict_probability(self, inputs: HeadInputs) -> npt.NDArray[np.float64]:
        """Computes the probability of each class of the legend, (N, C).

        Example:
            >>> head = LinearHead(
            ...     mean=np.zeros(1), scale=np.ones(1), weight=np.array([[0.0], [1.0]]),
            ...     bias=np.zeros(2), classes=np.array([0, 2]), num_classes=3,
            ... )
            >>> vector = HeadInputs(values=np.zeros((1, 1), dtype=np.float32))
            >>> head.predict_probability(vector).tolist()
            [[0.5, 0.0, 0.5]]
        """
        standardised = (inputs.values.astype(np.float64) - self.mean) / self.scale
        logits = standardised @ self.weight.T + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probability = np.zeros((len(inputs), self.num_classes))
        probability[:, self.classes] = odds / odds.sum(axis=1, keepdims=True)
        return probability
