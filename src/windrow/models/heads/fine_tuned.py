"""Encoder and base model in one module, to train both on the labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.sequence import SequenceHead, predict_probability, tensors


class FineTunedHead(nn.Module):
    """An encoder followed by a base model.

    Both are trained together. With pre-trained weights this is fine-tuning, and with random weights
    it is end-to-end training. Batch norm in the encoder continues to update its statistics.

    Args:
        encoder: maps values (N, T, B), day of year and validity (N, T) to (N, T, D).
        head: the base model with its standardisation, for D values per date.
    """

    def __init__(self, encoder: nn.Module, head: SequenceHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    @property
    def mean(self) -> Tensor:
        """Mean of the head's standardisation, on the device of the module."""
        return self.head.mean

    def fit_standardisation(self, inputs: HeadInputs, *, batch_size: int = 256) -> None:
        """Computes the moments of the encoder's present outputs for the training series."""
        encoded = HeadInputs(
            values=encode(self.encoder, inputs, device=self.mean.device, batch_size=batch_size),
            day_of_year=inputs.day_of_year,
            valid=inputs.valid,
        )
        self.head.fit_standardisation(encoded)

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Computes the logits (N, C) of standardised bands (N, T, B) with dates (N, T)."""
        cleared = values.masked_fill(~valid[..., None], 0.0)
        z = self.encoder(cleared, day_of_year.clamp(min=0), valid)
        logits: Tensor = self.head(z, day_of_year, valid)
        return logits

    def predict_probability(
        self, inputs: HeadInputs, *, batch_size: int = 256
    ) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C), from standardised bands."""
        return predict_probability(self, inputs, self.head.num_classes, batch_size=batch_size)


def encode(
    encoder: nn.Module, inputs: HeadInputs, *, device: torch.device, batch_size: int
) -> npt.NDArray[np.float32]:
    """Encodes standardised bands in evaluation mode, without gradients.

    Args:
        encoder: maps values (N, T, B), day of year and validity (N, T) to (N, T, D).
        inputs: N sequences of standardised bands.
        device: device of the encoder.
        batch_size: series at a time.

    Returns:
        (N, T, D) float32, zero at invalid dates.
    """
    was_training = encoder.training
    encoder.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(inputs), batch_size):
            rows = np.arange(start, min(start + batch_size, len(inputs)), dtype=np.intp)
            values, days, valid = tensors(inputs, rows, device=device)
            cleared = values.masked_fill(~valid[..., None], 0.0)
            z = encoder(cleared, days.clamp(min=0), valid).masked_fill(~valid[..., None], 0.0)
            parts.append(z.float().cpu().numpy())
    encoder.train(was_training)
    return np.concatenate(parts)
