"""The position-encoded transformer over the dates of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from windrow.config import Settings
from windrow.data.day_of_year import MAX_DAYS
from windrow.models.encoders.embedding import sinusoidal_encoding
from windrow.models.heads.attention import WeightDropoutAttention

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer


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
    def _divides(self) -> TransformerSettings:
        if self.width % self.num_heads:
            raise ValueError("num_heads must divide width")
        return self


class EncoderLayer(nn.TransformerEncoderLayer):
    """torch's post-norm layer with ReLU: its parameters and its formula, with faster attention.

    Args:
        settings: the transformer it is a layer of.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        width, num_heads, dropout = settings.width, settings.num_heads, settings.dropout
        super().__init__(
            width, num_heads, dim_feedforward=2 * width, dropout=dropout, batch_first=True
        )
        attention = WeightDropoutAttention(width, num_heads, dropout=dropout, batch_first=True)
        attention.load_state_dict(self.self_attn.state_dict())
        self.self_attn = attention

    def forward(self, x: Tensor, padded: Tensor) -> Tensor:  # type: ignore[override]
        """Transforms (N, T, D) to (N, T, D).

        ``padded`` (N, T) bool, dates that nobody attends to.
        """
        x = self.norm1(x + self.dropout1(self.self_attn(x, padded)))
        inner = self.dropout(F.relu(self.linear1(x)))
        out: Tensor = self.norm2(x + self.dropout2(self.linear2(inner)))
        return out


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
        self.register_buffer(
            "position_table", sinusoidal_encoding(MAX_DAYS, width), persistent=False
        )
        self.blocks = nn.ModuleList(EncoderLayer(settings) for _ in range(settings.num_layers))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
    ) -> Float[Tensor, "series class_"]:
        """Logits of each class.

        Args:
            values: (N, T, D).
            day_of_year: (N, T) integers 0..365.
            valid: (N, T) bool, at least one date a series.

        Returns:
            (N, C).
        """
        x = self.embedding_norm(self.embedding(values)) + self.position_table[day_of_year.long()]
        padded = ~valid
        for block in self.blocks:
            x = block(x, padded)
        largest = x.masked_fill(~valid[..., None], float("-inf")).amax(dim=1)
        logits: Tensor = self.classifier(self.norm(largest))
        return logits
