"""Faults of earlier public code as switches, so that the effect of each can be measured.

``variant = "corrected"`` (the default) switches all of them off. ``"paper"`` switches all of them
on, because the published tables may contain them. ``docs/corrections.md`` describes each fault,
the code that its switch changes, and its effect on simulated data.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from windrow.config import Settings

Variant = Literal["corrected", "paper"]


class Corrections(Settings):
    """The six switches; the first value of each is correct."""

    inception_blocks: Literal["registered", "plain_list"] = Field(
        description="a plain list trains only the classifier, not the blocks"
    )
    scarf_corruption: Literal["copy", "in_place"] = Field(
        description="in place, both views become the same corrupted tensor"
    )
    normalization: Literal["deviation", "variance"] = Field(description="divisor of the bands")
    plateau: Literal["loss", "accuracy"] = Field(
        description="value that must fall to keep the rate; an accuracy does not fall"
    )
    pixel_draw: Literal["without_replacement", "with_replacement"] = Field(
        description="with replacement, few fields give the same pixels repeatedly"
    )
    accuracy: Literal["of_all", "mean_of_batches"] = Field(
        description="a mean over batches gives a short last batch full weight"
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
    """Returns the switches of a variant; switches that are given one by one are returned unchanged.

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
    """Returns switches with one fault and all others corrected.

    Example:
        >>> one_fault("normalization").normalization
        'variance'
    """
    return CORRECTED.model_copy(update={name: getattr(PAPER, name)})
