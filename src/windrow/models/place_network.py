"""All fields of a place classified together: a prototypical network with a prior.

Every field is embedded from its ten-day grid. Attention layers let the fields of the place see
each other, labelled or not, so that the embedding adapts to the season, the air and the level of
the place. A class is a prototype (Snell et al. 2017): the mean of its labelled fields' embeddings
and of a prior made from the crops that the class is known to hold. A learned pseudo-count weighs
the prior: it stands for so many labelled fields, and falls where the prior contradicts the labels.

Fields that are no *context* are seen by no other field, so that their result does not depend on
which of them are predicted together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from windrow.config import Settings
from windrow.data.spectral_indices import INDEX_POSITIONS
from windrow.data.ten_day_grid import NUM_STEPS
from windrow.models.field_attention import FieldAttention
from windrow.sensors import SENTINEL2_BANDS

NUM_BANDS = len(SENTINEL2_BANDS)
NUM_CHANNELS = NUM_BANDS + len(INDEX_POSITIONS)
NUM_PLACE_VALUES = 3
"""What is known of a place: latitude north or south of the equator, and whether it is known."""

NUM_AGREEMENT_VALUES = 6
_CLIP = 5.0
_INDEX_SPREAD = 0.25
"""Deviation that indices are divided by."""

_PLACE_DEVIATION = 0.1
"""Added to the deviation between the fields of a place, in units of the global one."""

_GAP_STEPS = 3.0
_LITTLE = 1e-3
_NEVER = -1e9


class PlaceNetworkSettings(Settings):
    """Shape of the network."""

    patch_steps: int = Field(ge=1, description="ten-day steps of a patch")
    patch_stride: int = Field(ge=1, description="steps between patches; divides 36")
    patch_width: int = Field(ge=1, description="width of a patch's embedding")
    hidden_width: int = Field(ge=1, description="width of the layer that joins the patches")
    width: int = Field(ge=1, description="width of a field's token")
    num_layers: int = Field(ge=0, description="attention layers among the fields")
    num_heads: int = Field(ge=1)
    mlp_width: int = Field(ge=1)
    embedding_width: int = Field(ge=1, description="width of the space of the prototypes")
    num_refinements: int = Field(
        ge=0, description="times that unlabelled fields of the context move the prototypes"
    )


@dataclass(frozen=True, eq=False)
class PlaceBatch:
    """P places of at most N fields and C classes.

    Attributes:
        reflectance: (P, N, 36, 12), 0..1.
        gap: (P, N, 36), steps to the nearest clear date.
        has_band: (P, 12) bool.
        is_field: (P, N) bool; False is padding.
        context: (P, N) bool, fields that the others see.
        label: (P, N) int64, class of a labelled field; any value elsewhere.
        labelled: (P, N) bool; labelled fields are context.
        crops: (P, C, K), share of each crop of the table in a class.
        known: (P, C) bool, classes whose crops are known.
        is_class: (P, C) bool; False is padding.
        place: (P, 3), from :func:`place_values`.
        weight: (P, N), weight of labelled fields; None weighs all alike.
    """

    reflectance: Tensor
    gap: Tensor
    has_band: Tensor
    is_field: Tensor
    context: Tensor
    label: Tensor
    labelled: Tensor
    crops: Tensor
    known: Tensor
    is_class: Tensor
    place: Tensor
    weight: Tensor | None = None


@dataclass(frozen=True, eq=False)
class PlaceOutputs:
    """What the network says of the fields of P places.

    Attributes:
        logits: (P, N, C) from prototypes of labels and prior.
        prior_logits: (P, N, C) from the prior alone; very low for classes without one.
        label_logits: (P, N, C) from the labels alone; very low for classes without one.
        embedding: (P, N, Z).
        prior_weight: (P, C), labelled fields that the prior stands for; 0 without one.
    """

    logits: Tensor
    prior_logits: Tensor
    label_logits: Tensor
    embedding: Tensor
    prior_weight: Tensor


@dataclass(frozen=True, eq=False)
class Prototypes:
    """Where classes lie in the space of embeddings.

    Attributes:
        mixed: (P, C, Z), of prior, labels and unlabelled fields of the context.
        prior: (P, C, Z), of the prior alone.
        labels: (P, C, Z), means of the labelled fields; 0 without one.
        prior_weight: (P, C), labelled fields that the prior stands for.
        has_prior: (P, C) bool.
        counts: (P, C), labelled fields.
    """

    mixed: Tensor
    prior: Tensor
    labels: Tensor
    prior_weight: Tensor
    has_prior: Tensor
    counts: Tensor


def place_values(latitude: float | None) -> tuple[float, float, float]:
    """Computes what the network is told of where a place lies.

    Example:
        >>> place_values(-45.0), place_values(None)
        ((0.5, -0.5, 1.0), (0.0, 0.0, 0.0))
    """
    if latitude is None:
        return (0.0, 0.0, 0.0)
    return (abs(latitude) / 90, latitude / 90, 1.0)


class PlaceNetwork(nn.Module):
    """See the head of the module.

    Args:
        settings: the shape.
        num_crops: K, crops of the table that a prior can be made of.
    """

    band_mean: Tensor
    band_deviation: Tensor
    first: Tensor
    second: Tensor

    def __init__(self, settings: PlaceNetworkSettings, *, num_crops: int) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("band_mean", torch.zeros(NUM_BANDS))
        self.register_buffer("band_deviation", torch.ones(NUM_BANDS))
        pairs = torch.tensor(INDEX_POSITIONS)
        self.register_buffer("first", pairs[:, 0], persistent=False)
        self.register_buffer("second", pairs[:, 1], persistent=False)
        width, z = settings.width, settings.embedding_width
        num_patches = NUM_STEPS // settings.patch_stride
        patch_values = settings.patch_steps * (2 * NUM_CHANNELS + 1)
        self.patch = nn.Linear(patch_values, settings.patch_width)
        joined = num_patches * settings.patch_width
        self.join = nn.Sequential(
            nn.Linear(joined, settings.hidden_width),
            nn.GELU(),
            nn.Linear(settings.hidden_width, width),
        )
        self.bands = nn.Linear(NUM_CHANNELS, width, bias=False)
        self.crops = nn.Linear(num_crops, width)
        self.place = nn.Linear(NUM_PLACE_VALUES, width)
        self.kind = nn.Parameter(torch.zeros(2, width))
        self.layers = nn.ModuleList(
            [
                FieldAttention(width, num_heads=settings.num_heads, mlp_width=settings.mlp_width)
                for _ in range(settings.num_layers)
            ]
        )
        self.norm = nn.LayerNorm(width)
        self.embed = nn.Linear(width, z)
        self.skip = nn.Linear(joined, z)
        self.prior = nn.Linear(width, z)
        self.pseudo_count = nn.Linear(width, 1)
        self.agreement = nn.Sequential(
            nn.Linear(NUM_AGREEMENT_VALUES, 16), nn.GELU(), nn.Linear(16, 1)
        )
        self.log_temperature = nn.Parameter(torch.tensor(1.4))
        self.refinement = nn.Parameter(torch.tensor(-3.0))

    @property
    def attention(self) -> list[FieldAttention]:
        """The attention layers, the first first."""
        return cast("list[FieldAttention]", list(self.layers))

    def set_band_moments(self, mean: Tensor, deviation: Tensor) -> None:
        """Takes the mean and deviation (12,) of reflectance that inputs are standardised with."""
        self.band_mean.copy_(mean)
        self.band_deviation.copy_(deviation)

    def forward(self, batch: PlaceBatch) -> PlaceOutputs:
        """Computes class logits of all fields, and what they come from."""
        embedding, tokens = self.encode(batch)
        found = self.prototypes(embedding, tokens, batch)
        return PlaceOutputs(
            logits=self.closeness(embedding, found.mixed, batch.is_class),
            prior_logits=self.closeness(embedding, found.prior, found.has_prior),
            label_logits=self.closeness(embedding, found.labels, found.counts > 0),
            embedding=embedding,
            prior_weight=found.prior_weight,
        )

    def prototypes(
        self, embedding: Tensor, tokens: Tensor, batch: PlaceBatch, *, prior_scale: float = 1.0
    ) -> Prototypes:
        """Computes where the classes lie among the embeddings.

        Args:
            embedding: (P, N, Z), from :meth:`encode`.
            tokens: (P, C, D), from there too.
            batch: which fields are labelled, and what is known of the classes.
            prior_scale: multiplies the weight of the prior.
        """
        has_prior = batch.known & batch.is_class
        labelled = batch.labelled & batch.is_field
        member = F.one_hot(batch.label.clamp(min=0), batch.is_class.shape[1]).to(embedding)
        member = member * labelled[..., None]
        if batch.weight is not None:
            member = member * batch.weight[..., None]
        counts = member.sum(1)
        sums = torch.einsum("pnc,pnz->pcz", member, embedding)
        labels = sums / counts.clamp(min=_LITTLE)[..., None]
        prior = self.prior(tokens)
        weight = F.softplus(self.pseudo_count(tokens)[..., 0] + 1.0)
        prior_logits = self.closeness(embedding, prior, has_prior)
        agreement = self._agreement(prior_logits, member, has_prior, prior, labels)
        any_label = counts.sum(1, keepdim=True) > 0
        weight = torch.where(any_label, weight * agreement, weight) * has_prior
        # A class without a label has nothing but its prior.
        weight = torch.where(counts > 0, weight * prior_scale, weight)
        mixed = (weight[..., None] * prior + sums) / (weight + counts + _LITTLE)[..., None]
        free = batch.context & batch.is_field & ~labelled
        for _ in range(self.settings.num_refinements):
            logits = self.closeness(embedding, mixed, batch.is_class)
            share = logits.softmax(-1).square() * free[..., None] * F.softplus(self.refinement)
            total = weight + counts + share.sum(1) + _LITTLE
            moved = torch.einsum("pnc,pnz->pcz", share, embedding)
            mixed = (weight[..., None] * prior + sums + moved) / total[..., None]
        return Prototypes(mixed, prior, labels, weight, has_prior, counts)

    def encode(self, batch: PlaceBatch) -> tuple[Tensor, Tensor]:
        """Embeddings (P, N, Z) of the fields, and tokens (P, C, D) of the classes."""
        patches = self._patches(batch)
        fields = self.field_tokens(patches, batch.has_band, batch.place)
        classes = self.class_tokens(batch)
        tokens = torch.cat([classes, fields], dim=1)
        visible = torch.cat([batch.is_class, batch.context & batch.is_field], dim=1)
        own = torch.eye(tokens.shape[1], dtype=torch.bool, device=tokens.device)
        mask = (visible[:, None, :] | own)[:, None]
        for layer in self.layers:
            tokens = layer(tokens, mask)
        num_classes = classes.shape[1]
        embedding = self.embedding(tokens[:, num_classes:], patches)
        return embedding, self.norm(tokens[:, :num_classes])

    def field_tokens(self, patches: Tensor, has_band: Tensor, place: Tensor) -> Tensor:
        """Computes the tokens (P, N, D) of fields before they see each other."""
        present = self._has_channel(has_band).to(patches)
        own = self.join(patches) + self.bands(present)[:, None]
        tokens: Tensor = own + self.place(place)[:, None] + self.kind[0]
        return tokens

    def class_tokens(self, batch: PlaceBatch) -> Tensor:
        """Computes the tokens (P, C, D) of classes before they see the fields."""
        described = self.crops(batch.crops) * batch.known[..., None]
        tokens: Tensor = described + self.place(batch.place)[:, None] + self.kind[1]
        return tokens

    def embedding(self, tokens: Tensor, patches: Tensor) -> Tensor:
        """Computes the embeddings (P, N, Z) of fields from their last tokens and their patches."""
        found: Tensor = self.embed(self.norm(tokens)) + 0.3 * self.skip(patches)
        return found

    def _patches(self, batch: PlaceBatch) -> Tensor:
        """Computes the patches of each field, one after another, (P, N, 36 / stride * width)."""
        values = self.channels(batch.reflectance)
        moments = self.moments(values, batch.context & batch.is_field)
        return self.patches(values, moments, batch.gap, batch.has_band)

    def channels(self, reflectance: Tensor) -> Tensor:
        """Computes bands and indices, standardised globally, (..., 36, 24)."""
        bands = (reflectance - self.band_mean) / self.band_deviation
        a, b = reflectance[..., self.first], reflectance[..., self.second]
        total = a + b
        ratio = torch.where(total > 0.0, (a - b) / total.clamp(min=1e-4), 0.0).clamp(-1, 1)
        return torch.cat([bands, ratio / _INDEX_SPREAD], dim=-1).clamp(-_CLIP, _CLIP)

    def moments(self, values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Computes mean and deviation of channels (P, N, 36, 24) over the seen fields (P, N)."""
        weight = seen.to(values)
        num_seen = weight.sum(1).clamp(min=1)[:, None, None]
        mean = torch.einsum("pn,pnsc->psc", weight, values) / num_seen
        square = torch.einsum("pn,pnsc->psc", weight, values.square()) / num_seen
        deviation = (square - mean.square()).clamp(min=1e-6).sqrt() + _PLACE_DEVIATION
        return mean, deviation

    def patches(
        self, values: Tensor, moments: tuple[Tensor, Tensor], gap: Tensor, has_band: Tensor
    ) -> Tensor:
        """Computes the patches of fields, given the moments of their place.

        Args:
            values: (P, N, 36, 24), from :meth:`channels`.
            moments: (P, 36, 24) each, from :meth:`moments`.
            gap: (P, N, 36), steps to the nearest clear date.
            has_band: (P, 12) bool.
        """
        mean, deviation = moments
        within = (values - mean[:, None]) / deviation[:, None]
        near = torch.exp(-gap / _GAP_STEPS)[..., None]
        present = self._has_channel(has_band)[:, None, None]
        values = torch.where(present, values, 0.0)
        within = torch.where(present, within.clamp(-_CLIP, _CLIP), 0.0)
        values = torch.cat([values, within, near], dim=-1)
        steps = self.settings.patch_steps
        before = (steps - 1) // 2
        after = steps - 1 - before
        circle = [values[:, :, NUM_STEPS - before :], values, values[:, :, :after]]
        patches = torch.cat(circle, dim=2).unfold(2, steps, self.settings.patch_stride)
        return F.gelu(self.patch(patches.flatten(3))).flatten(2)

    def _has_channel(self, has_band: Tensor) -> Tensor:
        """Computes which bands and indices can be computed, (P, 24) bool."""
        return torch.cat([has_band, has_band[:, self.first] & has_band[:, self.second]], dim=1)

    def closeness(self, embedding: Tensor, prototypes: Tensor, exists: Tensor) -> Tensor:
        """Logits (P, N, C) of fields by their distance from the prototypes of the classes."""
        square = (
            embedding.square().mean(-1)[..., None]
            - 2 * embedding @ prototypes.transpose(1, 2) / embedding.shape[-1]
            + prototypes.square().mean(-1)[:, None]
        )
        logits = -square * self.log_temperature.exp()
        return logits.masked_fill(~exists[:, None], _NEVER)

    def _agreement(
        self,
        prior_logits: Tensor,
        member: Tensor,
        known: Tensor,
        prior: Tensor,
        label_means: Tensor,
    ) -> Tensor:
        """Computes the factor (P, C) on the prior's weight, from how the prior fits the labels."""
        counts = member.sum(1)
        judged = member * known[:, None]
        num_known = known.sum(1).clamp(min=2).to(prior)
        chance = -num_known.log()[:, None]
        log_probability = (prior_logits.log_softmax(-1) * judged).clamp(min=-20)
        of_class = log_probability.sum(1) / judged.sum(1).clamp(min=_LITTLE)
        of_place = log_probability.sum((1, 2)) / judged.sum((1, 2)).clamp(min=_LITTLE)
        distance = (prior - label_means).square().mean(-1) * (counts > 0)
        spread = torch.ones_like(counts)
        values = torch.stack(
            [
                of_place[:, None] / chance * spread,
                of_class / chance,
                distance * self.log_temperature.exp(),
                torch.log1p(counts),
                torch.log1p(judged.sum((1, 2)))[:, None] * spread,
                (counts > 0).to(counts),
            ],
            dim=-1,
        )
        gate: Tensor = torch.sigmoid(self.agreement(values)[..., 0] + 1.0)
        return gate


def build_place_network(
    settings: PlaceNetworkSettings, *, num_crops: int, seed: int
) -> PlaceNetwork:
    """Builds a network with fresh weights of the seed; torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PlaceNetwork(settings, num_crops=num_crops)


def without_labels(batch: PlaceBatch) -> PlaceBatch:
    """Computes the same places with no field labelled."""
    return replace(batch, labelled=torch.zeros_like(batch.labelled))
