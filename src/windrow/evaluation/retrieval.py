"""Top-1 retrieval of pairs on held-out fields, to evaluate a contrastive encoder."""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor
from torch.nn import functional as F


class RetrievalFigures(TypedDict):
    """Retrieval among the pairs of one subset.

    Attributes:
        top1: share of first views whose most similar second view is their partner.
        chance: the share that a random choice reaches.
        num_pairs: number of pairs.
    """

    top1: float
    chance: float
    num_pairs: int


def top1(first: Tensor, second: Tensor) -> float:
    """Computes the share of first views whose most similar second view is their partner.

    Similarity is the cosine.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.

    Returns:
        The share, 0..1.

    Example:
        >>> top1(torch.eye(3), torch.eye(3))
        1.0
    """
    similarity = F.normalize(first.float(), dim=1) @ F.normalize(second.float(), dim=1).T
    hit = similarity.argmax(dim=1) == torch.arange(len(first), device=first.device)
    return float(hit.float().mean())


def retrieval_figures(
    first: Tensor, second: Tensor, subsets: dict[str, Tensor | None]
) -> dict[str, RetrievalFigures | None]:
    """Computes top-1 retrieval of all pairs and of subsets, with the level of chance.

    Each subset is searched among its own pairs.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        subsets: mask (n,) bool of each subset by name; None if it is not known.

    Returns:
        The figures of ``all`` and of each subset, by name; None for a subset that is empty or not
        known.
    """
    everything: dict[str, Tensor | None] = {
        "all": torch.ones(len(first), dtype=torch.bool, device=first.device)
    }
    figures: dict[str, RetrievalFigures | None] = {}
    for name, chosen in (everything | subsets).items():
        figures[name] = None
        if chosen is not None and bool(chosen.any()):
            num_pairs = int(chosen.sum())
            figures[name] = {
                "top1": top1(first[chosen], second[chosen]),
                "chance": 1 / num_pairs,
                "num_pairs": num_pairs,
            }
    return figures
