"""Encoder and base model in one, for those that train both on the labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.sequence import SequenceHead, predict_probability, tensors


class FineTunedHead(nn.Module):
    """A base model that sees what an encoder makes of the standardised bands.

    Both are trained together: from pre-trained weights that is fine-tuning, from random weights it
    is training end to end. Batch norm of an encoder that has it goes on counting.

    Args:
        encoder: maps values (N, T, B), day of year and validity (N, T) to (N, T, D).
        head: the base model with its standardisation, of D values a date.
    """

    def __init__(self, encoder: nn.Module, head: SequenceHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    @property
    def mean(self) -> Tensor:
        """The standardisation's mean, on the device of the module."""
        return self.head.mean

    def fit_standardisation(self, inputs: HeadInputs, *, batch_size: int = 256) -> None:
        """Takes the moments of what the encoder gives for the training series as it stands."""
        encoded = HeadInputs(
            values=encode(self.encoder, inputs, device=self.mean.device, batch_size=batch_size),
            day_of_year=inputs.day_of_year,
            valid=inputs.valid,
        )
        self.head.fit_standardisation(encoded)

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Logits (N, C) of standardised bands (N, T, B) with their dates (N, T)."""
        cleared = values.masked_fill(~valid[..., None], 0.0)
        z = self.encoder(cleared, day_of_year.clamp(min=0), valid)
        logits: Tensor = self.head(z, day_of_year, valid)
        return logits

    def predict_probability(
        self, inputs: HeadInputs, *, batch_size: int = 256
    ) -> npt.NDArray[np.float64]:
        """Probability of each class, (N, C), of standardised bands."""
        return predict_probability(self, inputs, self.head.num_classes, batch_size=batch_size)


def encode(
    encoder: nn.Module, inputs: HeadInputs, *, device: torch.device, batch_size: int
) -> npt.NDArray[np.float32]:
    """What an encoder gives for standardised bands, in evaluation mode and without gradients.

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
