"""Losses of the classification of sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def classification_losses(
    head: nn.Module, inputs: tuple[Tensor, Tensor, Tensor], label: Tensor
) -> dict[str, Tensor]:
    """Computes the cross entropy of a head's logits, and its accuracy on the batch.

    Args:
        head: maps values (N, T, D), day of year (N, T) and validity (N, T) to logits (N, C).
        inputs: values, day of year and validity.
        label: (N,) int64 classes.

    Returns:
        ``loss``, the mean cross entropy in nats, and ``accuracy`` 0..1.

    Example:
        >>> class Even(nn.Module):
        ...     def forward(self, values, day_of_year, valid):
        ...         return torch.zeros(len(values), 4)
        >>> nothing = (torch.zeros(2, 1, 1), torch.zeros(2, 1), torch.ones(2, 1))
        >>> losses = classification_losses(Even(), nothing, torch.tensor([0, 3]))
        >>> round(losses["loss"].item(), 4), losses["accuracy"].item()
        (1.3863, 0.5)
    """
    logits = head(*inputs).float()  # the loss is in float32 for every precision of the head
    with torch.no_grad():
        accuracy = (logits.argmax(dim=1) == label).float().mean()
    return {"loss": F.cross_entropy(logits, label), "accuracy": accuracy}
