"""Episodes: small classification tasks drawn from a place, as the pretext task ``episodes``.

An episode takes some of a place's crops as classes and merges some of them. It labels k fields of
each class and queries the rest. Effects of sensor and archive are drawn anew each time
(:mod:`windrow.tasks.episode_augmentation`). So are the known crops of the classes: all of them,
some, none, or wrong ones, which the network must learn to distrust from the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from windrow.config import Settings
from windrow.data.place_fields import PlaceFields
from windrow.data.ten_day_grid import TenDayGrid
from windrow.errors import DataError
from windrow.models.place_network import PlaceBatch, PlaceOutputs, place_values
from windrow.tasks.episode_augmentation import AugmentationSettings, augmented_grid

NOT_SCORED = -100
"""Target of a field that is not queried."""

_LEAST_FIELDS = 3
"""Least number of fields of a class: one to label, and two to query."""

_ATTEMPTS = 20

Share = float


class EpisodeSettings(Settings):
    """Settings of the draw of episodes."""

    kind: Literal["episodes"] = "episodes"
    num_classes: tuple[int, int] = Field(description="fewest and most classes")
    num_labelled: tuple[int, ...] = Field(
        description="possible numbers of labelled fields per class"
    )
    label_weights: tuple[float, ...] = Field(
        description="weight of each of these numbers in the draw"
    )
    uneven: Share = Field(
        ge=0, le=1, description="episodes whose classes differ in numbers of labels"
    )
    num_queries: int = Field(ge=1, description="largest number of queried fields")
    merged: Share = Field(ge=0, le=1, description="remaining crops that are merged into a class")
    rest_class: Share = Field(
        ge=0, le=1, description="episodes with an unnamed class of all remaining crops"
    )
    all_known: Share = Field(
        ge=0, le=1, description="labelled episodes in which the crops of all classes are known"
    )
    some_known: Share = Field(
        ge=0, le=1, description="classes whose crops are known in the other labelled episodes"
    )
    wrong_prior: Share = Field(
        ge=0, le=1, description="labelled episodes in which classes are given other crops"
    )
    wrong_labels: Share = Field(ge=0, le=1, description="episodes with some wrong labels")
    all_context: Share = Field(
        ge=0, le=1, description="episodes in which all fields see each other"
    )
    known_latitude: Share = Field(ge=0, le=1, description="episodes in which the latitude is known")
    augmentation: AugmentationSettings
    prior_weight: float = Field(ge=0, description="weight of the loss of the prior alone")
    label_weight: float = Field(ge=0, description="weight of the loss of the labels alone")

    @model_validator(mode="after")
    def _fits(self) -> EpisodeSettings:
        if len(self.num_labelled) != len(self.label_weights) or sum(self.label_weights) <= 0:
            raise ValueError("label_weights must give each of num_labelled a weight")
        if not 2 <= self.num_classes[0] <= self.num_classes[1]:
            raise ValueError("num_classes must be two or more, the fewest first")
        return self


@dataclass(frozen=True, eq=False)
class Episode:
    """One task with n fields of a place, some labelled and some queried.

    Attributes:
        grid: ten-day grid of the fields.
        context: (n,) bool, fields in the context of all others.
        label: (n,) int64, given class, possibly wrong; -1 for fields without a class.
        labelled: (n,) bool, fields whose label the network gets.
        target: (n,) int64, true class of the queried fields; ``NOT_SCORED`` elsewhere.
        crops: (C, K) float32, share of each crop in a class.
        known: (C,) bool, classes whose crops the network gets.
        latitude: latitude of the place in degrees, or None.
    """

    grid: TenDayGrid
    context: npt.NDArray[np.bool_]
    label: npt.NDArray[np.int64]
    labelled: npt.NDArray[np.bool_]
    target: npt.NDArray[np.int64]
    crops: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]
    latitude: float | None


def draw_num_labelled(settings: EpisodeSettings, generator: np.random.Generator) -> int:
    """Draws the number of labelled fields per class of an episode."""
    weights = np.array(settings.label_weights) / sum(settings.label_weights)
    return int(generator.choice(settings.num_labelled, p=weights))


def has_episode(place: PlaceFields, settings: EpisodeSettings) -> bool:
    """Checks whether a place has enough fields of enough crops for an episode."""
    counts = np.bincount(place.crop, minlength=1)
    return int((counts >= _LEAST_FIELDS).sum()) >= settings.num_classes[0]


def draw_episode(
    place: PlaceFields,
    settings: EpisodeSettings,
    generator: np.random.Generator,
    *,
    num_labelled: int | None = None,
) -> Episode:
    """Draws one episode from a place.

    Args:
        place: the fields of the place.
        settings: settings of the draw.
        generator: source of all draws.
        num_labelled: number of labelled fields per class; None draws it.

    Raises:
        DataError: the place has too few fields of too few crops.
    """
    k = draw_num_labelled(settings, generator) if num_labelled is None else num_labelled
    groups = _classes(place, settings, generator)
    true = np.full(len(place), -1, dtype=np.int64)
    for number, group in enumerate(groups.crops):
        true[np.isin(place.crop, group)] = number
    support = _support(true, k, settings, generator)
    fields, labelled, asked = _fields(true, support, settings, generator)
    told = true[fields]
    if generator.random() < settings.wrong_labels:
        wrong = labelled & (generator.random(len(told)) < generator.uniform(0.02, 0.15))
        told = np.where(wrong, generator.integers(len(groups.crops), size=len(told)), told)
    context = np.ones(len(fields), dtype=np.bool_)
    if generator.random() >= settings.all_context:
        context = labelled | (generator.random(len(fields)) < generator.uniform(0.1, 0.9))
        context[np.flatnonzero(~labelled)[:8]] = True  # the context also has unlabelled fields
    crops, known = _description(place, groups, true, labelled=k > 0, draws=(settings, generator))
    knows_latitude = generator.random() < settings.known_latitude
    return Episode(
        grid=augmented_grid(place, fields, settings.augmentation, generator),
        context=context,
        label=told,
        labelled=labelled,
        target=np.where(asked, true[fields], NOT_SCORED),
        crops=crops,
        known=known,
        latitude=place.latitude if knows_latitude else None,
    )


def collate(episodes: Sequence[Episode]) -> tuple[PlaceBatch, Tensor]:
    """Pads P episodes to one batch of at most N fields, and gives the targets (P, N) int64."""
    num_fields = max(len(one.grid) for one in episodes)
    num_classes = max(len(one.crops) for one in episodes)

    def padded(rows: Sequence[npt.NDArray[np.generic]], length: int, fill: float) -> Tensor:
        shape = (len(rows), length, *rows[0].shape[1:])
        full = np.full(shape, fill, dtype=rows[0].dtype)
        for row, values in zip(full, rows, strict=True):
            row[: len(values)] = values
        return torch.from_numpy(full)

    def of_fields(name: str, fill: float = 0) -> Tensor:
        return padded([getattr(one, name) for one in episodes], num_fields, fill)

    def of_classes(rows: Sequence[npt.NDArray[np.generic]]) -> Tensor:
        return padded(rows, num_classes, 0)

    ones = [np.ones(len(one.grid), dtype=np.bool_) for one in episodes]
    batch = PlaceBatch(
        reflectance=padded([one.grid.reflectance for one in episodes], num_fields, 0),
        gap=padded([one.grid.gap for one in episodes], num_fields, 0),
        has_band=torch.from_numpy(np.stack([one.grid.has_band for one in episodes])),
        is_field=padded(ones, num_fields, 0),
        context=of_fields("context"),
        label=of_fields("label", -1),
        labelled=of_fields("labelled"),
        crops=of_classes([one.crops for one in episodes]),
        known=of_classes([one.known for one in episodes]),
        is_class=of_classes([np.ones(len(one.crops), dtype=np.bool_) for one in episodes]),
        place=torch.tensor([place_values(one.latitude) for one in episodes]),
    )
    return batch, of_fields("target", NOT_SCORED)


def episode_losses(
    outputs: PlaceOutputs, batch: PlaceBatch, target: Tensor, settings: EpisodeSettings
) -> dict[str, Tensor]:
    """Computes the cross entropy of the queried fields.

    It is computed for the mixture, for the prior alone and for the labels alone. The prior alone
    counts only in episodes in which every class has a prior, and the labels alone only in episodes
    in which every class has a label.

    Args:
        outputs: outputs of the network.
        batch: inputs of the network.
        target: (P, N) classes, ``NOT_SCORED`` for fields that are not queried.
        settings: weights of the losses.
    """
    missing = batch.is_class & ~batch.known
    with_prior = ~missing.any(1)
    member = F.one_hot(batch.label.clamp(min=0), batch.is_class.shape[1])
    counts = (member * batch.labelled[..., None]).sum(1)
    with_labels = ~(batch.is_class & (counts == 0)).any(1)
    mixed = _cross_entropy(outputs.logits, target)
    prior = _cross_entropy(outputs.prior_logits[with_prior], target[with_prior])
    labels = _cross_entropy(outputs.label_logits[with_labels], target[with_labels])
    total = mixed + settings.prior_weight * prior + settings.label_weight * labels
    right = (outputs.logits.argmax(-1) == target) & (target != NOT_SCORED)
    accuracy = right.sum() / (target != NOT_SCORED).sum().clamp(min=1)
    return {"loss": total, "mixed": mixed, "prior": prior, "labels": labels, "accuracy": accuracy}


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Averages the cross entropy over the queried fields; 0 without a queried field."""
    num_asked = (target != NOT_SCORED).sum().clamp(min=1)
    total = F.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=NOT_SCORED, reduction="sum"
    )
    return total / num_asked


@dataclass(frozen=True)
class _Groups:
    """The crops of each class. The last class may hold all remaining crops."""

    crops: list[list[int]]
    has_rest: bool


def _classes(
    place: PlaceFields, settings: EpisodeSettings, generator: np.random.Generator
) -> _Groups:
    counts = np.bincount(place.crop, minlength=len(place.crop_names))
    present = np.flatnonzero(counts)
    fewest, most = settings.num_classes
    for _ in range(_ATTEMPTS):
        if len(present) < fewest:
            break
        wanted = int(generator.integers(fewest, min(most, len(present)) + 1))
        order = generator.permutation(present).tolist()
        groups = [[crop] for crop in order[:wanted]]
        left_over = []
        for crop in order[wanted:]:
            if generator.random() < settings.merged:
                groups[int(generator.integers(wanted))].append(crop)
            else:
                left_over.append(crop)
        groups = [group for group in groups if counts[group].sum() >= _LEAST_FIELDS]
        has_rest = (
            len(groups) < most
            and bool(left_over)
            and bool(counts[left_over].sum() >= _LEAST_FIELDS)
            and generator.random() < settings.rest_class
        )
        if has_rest:
            groups.append(left_over)
        if len(groups) >= fewest:
            return _Groups(groups, has_rest)
    frequent = generator.permutation(np.flatnonzero(counts >= _LEAST_FIELDS))[:most]
    if len(frequent) >= fewest:  # most crops are rare, and the draws above chose only these
        return _Groups([[int(crop)] for crop in frequent], has_rest=False)
    raise DataError(
        "a place has too few fields of too few crops to draw an episode from",
        found=f"{len(place)} fields of {len(present)} crops",
        expected=f"at least {_LEAST_FIELDS} fields of {fewest} crops",
    )


def _support(
    true: npt.NDArray[np.int64],
    k: int,
    settings: EpisodeSettings,
    generator: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """Draws the labelled fields: k of each class, but at most half of its fields."""
    uneven = k > 1 and generator.random() < settings.uneven
    chosen = []
    for number in range(int(true.max()) + 1):
        members = generator.permutation(np.flatnonzero(true == number))
        wanted = int(generator.integers(1, k + 1)) if uneven else k
        chosen.append(members[: min(wanted, len(members) // 2)])
    return np.concatenate(chosen)


def _fields(
    true: npt.NDArray[np.int64],
    support: npt.NDArray[np.intp],
    settings: EpisodeSettings,
    generator: np.random.Generator,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Draws the fields of the episode, and marks the labelled and the queried fields."""
    others = np.setdiff1d(np.arange(len(true)), support)
    others = generator.permutation(others)[: settings.num_queries]
    if not (true[others] >= 0).any():  # all remaining fields belong to other crops
        others = np.append(others, np.setdiff1d(np.flatnonzero(true >= 0), support)[:1])
    fields = np.concatenate([support, others]).astype(np.intp)
    labelled = np.arange(len(fields)) < len(support)
    return fields, labelled, ~labelled & (true[fields] >= 0)


def _description(
    place: PlaceFields,
    groups: _Groups,
    true: npt.NDArray[np.int64],
    *,
    labelled: bool,
    draws: tuple[EpisodeSettings, np.random.Generator],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Draws the known crops: shares (C, K), and a mask of the classes with known crops (C,)."""
    settings, generator = draws
    num_crops = len(place.crop_names)
    by_share = generator.random() < 0.5
    crops = np.zeros((len(groups.crops), num_crops), dtype=np.float32)
    for number, group in enumerate(groups.crops):
        counts = np.bincount(place.crop[true == number], minlength=num_crops)[group]
        crops[number, group] = counts if by_share else 1.0
    crops /= crops.sum(axis=1, keepdims=True)
    known = np.ones(len(groups.crops), dtype=np.bool_)
    if labelled and generator.random() >= settings.all_known:
        known = generator.random(len(known)) < settings.some_known
    if groups.has_rest:
        known[-1] = False
    if labelled and generator.random() < settings.wrong_prior:
        crops = crops[:, generator.permutation(num_crops)]
    return crops, known
