"""Attention among the fields and classes of a place."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FieldAttention(nn.Module):
    """A pre-norm layer in which tokens see those that the mask shows them.

    Args:
        width: D, width of a token; a multiple of ``num_heads``.
        num_heads: number of heads.
        mlp_width: width of the hidden layer.
    """

    def __init__(self, width: int, *, num_heads: int, mlp_width: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_width), nn.GELU(), nn.Linear(mlp_width, width)
        )

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (P, M, D) under a mask (P, 1, M, M), True where a token is seen."""
        query, key, value = self.heads(tokens)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self._after(tokens, seen)

    def heads(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Computes queries, keys and values (P, H, M, D / H) of tokens (P, M, D)."""
        num_places, num_tokens, width = tokens.shape
        qkv = self.qkv(self.norm_attention(tokens))
        split = qkv.view(num_places, num_tokens, 3, self.num_heads, width // self.num_heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        return query, key, value

    def beside(self, tokens: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Computes the next tokens of fields that see a context and themselves, and no other.

        The result is that of :meth:`forward` with such a mask, without the context's own part.

        Args:
            tokens: (1, N, D) tokens of fields outside the context.
            key: (1, H, M, D / H) keys of what the context shows.
            value: (1, H, M, D / H) values of it.
        """
        query, own_key, own_value = self.heads(tokens)
        query = query * query.shape[-1] ** -0.5
        scores = torch.cat(
            [query @ key.transpose(-1, -2), (query * own_key).sum(-1, keepdim=True)], dim=-1
        )
        share = scores.softmax(-1)
        seen = share[..., :-1] @ value + share[..., -1:] * own_value
        return self._after(tokens, seen)

    def _after(self, tokens: Tensor, seen: Tensor) -> Tensor:
        tokens = tokens + self.out(seen.transpose(1, 2).flatten(2))
        added: Tensor = tokens + self.mlp(self.norm_mlp(tokens))
        return added
