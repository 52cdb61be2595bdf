"""A forest as flat arrays. Predicting needs numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.models.heads.inputs import HeadInputs

LEAF = -1
"""What stands as child of a leaf."""


@dataclass(frozen=True, eq=False)
class TreeHead:
    """The mean over trees of the class shares in the leaf that a vector falls into.

    The nodes of all trees stand one after another; a node's children stand behind it.

    Attributes:
        root: (R,) int64, first node of each tree.
        feature: (M,) int64, what an inner node compares; any value at a leaf.
        threshold: (M,) float64; left where ``float32(x[feature]) <= threshold``.
        left: (M,) int64 node, ``LEAF`` at a leaf.
        right: (M,) int64 node, ``LEAF`` at a leaf.
        value: (M, K) float64, class shares, summing to one.
        classes: (K,) int64, position in the legend of each column, increasing.
        num_classes: C, classes of the legend; those not in ``classes`` get probability 0.
        num_features: F.
    """

    root: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    num_classes: int
    num_features: int

    def predict_probability(
        self, inputs: HeadInputs, *, batch_size: int = 4096
    ) -> npt.NDArray[np.float64]:
        """Computes probability of each class of the legend, (N, C)."""
        probability = np.zeros((len(inputs), self.num_classes))
        for start in range(0, len(inputs), batch_size):
            rows = slice(start, start + batch_size)
            leaf = self._leaves(np.asarray(inputs.values[rows], dtype=np.float32))
            share = np.zeros((len(leaf), len(self.classes)))
            for tree in range(len(self.root)):  # tree by tree, to keep the sums exact and small
                share += self.value[leaf[:, tree]]
            probability[rows, self.classes] = share / len(self.root)
        return probability

    def _leaves(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Computes the leaf of each vector in each tree, (N, R); all trees descend together."""
        node = np.broadcast_to(self.root, (len(values), len(self.root))).copy()
        row, tree = np.nonzero(self.left[node] != LEAF)
        while len(row):
            at = node[row, tree]
            goes_left = values[row, self.feature[at]] <= self.threshold[at]
            following = np.where(goes_left, self.left[at], self.right[at])
            node[row, tree] = following
            inner = self.left[following] != LEAF
            row, tree = row[inner], tree[inner]
        return node
