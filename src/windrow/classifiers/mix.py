"""The voters of the crop classifier, their weights and their inputs."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.data.spectral_indices import INDEX_POSITIONS
from windrow.data.ten_day_grid import TenDayGrid

Voter = Literal["prototypes", "embedding_trees", "four_index_trees", "band_index_trees"]
PROTOTYPES: Voter = "prototypes"
TREES: tuple[Voter, ...] = ("embedding_trees", "four_index_trees", "band_index_trees")
_NUM_FEW_INDICES = 4


class MixSettings(Settings):
    """Weights of the voters as functions of the number of labelled fields per class.

    Weights between the given numbers are interpolated.

    Attributes:
        num_labelled: numbers of labelled fields per class, increasing.
        prototypes: weight of the prototypes at each number.
        embedding_trees: weight of the extra trees on embeddings at each number.
        four_index_trees: weight of the extra trees on the first four indices at each number. They
            are left out if a band of these indices is missing.
        band_index_trees: weight of the extra trees on bands and all twelve indices at each number.
        least_trust: smallest factor on the weights of prototypes and embeddings. It applies where
            labels contradict the prior. Such a place differs from the simulated places, and bands
            and indices are then more reliable.
        num_trees: number of trees of each forest.
        smoothing: share of a uniform distribution in a forest's probabilities. Without it a zero
            of one forest would exclude a class.
        temperature: divisor of the mixed logarithms at each number. Trees are underconfident, and
            a prior without labels is overconfident.
        share_trust: weight of the class shares that the unlabelled fields show against the expected
            ones, at each number; see :func:`windrow.classifiers.class_shares.estimate_shares`.
            None keeps the expected shares.
    """

    num_labelled: tuple[int, ...]
    prototypes: tuple[float, ...]
    embedding_trees: tuple[float, ...]
    four_index_trees: tuple[float, ...]
    band_index_trees: tuple[float, ...]
    least_trust: float = Field(gt=0, le=1)
    num_trees: int = Field(ge=1)
    smoothing: float = Field(gt=0, lt=1)
    temperature: tuple[float, ...]
    share_trust: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _fits(self) -> MixSettings:
        for voter in ("prototypes", *TREES):
            weights = getattr(self, voter)
            if len(weights) != len(self.num_labelled) or min(weights) < 0:
                raise ValueError(f"{voter} must have a weight for each of num_labelled")
        if len(self.temperature) != len(self.num_labelled) or min(self.temperature) <= 0:
            raise ValueError("temperature must be positive for each of num_labelled")
        trust = self.share_trust or (0.0,) * len(self.num_labelled)
        if len(trust) != len(self.num_labelled) or min(trust) < 0 or max(trust) > 1:
            raise ValueError("share_trust must lie in 0..1 for each of num_labelled")
        if min(self.prototypes) <= 0:
            raise ValueError("prototypes must always have a weight")
        if any(b <= a for a, b in zip(self.num_labelled, self.num_labelled[1:], strict=False)):
            raise ValueError("num_labelled must increase")
        return self

    def weight(self, voter: Voter, num_labelled: float) -> float:
        """Interpolates the weight of a voter at a number of labelled fields per class."""
        return self._interpolated(getattr(self, voter), num_labelled)

    def temperature_at(self, num_labelled: float) -> float:
        """Interpolates the temperature at a number of labelled fields per class."""
        return self._interpolated(self.temperature, num_labelled)

    def share_trust_at(self, num_labelled: float) -> float:
        """Interpolates the trust in the shown class shares at a number of labelled fields."""
        return (
            0.0 if self.share_trust is None else self._interpolated(self.share_trust, num_labelled)
        )

    def _interpolated(self, values: tuple[float, ...], num_labelled: float) -> float:
        knots = np.log1p(np.array(self.num_labelled, dtype=np.float64))
        return float(np.interp(np.log1p(num_labelled), knots, values))


def voter_inputs(
    voter: Voter, grid: TenDayGrid, embedding: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Builds the inputs of a forest, (N, F)."""
    if voter == "embedding_trees":
        return embedding
    if voter == "four_index_trees":
        few = INDEX_POSITIONS[:_NUM_FEW_INDICES]
        whole = all(grid.has_band[a] and grid.has_band[b] for a, b in few)
        return index_values(grid, num_indices=_NUM_FEW_INDICES if whole else 0)
    bands = grid.reflectance[:, :, grid.has_band].reshape(len(grid), -1)
    return np.concatenate([bands, index_values(grid)], axis=1)


def index_values(
    grid: TenDayGrid, *, num_indices: int = len(INDEX_POSITIONS)
) -> npt.NDArray[np.float32]:
    """Computes the first indices whose bands are present.

    Args:
        grid: N fields on the ten-day grid.
        num_indices: number of indices to consider.

    Returns:
        (N, I * 36) float32 for the I indices computed; 0 where the sum of the bands is 0.
    """
    columns = [np.zeros((len(grid), 0), dtype=np.float32)]
    for first, second in INDEX_POSITIONS[:num_indices]:
        if grid.has_band[first] and grid.has_band[second]:
            a, b = grid.reflectance[:, :, first], grid.reflectance[:, :, second]
            total = a + b
            ratio = np.divide(a - b, total, out=np.zeros_like(total), where=total > 0)
            columns.append(np.clip(ratio, -1.0, 1.0))
    return np.concatenate(columns, axis=1)
