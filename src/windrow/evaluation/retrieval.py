"""How well a contrastive encoder tells a pair from others: top-1 retrieval on held-out fields."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def top1(first: Tensor, second: Tensor) -> float:
    """Share of the first views whose most similar second view, by cosine, is their partner.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.

    Example:
        >>> top1(torch.eye(3), torch.eye(3))
        1.0
    """
    similarity = F.normalize(first.float(), dim=1) @ F.normalize(second.float(), dim=1).T
    hit = similarity.argmax(dim=1) == torch.arange(len(first), device=first.device)
    return float(hit.float().mean())


def retrieval_figures(
    first: Tensor, second: Tensor, subsets: dict[str, Tensor | None]
) -> dict[str, Any]:
    """Top-1 of all pairs and of parts of them, each among its own pairs, beside chance.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        subsets: name and (n,) bool of each part; None where it is not known.

    Returns:
        for ``all`` and each part ``top1``, ``chance`` and ``num_pairs``; None for a part without
        a pair or that is not known.
    """
    everything: dict[str, Tensor | None] = {
        "all": torch.ones(len(first), dtype=torch.bool, device=first.device)
    }
    figures: dict[str, Any] = {}
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
