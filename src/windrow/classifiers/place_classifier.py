"""Classification with the place network, by the prototypes of a place's classes.

The *context* is the set of labelled and unlabelled fields by which the network gets to know a
place. It is fixed once. Every other field is then embedded beside the context alone, so that its
result does not depend on the fields that are classified together with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow.data.ten_day_grid import TenDayGrid
from windrow.errors import BandError, DataError
from windrow.inference.shipped_weights import weights_path
from windrow.models.place_context import PlaceContext
from windrow.models.place_network import PlaceBatch, PlaceNetwork, place_values
from windrow.models.place_weights import (
    PlaceWeightsHeader,
    load_place_network,
    place_weights_hash,
)

_TRUSTED_ACCURACY = 0.6
"""Accuracy of the prior on labelled fields from which on it is fully trusted."""

_ASSUMED_FIELDS, _ASSUMED_ACCURACY = 2.0, 0.5
"""Assumed trial of a prior before labels are seen: number of fields, and accuracy on them."""

_FIELDS_A_CALL = 256
"""Fields embedded at a time beside the context. It changes memory use only."""


@dataclass(frozen=True, eq=False)
class PlaceEncoder:
    """The place network and the header of its weights.

    Attributes:
        network: the network, in evaluation mode.
        header: header of the weights.
        content_hash: hash of everything that determines the network's outputs.
    """

    network: PlaceNetwork
    header: PlaceWeightsHeader
    content_hash: str

    @property
    def simulated(self) -> bool:
        """Whether the network was trained on simulated places."""
        return self.header.simulated

    @property
    def smoke_test(self) -> bool:
        """Whether the weights come from a recipe that only tests that training runs."""
        return self.header.smoke_test

    @property
    def crop_names(self) -> tuple[str, ...]:
        """Names of the crops for which the network has a prior."""
        untrained = self.header.untrained_crops
        return tuple(name for name in self.header.crop_names if name not in untrained)

    def describe(
        self, classes: Sequence[str], crops: Mapping[str, Sequence[str]]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Computes the shares of the K crops in each of C classes.

        Args:
            classes: names of the classes.
            crops: names of the table's crops by class, in equal shares. A class without a crop is
                not known.

        Returns:
            The shares (C, K), and a mask of the known classes (C,).

        Raises:
            DataError: a crop is not in the table.
        """
        table = self.header.crop_names
        shares = np.zeros((len(classes), len(table)), dtype=np.float32)
        for row, name in zip(shares, classes, strict=True):
            for crop in crops.get(name, ()):
                if crop not in self.crop_names:
                    raise DataError(
                        f"the weights know no crop {crop!r}",
                        where=f"class {name}",
                        expected="one of " + ", ".join(self.crop_names),
                        hint="leave the crop out: its class is then learned from labels alone",
                    )
                row[table.index(crop)] = 1.0
        total = shares.sum(axis=1)
        return shares / np.maximum(total, 1.0)[:, None], total > 0


DEFAULT_WEIGHTS = "windrow-1"
"""Name of the shipped weights of the place network."""


def load_place_encoder(weights: str | Path = DEFAULT_WEIGHTS) -> PlaceEncoder:
    """Loads the place network.

    Args:
        weights: a run directory of ``windrow pretrain windrow-1``, a ``.safetensors`` file, or the
            name of shipped weights.

    Raises:
        WeightsError: the weights do not exist, or are of another kind.
    """
    network, header = load_place_network(weights_path(weights))
    return place_encoder(network, header)


def place_encoder(network: PlaceNetwork, header: PlaceWeightsHeader) -> PlaceEncoder:
    """Makes an encoder of a network in memory. The network is put into evaluation mode."""
    network.eval().requires_grad_(False)
    return PlaceEncoder(network, header, place_weights_hash(header, network.state_dict()))


class PlaceClassifier:
    """Classifies fields by the prototypes of one place's classes.

    Args:
        encoder: the place network.
        context: n fields of the place, some of which may be labelled.
        label: (n,) class of each field, -1 unlabelled.
        classes: names of the classes.
        crops: names of the table's crops by class; see :meth:`PlaceEncoder.describe`.
        weight: (n,) weight of each field, such as of the pixels of one field; None weighs all
            alike.
        latitude: latitude of the place in degrees, or None.
        num_context: largest number of fields in the context. Further labelled fields still
            contribute to the prototypes.

    Raises:
        DataError: a class has neither a label nor a known crop.
    """

    def __init__(
        self,
        encoder: PlaceEncoder,
        context: TenDayGrid,
        label: npt.NDArray[np.integer],
        *,
        classes: Sequence[str],
        crops: Mapping[str, Sequence[str]],
        weight: npt.NDArray[np.float32] | None = None,
        latitude: float | None = None,
        num_context: int = 256,
    ) -> None:
        self.encoder = encoder
        shares, known = encoder.describe(classes, crops)
        self.known = known
        counts = np.bincount(label[label >= 0], minlength=len(classes))
        lost = np.flatnonzero((counts == 0) & ~known)
        if len(lost):
            raise DataError(
                f"class {classes[lost[0]]!r} has no labelled field and no known crop",
                hint="label a field of it, or name its crops",
            )
        seen = spread_context(label, num_context)
        self._context = context.select(seen)
        self._shares = torch.from_numpy(shares)[None]
        self._place = torch.tensor([place_values(latitude)])
        self._seen = PlaceContext(encoder.network, self._batch(self._context, len(self._context)))
        own, tokens = self._seen.embedding, self._seen.class_tokens
        others = np.setdiff1d(np.flatnonzero(label >= 0), seen)
        embedding = torch.cat([own, self.embed_tensor(context.select(others))])
        order = np.concatenate([seen, others])
        told = torch.from_numpy(label[order].astype(np.int64))
        weighed = torch.ones(len(order)) if weight is None else torch.from_numpy(weight[order])
        self._fit(embedding, tokens, told, weighed, num_seen=len(seen))

    def embed(self, fields: TenDayGrid) -> npt.NDArray[np.float32]:
        """Computes the embedding (n, Z) of each field beside the context."""
        return self.embed_tensor(fields).numpy()

    def log_probability(
        self, embedding: npt.NDArray[np.float32], *, temperature: float = 1.0
    ) -> npt.NDArray[np.float64]:
        """Computes the log probability of each class.

        Args:
            embedding: (n, Z) embeddings of fields.
            temperature: divisor of the logits.

        Returns:
            (n, C) float64.
        """
        parts = [np.zeros((0, len(self.known)))]
        exists = torch.ones(1, len(self.known), dtype=torch.bool)
        for start in range(0, len(embedding), _FIELDS_A_CALL):
            part = embedding[start : start + _FIELDS_A_CALL]
            padded = np.pad(part, ((0, _FIELDS_A_CALL - len(part)), (0, 0)))
            with torch.no_grad():
                logits = self.encoder.network.closeness(
                    torch.from_numpy(padded)[None], self.prototypes.mixed, exists
                )[0, : len(part)]
            parts.append((logits.double() / temperature).log_softmax(-1).numpy())
        return np.concatenate(parts)

    def distance(self, embedding: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Computes the distance of embedded fields (n, Z) from the nearest prototype, (n,)."""
        prototypes = self.prototypes.mixed[0].double().numpy()
        square = ((embedding[:, None].astype(np.float64) - prototypes) ** 2).mean(-1)
        return np.asarray(np.sqrt(square.min(axis=1)))

    @torch.no_grad()
    def embed_tensor(self, fields: TenDayGrid) -> Tensor:
        """Computes the embeddings as a tensor; see :meth:`embed`."""
        if not np.array_equal(fields.has_band, self._context.has_band):
            raise BandError("the fields have other bands than the context")
        parts = [torch.zeros(0, self.encoder.header.network.embedding_width)]
        for start in range(0, len(fields), _FIELDS_A_CALL):
            part = fields.select(slice(start, start + _FIELDS_A_CALL))
            parts.append(self._seen.embed(*of_fixed_size(part, _FIELDS_A_CALL))[: len(part)])
        return torch.cat(parts)

    @torch.no_grad()
    def _fit(
        self, embedding: Tensor, tokens: Tensor, label: Tensor, weight: Tensor, *, num_seen: int
    ) -> None:
        """Fits the prototypes. The prior's weight grows with its agreement with the labels."""
        labelled = label >= 0
        is_context = torch.arange(len(label)) < num_seen
        empty = TenDayGrid(
            np.zeros((0, *self._context.reflectance.shape[1:]), dtype=np.float32),
            np.zeros((0, self._context.gap.shape[1]), dtype=np.float32),
            self._context.has_band,
        )
        batch = replace(
            self._batch(empty, 0),
            is_field=torch.ones(1, len(label), dtype=torch.bool),
            context=is_context[None],
            label=label[None],
            labelled=labelled[None],
            weight=weight[None],
        )
        network = self.encoder.network
        first = network.prototypes(embedding[None], tokens, batch)
        known = torch.from_numpy(self.known)
        judged = labelled & known[label.clamp(min=0)]
        logits = network.closeness(embedding[None], first.prior, first.has_prior)[0, judged]
        right = float(((logits.argmax(-1) == label[judged]) * weight[judged]).sum())
        self.prior_scale = trust_in_prior(
            right, num_judged=float(weight[judged].sum()), num_known=int(known.sum())
        )
        found = network.prototypes(embedding[None], tokens, batch, prior_scale=self.prior_scale)
        # Without labels the unlabelled fields could move the classes without limit.
        self.prototypes = found if bool(labelled.any()) else replace(found, mixed=found.prior)

    def _batch(self, grid: TenDayGrid, num_seen: int) -> PlaceBatch:
        num_fields, num_classes = len(grid), len(self.known)
        nothing = torch.zeros(1, num_fields, dtype=torch.bool)
        return PlaceBatch(
            reflectance=torch.from_numpy(grid.reflectance)[None],
            gap=torch.from_numpy(grid.gap)[None],
            has_band=torch.from_numpy(grid.has_band)[None],
            is_field=~nothing,
            context=(torch.arange(num_fields) < num_seen)[None],
            label=torch.full((1, num_fields), -1),
            labelled=nothing,
            crops=self._shares,
            known=torch.from_numpy(self.known)[None],
            is_class=torch.ones(1, num_classes, dtype=torch.bool),
            place=self._place,
        )


def of_fixed_size(fields: TenDayGrid, size: int) -> tuple[Tensor, Tensor]:
    """Pads the fields of a call to one number, and gives their reflectance and gaps.

    A matrix product may round differently for another number of rows. With one number the result
    of a field is the same to the last bit, whatever it is classified together with.
    """
    missing = size - len(fields)
    return (
        torch.from_numpy(np.pad(fields.reflectance, ((0, missing), (0, 0), (0, 0)))),
        torch.from_numpy(np.pad(fields.gap, ((0, missing), (0, 0)))),
    )


def trust_in_prior(num_right: float, *, num_judged: float, num_known: int) -> float:
    """Computes the factor on the prior's weight from its accuracy on labelled fields.

    Args:
        num_right: labelled fields that the prior alone classifies correctly.
        num_judged: labelled fields of classes with a prior.
        num_known: classes with a prior.

    Returns:
        1 if the prior is accurate or there is no label, 0 if it is no better than chance.

    Example:
        >>> trust_in_prior(0, num_judged=0, num_known=5)
        1.0
        >>> trust_in_prior(9, num_judged=10, num_known=5), trust_in_prior(
        ...     1, num_judged=10, num_known=5
        ... )
        (1.0, 0.0)
    """
    if num_judged == 0 or num_known < 2:
        return 1.0
    total = num_judged + _ASSUMED_FIELDS
    accuracy = (num_right + _ASSUMED_FIELDS * _ASSUMED_ACCURACY) / total
    chance = 1.0 / num_known
    trust = (accuracy - chance) / max(_TRUSTED_ACCURACY - chance, 0.1)
    return float(np.clip(trust, 0.0, 1.0))


def spread_context(label: npt.NDArray[np.integer], most: int) -> npt.NDArray[np.intp]:
    """Selects at most ``most`` fields, half of them labelled if possible, spread evenly."""
    labelled, others = np.flatnonzero(label >= 0), np.flatnonzero(label < 0)
    num_labelled = min(len(labelled), max(most // 2, most - len(others)))
    num_others = min(len(others), most - num_labelled)
    order = np.argsort(label[labelled], kind="stable")  # spreads the choice over the classes
    chosen = [
        labelled[order][np.linspace(0, len(labelled) - 1, num_labelled).astype(np.intp)]
        if num_labelled
        else labelled[:0],
        others[np.linspace(0, len(others) - 1, num_others).astype(np.intp)]
        if num_others
        else others[:0],
    ]
    return np.concatenate(chosen).astype(np.intp)
