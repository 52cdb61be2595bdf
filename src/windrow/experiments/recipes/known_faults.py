"""Faults of earlier public code, each a switch, so that the effect of each can be measured alone.

``variant = "corrected"`` (the default everywhere) switches all of them off, ``"paper"`` all of them
on, since the published tables may carry them. What each fault is, where its switch acts and what
it does on simulated data stands in ``docs/corrections.md``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from windrow.config import Settings

Variant = Literal["corrected", "paper"]


class Corrections(Settings):
    """The six switches; the first value of each is the correct one."""

    inception_blocks: Literal["registered", "plain_list"] = Field(
        description="in a plain list no block is trained, only the classifier"
    )
    scarf_corruption: Literal["copy", "in_place"] = Field(
        description="in place, both views are the same corrupted tensor"
    )
    normalization: Literal["deviation", "variance"] = Field(
        description="what the bands are divided by"
    )
    plateau: Literal["loss", "accuracy"] = Field(
        description="what must fall for the rate to stay; an accuracy never does"
    )
    pixel_draw: Literal["without_replacement", "with_replacement"] = Field(
        description="with replacement, a few fields give the same pixels many times"
    )
    accuracy: Literal["of_all", "mean_of_batches"] = Field(
        description="the mean over batches counts a short last batch as much as a full one"
    )


CORRECTED = Corrections(
    inception_blocks="registered",
    scarf_corruption="copy",
    normalization="deviation",
    plateau="loss",
    pixel_draw="without_replacement",
    accuracy="of_all",
)
PAPER = Corrections(
    inception_blocks="plain_list",
    scarf_corruption="in_place",
    normalization="variance",
    plateau="accuracy",
    pixel_draw="with_replacement",
    accuracy="mean_of_batches",
)


def corrections(variant: Variant | Corrections) -> Corrections:
    """The switches of a variant; switches set one by one are handed back as they are.

    Example:
        >>> corrections("corrected").plateau
        'loss'
        >>> one = CORRECTED.model_copy(update={"plateau": "accuracy"})
        >>> corrections(one).plateau
        'accuracy'
    """
    if isinstance(variant, Corrections):
        return variant
    return PAPER if variant == "paper" else CORRECTED


def one_fault(name: str) -> Corrections:
    """All corrected but one switch, as its effect is measured.

    Example:
        >>> one_fault("normalization").normalization
        'variance'
    """
    return CORRECTED.model_copy(update={name: getattr(PAPER, name)})
