"""A place's context, frozen: what the network shows to every further field is computed once.

Fields outside the context see the context and themselves alone. Keys and values of the context are
therefore the same for all of them, and a field costs no more than its own tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from windrow.models.place_network import PlaceBatch, PlaceNetwork


class PlaceContext:
    """What a place shows to the fields that are embedded beside it.

    Args:
        network: the place network, in evaluation mode.
        batch: one place, whose fields are the context.
    """

    @torch.no_grad()
    def __init__(self, network: PlaceNetwork, batch: PlaceBatch) -> None:
        self._network = network
        self._has_band, self._place = batch.has_band, batch.place
        values = network.channels(batch.reflectance)
        seen = batch.context & batch.is_field
        self._moments = network.moments(values, seen)
        patches = network.patches(values, self._moments, batch.gap, batch.has_band)
        fields = network.field_tokens(patches, batch.has_band, batch.place)
        classes = network.class_tokens(batch)
        tokens = torch.cat([classes, fields], dim=1)
        visible = torch.cat([batch.is_class, seen], dim=1)
        own = torch.eye(tokens.shape[1], dtype=torch.bool)
        mask = (visible[:, None, :] | own)[:, None]
        self._shown: list[tuple[Tensor, Tensor]] = []
        for layer in network.attention:
            _, key, value = layer.heads(tokens)
            shown = key[:, :, visible[0]].contiguous(), value[:, :, visible[0]].contiguous()
            self._shown.append(shown)
            tokens = layer(tokens, mask)
        num_classes = classes.shape[1]
        self.embedding = network.embedding(tokens[:, num_classes:], patches)[0]
        """Embeddings of the context's own fields, (n, Z)."""
        self.class_tokens = network.norm(tokens[:, :num_classes])
        """Tokens of the classes, (1, C, D)."""

    @torch.no_grad()
    def embed(self, reflectance: Tensor, gap: Tensor) -> Tensor:
        """Computes the embeddings of fields outside the context.

        Args:
            reflectance: (N, 36, 12) float32, 0..1.
            gap: (N, 36), steps to the nearest clear date.

        Returns:
            (N, Z).
        """
        network = self._network
        values = network.channels(reflectance[None])
        patches = network.patches(values, self._moments, gap[None], self._has_band)
        tokens = network.field_tokens(patches, self._has_band, self._place)
        for layer, (key, value) in zip(network.attention, self._shown, strict=True):
            tokens = layer.beside(tokens, key, value)
        return network.embedding(tokens, patches)[0]
