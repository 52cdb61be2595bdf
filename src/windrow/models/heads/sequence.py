"""A sequence head, which standardises its inputs and applies one of the three base models."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from windrow.models.heads.inception import InceptionSettings, InceptionTime
from windrow.models.heads.inputs import HeadInputs, valid_first
from windrow.models.heads.lstm import BiLstm, LstmSettings
from windrow.models.heads.standardization import feature_moments
from windrow.models.heads.transformer import PositionEncodedTransformer, TransformerSettings

SequenceSettings = Annotated[
    LstmSettings | InceptionSettings | TransformerSettings, Field(discriminator="kind")
]
"""Settings of any of the three base models, distinguished by ``kind``."""

_ROWS = 2_000
"""Series copied to 64 bits at a time, which bounds the memory of the copies."""


def build_base_model(
    num_inputs: int,
    num_classes: int,
    settings: LstmSettings | InceptionSettings | TransformerSettings,
) -> nn.Module:
    """Builds a base model with initial weights drawn from torch's random state.

    Args:
        num_inputs: number of values D per date.
        num_classes: number of classes C.
        settings: the model and its size.
    """
    if isinstance(settings, LstmSettings):
        return BiLstm(num_inputs, num_classes, settings)
    if isinstance(settings, InceptionSettings):
        return InceptionTime(num_inputs, num_classes, settings)
    return PositionEncodedTransformer(num_inputs, num_classes, settings)


class SequenceHead(nn.Module):
    """Standardises each value with the training set's moments, then classifies.

    Args:
        num_inputs: number of values D per date: the width of z, or the number of bands.
        num_classes: number of classes C.
        settings: the base model and its size.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        num_inputs: int,
        num_classes: int,
        settings: LstmSettings | InceptionSettings | TransformerSettings,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("mean", torch.zeros(num_inputs))
        self.register_buffer("std", torch.ones(num_inputs))
        self.body = build_base_model(num_inputs, num_classes, settings)

    def fit_standardisation(self, inputs: HeadInputs) -> None:
        """Computes mean and standard deviation over the valid dates of the training series."""
        assert inputs.valid is not None
        mean, deviation = feature_moments(inputs.values, inputs.valid, rows_at_once=_ROWS)
        self.mean.copy_(torch.from_numpy(mean))
        self.std.copy_(torch.from_numpy(deviation))

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Computes the logits (N, C) of sequences (N, T, D) with dates (N, T).

        Padding has no effect.
        """
        moved, days, mask = valid_first(values, day_of_year, valid)
        standardised = ((moved - self.mean) / self.std).masked_fill(~mask[..., None], 0.0)
        logits: Tensor = self.body(standardised, days, mask)
        return logits

    def predict_probability(
        self, inputs: HeadInputs, *, batch_size: int = 256
    ) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C)."""
        return predict_probability(self, inputs, self.num_classes, batch_size=batch_size)

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        classifier = self.body.classifier
        assert isinstance(classifier, nn.Linear)
        return int(classifier.out_features)


def predict_probability(
    module: nn.Module, inputs: HeadInputs, num_classes: int, *, batch_size: int
) -> npt.NDArray[np.float64]:
    """Computes the probability of each class, (N, C), in evaluation mode.

    The mode of the module is restored afterwards.

    Args:
        module: maps sequences to logits, and has the ``mean`` of its standardisation.
        inputs: N sequences.
        num_classes: number of classes C.
        batch_size: sequences at a time.
    """
    device = module.mean.device
    assert isinstance(device, torch.device)
    was_training = module.training
    module.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(inputs), batch_size):
            rows = np.arange(start, min(start + batch_size, len(inputs)), dtype=np.intp)
            logits = module(*tensors(inputs, rows, device=device))
            parts.append(torch.softmax(logits.double(), dim=1).cpu().numpy())
    module.train(was_training)
    return np.concatenate(parts) if parts else np.zeros((0, num_classes))


def tensors(
    inputs: HeadInputs, rows: npt.NDArray[np.intp], *, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Copies values, day of year and validity of some sequences to a device."""
    assert inputs.day_of_year is not None
    assert inputs.valid is not None
    return (
        torch.from_numpy(np.ascontiguousarray(inputs.values[rows])).to(device),
        torch.from_numpy(inputs.day_of_year[rows].astype(np.int64)).to(device),
        torch.from_numpy(inputs.valid[rows]).to(device),
    )
