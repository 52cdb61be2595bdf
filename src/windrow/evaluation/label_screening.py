"""Labels that look wrong, by the probabilities of classifiers that were not fitted on them.

A label is suspicious if a classifier that never saw it finds its class unlikely, compared with what
it finds for other fields of the same label. This is the self-confidence of confident learning
(Northcutt, Jiang and Chuang 2021, section 4.2), divided by its mean over the class, so that classes
that are hard to tell are not all suspicious.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

_LITTLE = 1e-6


def relative_confidence(
    probability: npt.NDArray[np.float64], label: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Computes the probability of each label relative to its mean over the fields of that label.

    Args:
        probability: (N, C) probabilities of fields by classifiers that were not fitted on them.
        label: (N,) classes that the fields are said to be of, 0 to C - 1.

    Returns:
        (N,) values, at least 0; 1 is as confident as the mean of the class. Low values are
        suspicious.

    Raises:
        DataError: the shapes do not fit, or a label is no class.

    Example:
        >>> found = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
        >>> relative_confidence(found, np.array([0, 0, 0, 1])).round(2).tolist()
        [1.5, 1.33, 0.17, 1.0]
    """
    if probability.ndim != 2 or label.shape != probability.shape[:1]:
        raise DataError(
            "probabilities and labels are of different fields",
            found=f"shapes {probability.shape} and {label.shape}",
            expected="(fields, classes) and (fields,)",
        )
    num_classes = probability.shape[1]
    if len(label) and not (int(label.min()) >= 0 and int(label.max()) < num_classes):
        raise DataError("a label is no class", found=f"{label.min()} to {label.max()}",
                        expected=f"0 to {num_classes - 1}")  # fmt: skip
    own = probability[np.arange(len(label)), label]
    total = np.bincount(label, weights=own, minlength=num_classes)
    mean = total / np.maximum(np.bincount(label, minlength=num_classes), 1)
    return np.asarray(own / np.maximum(mean[label], _LITTLE))


def suspects(
    confidence: npt.NDArray[np.float64],
    label: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    *,
    share: float,
) -> npt.NDArray[np.bool_]:
    """Marks the least confident labels that contradict the prediction.

    Args:
        confidence: (N,) from :func:`relative_confidence`.
        label: (N,) labels.
        predicted: (N,) most likely classes.
        share: largest share of all labels to mark, above 0 and at most 1.

    Returns:
        (N,) bool. At most ``ceil(share * N)`` labels are marked, and none that agrees with the
        prediction.

    Raises:
        DataError: the share is out of range.

    Example:
        >>> confidence = np.array([0.1, 0.2, 0.9, 1.1])
        >>> label, predicted = np.array([0, 0, 0, 1]), np.array([1, 1, 0, 1])
        >>> suspects(confidence, label, predicted, share=0.25).tolist()
        [True, False, False, False]
    """
    if not 0 < share <= 1:
        raise DataError("a share is out of range", found=share, expected="above 0, at most 1")
    marked = np.zeros(len(label), dtype=np.bool_)
    contradicted = np.flatnonzero(label != predicted)
    order = contradicted[np.argsort(confidence[contradicted], kind="stable")]
    marked[order[: int(np.ceil(share * len(label)))]] = True
    return marked
