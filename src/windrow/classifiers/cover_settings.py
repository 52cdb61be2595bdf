"""Settings of the forest that tells land covers from crops."""

from __future__ import annotations

from pydantic import Field

from windrow.config import Settings


class CoverSettings(Settings):
    """Settings of the forest that tells land covers from crops.

    Attributes:
        num_trees: number of trees.
        min_rows_a_leaf: smallest number of rows in a leaf.
        doubt: probability of the forest from which on a field is a land cover. A larger doubt loses
            fewer crops and finds fewer covers.
        sharpness: how fast the probability changes around the doubt; 1 keeps the odds.
    """

    num_trees: int = Field(ge=1)
    min_rows_a_leaf: int = Field(ge=1)
    doubt: float = Field(gt=0, lt=1)
    sharpness: float = Field(gt=0)
