"""Light heads on vectors: logistic regression, extra trees and random forest.

Scikit-learn fits them. :meth:`LightFit.to_model` converts a fit to plain arrays, which can be
saved and which predict without scikit-learn.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from windrow.config import Settings
from windrow.errors import DataError
from windrow.models.heads.linear import LinearHead
from windrow.models.heads.standardization import feature_moments
from windrow.models.heads.trees import LEAF, TreeHead


class LogisticSettings(Settings):
    """Settings of a logistic regression on standardised vectors.

    Attributes:
        inverse_regularisation: scikit-learn's C.
        max_iterations: largest number of iterations of the solver.
    """

    kind: Literal["logistic_regression"] = "logistic_regression"
    inverse_regularisation: float = Field(gt=0)
    max_iterations: int = Field(ge=1)


class TreesSettings(Settings):
    """Settings of a forest. Each split considers sqrt(F) of the F features.

    Attributes:
        kind: ``extra_trees`` (random thresholds, all rows) or ``random_forest`` (best
            thresholds, resampled rows).
        num_trees: number of trees.
        min_rows_a_leaf: smallest number of rows in a leaf.
    """

    kind: Literal["extra_trees", "random_forest"]
    num_trees: int = Field(ge=1)
    min_rows_a_leaf: int = Field(ge=1)


@dataclass(frozen=True, eq=False)
class LightFit:
    """A fitted light head in memory.

    Attributes:
        estimator: the estimator of scikit-learn.
        mean: (F,) float64, subtracted from the features; zeros for trees.
        scale: (F,) float64, by which the features are divided; ones for trees.
        num_classes: number of classes C in the legend.
        converged: whether the solver converged.
    """

    estimator: Any
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    num_classes: int
    converged: bool

    def predict_probability(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Computes the probability of each class of the legend.

        Args:
            features: (N, F) float32.

        Returns:
            (N, C) float64; 0 for classes without a training series.
        """
        inputs: npt.NDArray[Any] = features
        if isinstance(self.estimator, LogisticRegression):
            inputs = (features.astype(np.float64) - self.mean) / self.scale
        probability = np.zeros((len(features), self.num_classes))
        probability[:, self.estimator.classes_] = self.estimator.predict_proba(inputs)
        return probability

    def to_model(self) -> LinearHead | TreeHead:
        """Converts the head to plain arrays."""
        if isinstance(self.estimator, LogisticRegression):
            return self._linear()
        return self._trees()

    def _linear(self) -> LinearHead:
        weight = np.asarray(self.estimator.coef_, dtype=np.float64)
        bias = np.asarray(self.estimator.intercept_, dtype=np.float64)
        if len(weight) == 1:  # two classes: a sigmoid of s is a softmax of (-s/2, s/2)
            weight = np.concatenate([-weight / 2, weight / 2])
            bias = np.concatenate([-bias / 2, bias / 2])
        return LinearHead(
            mean=self.mean,
            scale=self.scale,
            weight=weight,
            bias=bias,
            classes=np.asarray(self.estimator.classes_, dtype=np.int64),
            num_classes=self.num_classes,
        )

    def _trees(self) -> TreeHead:
        trees = [estimator.tree_ for estimator in self.estimator.estimators_]
        root = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1].astype(np.int64)

        def joined(name: str) -> npt.NDArray[Any]:
            return np.concatenate([getattr(tree, name) for tree in trees])

        def children(name: str) -> npt.NDArray[np.int64]:
            local = joined(name).astype(np.int64)
            shift = np.repeat(root, [tree.node_count for tree in trees])
            return np.where(local == LEAF, LEAF, local + shift)

        left = children("children_left")
        shares = np.concatenate([tree.value[:, 0, :] for tree in trees]).astype(np.float64)
        return TreeHead(
            root=root,
            feature=np.where(left == LEAF, 0, joined("feature")).astype(np.int64),
            threshold=np.where(left == LEAF, 0.0, joined("threshold")),
            left=left,
            right=children("children_right"),
            value=shares / shares.sum(axis=1, keepdims=True),
            classes=np.asarray(self.estimator.classes_, dtype=np.int64),
            num_classes=self.num_classes,
            num_features=int(self.estimator.n_features_in_),
        )


def fit_light_head(
    features: npt.NDArray[np.float32],
    label: npt.NDArray[np.integer],
    *,
    num_classes: int,
    settings: LogisticSettings | TreesSettings,
    seed: int,
    weight: npt.NDArray[np.floating] | None = None,
) -> LightFit:
    """Fits a light head.

    Args:
        features: (N, F) float32, finite.
        label: (N,) classes 0..C-1.
        num_classes: number of classes C in the legend; some may not occur in ``label``.
        settings: kind and settings of the head.
        seed: seed of the trees.
        weight: (N,) weight of each series, positive; None weighs all alike.

    Raises:
        DataError: fewer than two classes occur.
    """
    if weight is not None and (weight == 1).all():
        weight = None
    if len(np.unique(label)) < 2:
        raise DataError("a head needs series of at least two classes", found=len(np.unique(label)))
    mean, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
    if isinstance(settings, TreesSettings):
        kind = ExtraTreesClassifier if settings.kind == "extra_trees" else RandomForestClassifier
        forest = kind(
            settings.num_trees, min_samples_leaf=settings.min_rows_a_leaf, random_state=seed
        )
        return LightFit(
            forest.fit(features, label, weight), mean, scale, num_classes, converged=True
        )
    values = features.astype(np.float64)
    mean, scale = feature_moments(values)
    regression = LogisticRegression(
        C=settings.inverse_regularisation, max_iter=settings.max_iterations
    )
    with warnings.catch_warnings():
        # ``converged`` replaces the warning, so that a run can count unconverged fits.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit((values - mean) / scale, label, weight)
    converged = bool((regression.n_iter_ < settings.max_iterations).all())
    return LightFit(regression, mean, scale, num_classes, converged=converged)
