"""The bi-directional LSTM over the dates of a series."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from windrow.config import Settings

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

CLOSED = 1e4
"""Number added before a gate's sigmoid. The sigmoid is then exactly 0 or 1, even in 16 bits."""


class LstmSettings(Settings):
    """Size of the LSTM.

    Attributes:
        hidden: width of each direction.
        num_layers: number of stacked layers.
        dropout: dropout between layers and before the classifier, 0..1.
    """

    kind: Literal["lstm"] = "lstm"
    hidden: int = Field(ge=1, le=4096)
    num_layers: int = Field(ge=1, le=64)
    dropout: float = Field(ge=0, lt=1)


class BiLstm(nn.Module):
    """Bi-directional LSTM (Rußwurm et al. 2020, BreizhCrops).

    As in that code, the last cell states of all layers and both directions are joined,
    layer-normalised and classified. Our version differs in the last state, which belongs to the
    last valid date. On CUDA padding is removed by packing. On the CPU torch takes six times as long
    for packed series of different lengths. There a padded date closes the input gate and opens the
    forget gate, which leaves the cell state unchanged.

    Args:
        num_inputs: number of values D per date.
        num_classes: number of classes C.
        settings: size of the network.
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

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
    ) -> Float[Tensor, "series class_"]:
        """Computes the logits of each class.

        Args:
            values: (N, T, D), valid dates first.
            day_of_year: (N, T); not used, because only the order of the dates matters.
            valid: (N, T) bool, at least one valid date per series.

        Returns:
            (N, C) logits.
        """
        cell = (
            self.gated_cells(values, valid)
            if values.device.type == "cpu"
            else self.packed_cells(values, valid)
        )
        joined = torch.flatten(cell.transpose(0, 1), start_dim=1)
        logits: Tensor = self.classifier(self.dropout(self.norm(joined)))
        return logits

    def packed_cells(self, values: Tensor, valid: Tensor) -> Tensor:
        """Computes last cell states of series whose padding is packed away.

        Args:
            values: (N, T, D), valid dates first.
            valid: (N, T) bool, at least one date a series.

        Returns:
            (2 L, N, hidden), layer by layer, forwards and backwards.
        """
        length = valid.sum(dim=1).cpu()
        packed = pack_padded_sequence(values, length, batch_first=True, enforce_sorted=False)
        cell: Tensor = self.lstm(packed)[1][1]
        return cell

    def gated_cells(self, values: Tensor, valid: Tensor) -> Tensor:
        """Computes last cell states with one more input, which closes the gates of padded dates.

        Arguments and result are those of :meth:`packed_cells`, which it equals up to rounding.
        """
        padded = (~valid)[..., None].to(values.dtype)
        hidden = self.lstm.hidden_size
        column = torch.zeros(4 * hidden, 1, dtype=values.dtype)  # input, forget, cell, output
        column[:hidden], column[hidden : 2 * hidden] = -CLOSED, CLOSED
        start = values.new_zeros(2, len(values), hidden)
        cells = []
        for layer in range(self.lstm.num_layers):
            weights = []
            for end in (f"l{layer}", f"l{layer}_reverse"):
                of_input, *others = (
                    getattr(self.lstm, f"{kind}_{end}")
                    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
                weights += [torch.cat([of_input, column], dim=1), *others]
            with _runnable_precision(values.device):
                values, _, cell = torch.lstm(
                    torch.cat([values, padded.to(values.dtype)], dim=2),
                    (start, start),
                    weights,
                    has_biases=True,
                    num_layers=1,
                    dropout=0.0,
                    train=self.training,
                    bidirectional=True,
                    batch_first=True,
                )
            if layer < self.lstm.num_layers - 1:
                values = F.dropout(values, self.lstm.dropout, self.training)
            cells.append(cell)
        return torch.cat(cells)


def _runnable_precision(device: torch.device) -> AbstractContextManager[object]:
    """Leaves bfloat16 on CPUs without AVX-512, for which oneDNN has no bfloat16 LSTM."""
    if device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return nullcontext()
    return torch.autocast("cpu", enabled=False)
