"""The transformer encoder, with pre-norm ViT blocks over the dates of a Sentinel-2 series.

The backbone follows Dosovitskiy et al. (2020) and section 4 of the paper: no class token, GELU, no
dropout. Attention uses ``scaled_dot_product_attention``. Invalid dates are masked out of the keys
if a batch has any. A packed batch holds no invalid dates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from windrow.config import Settings
from windrow.models.encoders.embedding import Position, SeriesEmbedding
from windrow.models.kernels.fused_blocks import can_fuse, fused_blocks
from windrow.models.kernels.launches import Layout, padded_bounds
from windrow.models.kernels.packing import Packing

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

INITIAL_DEVIATION = 0.02
"""Standard deviation of the initial weights, truncated at two deviations (as in ViT and BERT)."""


class EncoderSettings(Settings):
    """Shape of a transformer. ``kind`` distinguishes it from other encoders."""

    kind: Literal["transformer"] = "transformer"
    num_layers: int = Field(ge=1, description="transformer blocks")
    width: int = Field(ge=2, description="D, width of a token and of the representation")
    num_heads: int = Field(ge=1, description="attention heads, which share the width")
    mlp_width: int = Field(ge=1, description="hidden width of the block's MLP")
    kernel_size: int = Field(ge=1, description="dates under the patch embedding's kernel, odd")
    position: Position = Field(description="encoding of a token's date")
    num_positions: int = Field(ge=1, description="positions of the learned index embedding")
    missing_bands: bool = Field(
        False,
        exclude_if=lambda value: (
            not value
        ),  # absent, so that the hashes of other weights stay the same
        description="whether bands may be missing, each with a learned vector",
    )

    @model_validator(mode="after")
    def _shapes_fit(self) -> EncoderSettings:
        if self.width % self.num_heads or self.width % 2:
            raise ValueError("width must be even and a multiple of num_heads")
        if self.kernel_size % 2 == 0:
            raise ValueError("kernel_size must be odd")
        return self


def initialise(module: nn.Module) -> None:
    """Initialises weights from a normal truncated at two deviations of 0.02, and biases to zero.

    The draws come from torch's global generator, in the order of the module's parameters.
    """
    deviation = INITIAL_DEVIATION
    for child in module.modules():
        if isinstance(child, nn.Linear | nn.Conv1d):
            nn.init.trunc_normal_(child.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif isinstance(child, SeriesEmbedding) and child.position == "learned":
            nn.init.trunc_normal_(
                child.learned_position, std=deviation, a=-2 * deviation, b=2 * deviation
            )


class Block(nn.Module):
    """One pre-norm transformer block: ``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""

    def __init__(self, *, width: int, num_heads: int, mlp_width: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, mlp_width)
        self.mlp_out = nn.Linear(mlp_width, width)

    def forward(
        self, tokens: Tensor, attended: Tensor | None = None, packing: Packing | None = None
    ) -> Tensor:
        """Applies the block to tokens.

        Args:
            tokens: (N, T, D), or (C, D) of a packed batch. The residual sums keep their precision.
            attended: (N, 1, 1, T) bool, the keys that take part; None if all do.
            packing: packing of a packed batch.

        Returns:
            Tokens in the same shape.
        """
        precision = self.projection.weight.dtype
        mixed = self.query_key_value(_normed(self.attention_norm, tokens, precision))
        mixed = mixed.unflatten(-1, (3, self.num_heads, -1))
        if packing is None:
            attention = self._attention(mixed, attended)
        elif mixed.is_cuda and mixed.dtype in (torch.bfloat16, torch.float16):
            attention = _attend_varlen(mixed, packing)
        else:
            spread = self._attention(packing.unpack(mixed), packing.attended)
            attention = packing.pack(spread)
        tokens = tokens + self.projection(attention)
        hidden = F.gelu(self.mlp_in(_normed(self.mlp_norm, tokens, precision)))
        result: Tensor = tokens + self.mlp_out(hidden)
        return result

    def _attention(self, mixed: Tensor, attended: Tensor | None) -> Tensor:
        """Maps queries, keys and values (N, T, 3, heads, D / heads) to (N, T, D)."""
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        return _attend(query, key, value, attended).transpose(1, 2).flatten(2)


def _normed(norm: nn.LayerNorm, tokens: Tensor, precision: torch.dtype) -> Tensor:
    """Applies the norm in the precision of its weights and converts the result to ``precision``."""
    normed: Tensor = norm(tokens.to(norm.weight.dtype)).to(precision)
    return normed


def _attend_varlen(mixed: Tensor, packing: Packing) -> Tensor:
    """Computes attention in each series of a packed batch, (C, 3, heads, D / heads) to (C, D)."""
    # The import is here because it loads torch's compiler, which takes a second.
    from torch.nn.attention.varlen import varlen_attn

    query, key, value = mixed.unbind(1)
    bounds, longest = packing.bounds, packing.max_length
    attention = varlen_attn(query, key, value, bounds, bounds, longest, longest)
    assert isinstance(attention, Tensor)  # a pair only if more is asked for
    return attention.flatten(1)


def _attend(query: Tensor, key: Tensor, value: Tensor, attended: Tensor | None) -> Tensor:
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and query.requires_grad:
        # The backward pass of the CPU's fused attention is 2.6 times slower in bfloat16 than in
        # float32 (torch 2.13, AVX512_BF16), so this one operation stays in float32 in training.
        with torch.autocast("cpu", enabled=False):
            return F.scaled_dot_product_attention(
                query.float(), key.float(), value.float(), attn_mask=attended
            ).to(query.dtype)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=attended)


class Encoder(nn.Module):
    """Computes the representation z of Sentinel-2 series.

    Args:
        settings: shape of the encoder.
        num_bands: number of bands B.

    Attributes:
        residual_precision: precision of the residual sum; None keeps that of the embedding.
        fused: whether to run the blocks as one operation if possible
            (:mod:`windrow.models.kernels.fused_blocks`).
        always_present: (B,) bool, the bands of every series; None if all bands are present, or if
            each call gives ``present``.

    Example:
        >>> import torch
        >>> settings = EncoderSettings(
        ...     num_layers=1, width=8, num_heads=2, mlp_width=16, kernel_size=1,
        ...     position="day_of_year", num_positions=144,
        ... )
        >>> encoder = Encoder(settings, num_bands=12)
        >>> z = encoder(torch.zeros(2, 5, 12), torch.arange(5).expand(2, 5), torch.ones(2, 5) > 0)
        >>> tuple(z.shape)
        (2, 5, 8)
    """

    def __init__(self, settings: EncoderSettings, *, num_bands: int) -> None:
        super().__init__()
        self.settings = settings
        self.num_bands = num_bands
        self.embedding = SeriesEmbedding(
            num_bands=num_bands,
            width=settings.width,
            kernel_size=settings.kernel_size,
            position=settings.position,
            num_positions=settings.num_positions,
            missing_bands=settings.missing_bands,
        )
        self.blocks = nn.ModuleList(
            Block(width=settings.width, num_heads=settings.num_heads, mlp_width=settings.mlp_width)
            for _ in range(settings.num_layers)
        )
        self.norm = nn.LayerNorm(settings.width)
        self.residual_precision: torch.dtype | None = None
        self.fused = False
        self.always_present: Tensor | None = None
        initialise(self)

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
        *,
        mask: tuple[Bool[Tensor, "series date"], Float[Tensor, " width"]] | None = None,
        use_position: bool = True,
        all_valid: bool | None = None,
        packing: Packing | None = None,
        present: Bool[Tensor, "... band"] | None = None,
    ) -> Float[Tensor, "series date width"]:
        """Computes the representation of every date.

        Args:
            values: (N, T, B) standardised reflectance.
            day_of_year: (N, T) integers 0..365.
            valid: (N, T) bool; invalid dates have no effect on others.
            mask: dates whose patch the pretext task replaces, (N, T) bool, and the token that
                replaces it, (D,); None replaces nothing.
            use_position: False leaves the position out, to measure its effect on a task.
            all_valid: whether every date is valid. None checks it, which waits for the device.
            packing: packing of ``valid``; the blocks then process valid dates only.
            present: (B,) or (N, B) bool, the bands that are present; None if all are. Only
                encoders with ``missing_bands`` accept it.

        Returns:
            (N, T, D). Values at invalid dates are finite and have no meaning.
        """
        if present is None and self.always_present is not None:
            present = self.always_present.to(values.device)
        tokens = self.embedding(
            values,
            day_of_year,
            valid,
            mask=mask,
            use_position=use_position,
            present=present,
        )
        if self.residual_precision is not None:
            tokens = tokens.to(self.residual_precision)
        attended: Tensor | None = None
        if packing is not None:
            tokens = packing.pack(tokens)
        elif not (bool(valid.all()) if all_valid is None else all_valid):
            # A series without any date attends to all positions, so that its values stay finite.
            keys = valid | ~valid.any(dim=1, keepdim=True)
            attended = keys[:, None, None, :]
        if self._fuses(tokens, valid):
            tokens = self._fused_blocks(tokens, attended, packing, valid)
        else:
            for block in self.blocks:
                tokens = block(tokens, attended, packing)
        normed: Tensor = self.norm(tokens.to(self.norm.weight.dtype))
        return normed if packing is None else packing.unpack(normed)

    def _fuses(self, tokens: Tensor, valid: Tensor) -> bool:
        settings = self.settings
        return self.fused and can_fuse(
            tokens,
            self.embedding.patch.weight,
            head_width=settings.width // settings.num_heads,
            num_dates=valid.shape[1],
        )

    def _fused_blocks(
        self, tokens: Tensor, attended: Tensor | None, packing: Packing | None, valid: Tensor
    ) -> Tensor:
        num_series, num_dates = valid.shape
        layout = Layout(
            bounds=padded_bounds(num_series, num_dates, valid.device)
            if packing is None
            else packing.bounds,
            num_series=num_series,
            max_dates=num_dates,
            keys=None if attended is None else attended[:, 0, 0].to(torch.int8).contiguous(),
            num_heads=self.settings.num_heads,
            eps=self.norm.eps,
        )
        parameters = [parameter for block in self.blocks for parameter in block.parameters()]
        return fused_blocks(tokens.flatten(0, -2), layout, parameters).view(tokens.shape)
