"""The position-encoded transformer over the dates of a series."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from windrow.config import Settings
from windrow.data.series import DAYS
from windrow.models.embedding import sinusoidal_encoding
from windrow.models.heads.attention import WeightDropoutAttention


class TransformerSettings(Settings):
    """Size of the transformer.

    Attributes:
        width: d; the inner layer has 2 d.
        num_heads: attention heads, a divisor of ``width``.
        num_layers: blocks.
        dropout: inside the blocks, 0..1.
    """

    kind: Literal["transformer"] = "transformer"
    width: int = Field(ge=2, le=4096, multiple_of=2)
    num_heads: int = Field(ge=1, le=64)
    num_layers: int = Field(ge=1, le=64)
    dropout: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError("num_heads must divide width")
        return self


class PositionEncodedTransformer(nn.Module):
    """Transformer encoder with day-of-year encoding (Rußwurm and Körner 2020).

    The largest value over the dates is classified, as in BreizhCrops. How we differ: the position
    is the day of year, so that any dates fit, and padded dates are neither attended to nor in the
    maximum.

    Args:
        num_inputs: D, values a date.
        num_classes: C.
        settings: its size.
    """

    position_table: Tensor

    def __init__(self, num_inputs: int, num_classes: int, settings: TransformerSettings) -> None:
        super().__init__()
        width = settings.width
        self.embedding = nn.Linear(num_inputs, width)
        self.embedding_norm = nn.LayerNorm(width)
        self.register_buffer("position_table", sinusoidal_encoding(DAYS, width), persistent=False)
        self.blocks = nn.ModuleList(_block(settings) for _ in range(settings.num_layers))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Logits of each class.

        Args:
            values: (N, T, D).
            day_of_year: (N, T) integers 0..365.
            valid: (N, T) bool, at least one date a series.

        Returns:
            (N, C).
        """
        x = self.embedding_norm(self.embedding(values)) + self.position_table[day_of_year.long()]
        for block in self.blocks:
            x = block(x, src_key_padding_mask=~valid)
        largest = x.masked_fill(~valid[..., None], float("-inf")).amax(dim=1)
        logits: Tensor = self.classifier(self.norm(largest))
        return logits


def _block(settings: TransformerSettings) -> nn.TransformerEncoderLayer:
    block = nn.TransformerEncoderLayer(
        settings.width,
        settings.num_heads,
        dim_feedforward=2 * settings.width,
        dropout=settings.dropout,
        batch_first=True,
    )
    # The same parameters; torch's layer calls it where it would have called its own.
    attention = WeightDropoutAttention(
        settings.width, settings.num_heads, dropout=settings.dropout, batch_first=True
    )
    attention.load_state_dict(block.self_attn.state_dict())
    block.self_attn = attention
    return block
