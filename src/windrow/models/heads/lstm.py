"""The bi-directional LSTM over the dates of a series."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from windrow.config import Settings


class LstmSettings(Settings):
    """Size of the LSTM.

    Attributes:
        hidden: width of each direction.
        num_layers: stacked layers.
        dropout: between layers and before the classifier, 0..1.
    """

    kind: Literal["lstm"] = "lstm"
    hidden: int = Field(ge=1, le=4096)
    num_layers: int = Field(ge=1, le=64)
    dropout: float = Field(ge=0, lt=1)


class BiLstm(nn.Module):
    """Bi-directional LSTM (Rußwurm et al. 2020, BreizhCrops).

    The last cell states of all layers and both directions are joined, layer-normalised and
    classified, as in that code. How we differ: padding is packed away, so that the last state is
    that of the last valid date.

    Args:
        num_inputs: D, values a date.
        num_classes: C.
        settings: its size.
    """

    def __init__(self, num_inputs: int, num_classes: int, settings: LstmSettings) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            num_inputs,
            settings.hidden,
            num_layers=settings.num_layers,
            dropout=settings.dropout if settings.num_layers > 1 else 0.0,
            bidirectional=True,
            batch_first=True,
        )
        width = 2 * settings.num_layers * settings.hidden
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(settings.dropout)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Logits of each class.

        Args:
            values: (N, T, D), valid dates first.
            day_of_year: (N, T); not used, the order of the dates is all that counts.
            valid: (N, T) bool, at least one date a series.

        Returns:
            (N, C).
        """
        length = valid.sum(dim=1).cpu()
        packed = pack_padded_sequence(values, length, batch_first=True, enforce_sorted=False)
        _, (_, cell) = self.lstm(packed)
        joined = torch.flatten(cell.transpose(0, 1), start_dim=1)
        logits: Tensor = self.classifier(self.dropout(self.norm(joined)))
        return logits
