"""The crop classifier, which combines the place network's prototypes with extra trees.

Prototypes use what the network learned about crops before it sees a label. Trees help in places
that differ from all simulated ones. The logarithms of their probabilities are averaged, with
weights that depend on the number of labelled fields per class and were fixed in advance.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import numpy.typing as npt

from windrow.classifiers.class_shares import (
    estimate_shares,
    expected_shares,
    shift_shares,
)
from windrow.classifiers.compiled_forest import CompiledForest
from windrow.classifiers.fitted_forests import fit_forests
from windrow.classifiers.fitted_place import FittedPlace, fields_a_class, weight_of_series
from windrow.classifiers.mix import PROTOTYPES, TREES, MixSettings, Voter, voter_inputs
from windrow.classifiers.place_classifier import PlaceClassifier, PlaceEncoder
from windrow.data.series import Series
from windrow.data.ten_day_grid import TenDayGrid, grid_of_series, join_grids
from windrow.errors import DataError
from windrow.models.heads.trees import TreeHead

_FIELDS_FOR_SHARES = 2_048
"""Largest number of unlabelled fields that class shares are estimated from."""

_FIELDS_FOR_HALF_TRUST = 20
"""Number of unlabelled fields at which their class shares have half the trust of many fields."""


class MixedClassifier:
    """Classifies the fields of one place from few labelled fields, or from crop names alone.

    Args:
        encoder: the place network, read by
            :func:`~windrow.classifiers.place_classifier.load_place_encoder`.
        settings: weights of the voters.
        seed: seed of the trees.
        num_context: largest number of fields in the network's context.
    """

    def __init__(
        self,
        encoder: PlaceEncoder,
        settings: MixSettings,
        *,
        seed: int = 0,
        num_context: int = 256,
    ) -> None:
        self.encoder = encoder
        self.settings = settings
        self.seed = seed
        self.num_context = num_context
        self._fitted: FittedPlace | None = None
        self._forests: dict[Voter, TreeHead] = {}
        self._compiled: dict[Voter, CompiledForest] = {}

    def fit(
        self,
        series: Series,
        labels: Sequence[str | None],
        *,
        crops: Mapping[str, Sequence[str]] | None = None,
    ) -> Self:
        """Fits the classifier on the fields of a place.

        Args:
            series: N field means (or pixels) of one place and any twelve months. Unlabelled series
                are part of the network's context.
            labels: N class names; None for a series without a label.
            crops: names of the table's crops by class, for the prior. Classes may be left out.
                A class without a label is told by its prior alone, such as forest.

        Returns:
            The classifier itself.

        Raises:
            DataError: lengths differ, there are fewer than two classes, or a crop is unknown.
        """
        if len(labels) != len(series):
            raise DataError("every series needs a label or None", found=f"{len(labels)} labels",
                            expected=f"{len(series)}")  # fmt: skip
        crops = dict(crops or {})
        classes = tuple(sorted({name for name in labels if name is not None} | set(crops)))
        if len(classes) < 2:
            raise DataError(
                "fewer than two classes", found=", ".join(classes) or "none",
                hint="label fields of two classes, or name the crops of two",
            )  # fmt: skip
        position = {name: number for number, name in enumerate(classes)}
        label = np.array([-1 if name is None else position[name] for name in labels])
        latitude = None
        if series.latitude is not None and len(series):
            latitude = float(np.median(series.latitude))
        grid = self._grid(series, latitude)
        place = FittedPlace(
            classes=classes,
            bands=series.bands,
            level=series.processing_level,
            season_start=series.season_start,
            latitude=latitude,
            crops=crops,
            grid=grid,
            label=label.astype(np.int64),
            weight=weight_of_series(series.field_id, label),
            num_labelled=fields_a_class(series.field_id, label, len(classes)),
        )
        return self.fit_place(place)

    def fit_place(self, place: FittedPlace) -> Self:
        """Fits the classifier on fields of the ten-day grid; see :meth:`fit`."""
        self._fitted = place
        self._fit_voters()
        return self

    def with_context(self, series: Series) -> MixedClassifier:
        """Fits a new classifier with further unlabelled fields of the place.

        Args:
            series: M further fields of the same place and year.

        Returns:
            The new classifier. This one stays as it is.

        Raises:
            DataError: the classifier is not fitted, or the series are of another level.
            BandError: a band is missing.
        """
        fitted = self._known_fit
        grid = self._grid_of(series)
        other = copy.copy(self)
        other._fitted = replace(
            fitted,
            grid=join_grids(fitted.grid, grid),
            label=np.concatenate([fitted.label, np.full(len(series), -1)]),
            weight=np.concatenate([fitted.weight, np.ones(len(series), dtype=np.float32)]),
        )
        other._fit_voters()
        return other

    def with_bands(self, bands: Sequence[str]) -> MixedClassifier:
        """Fits a new classifier on fewer bands, for series that lack the others.

        Args:
            bands: names of the bands to keep; those that the fit lacks are ignored.

        Raises:
            BandError: no band of the fit is kept.
        """
        other = copy.copy(self)
        other._fitted = self._known_fit.with_bands(bands)
        other._fit_voters()
        return other

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probability columns."""
        return self._known_fit.classes

    @property
    def num_labelled(self) -> float:
        """Median number of labelled fields per class, which sets the weights of the voters."""
        return self._known_fit.num_labelled

    @property
    def prior_scale(self) -> float:
        """Weight of the prior, from 1 down to 0 where labels contradict it."""
        return self._place.prior_scale

    def predict_proba(self, series: Series) -> npt.NDArray[np.float64]:
        """Computes the probability of each class.

        The result of a field does not depend on the other fields in the call.

        Args:
            series: N series with the bands and processing level of the fit.

        Returns:
            (N, C) float64; rows sum to 1.

        Raises:
            DataError: the classifier is not fitted, or the series are of another level.
            BandError: a band is missing.
        """
        return self.classify_grid(self._grid_of(series))[0]

    def predict(self, series: Series) -> npt.NDArray[np.str_]:
        """Gives the name of the most likely class of each series, (N,)."""
        best = self.predict_proba(series).argmax(axis=1)
        return np.asarray(np.array(self.classes, dtype=np.str_)[best])

    def embed(self, series: Series) -> npt.NDArray[np.float32]:
        """Computes the embedding (N, Z) of each series, given the context of the place."""
        return self.embed_grid(self._grid_of(series))

    def embed_grid(self, grid: TenDayGrid) -> npt.NDArray[np.float32]:
        """Computes the embedding (N, Z) of fields with the bands of the fit; see :meth:`embed`."""
        return self._place.embed(grid)

    def unlikeness(self, series: Series) -> npt.NDArray[np.float64]:
        """Computes the distance of each series from the nearest prototype.

        Returns:
            (N,) float64, in units of the 90th percentile of the labelled fields' distances.

        Raises:
            DataError: no field is labelled.
        """
        if self.num_labelled == 0:
            raise DataError("no labelled field to compare with")
        return self._place.distance(self.embed(series)) / self._usual_distance

    def classify_grid(
        self, grid: TenDayGrid
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Computes probabilities and unlikeness in one pass.

        Args:
            grid: N fields or pixels with the bands of the fit.

        Returns:
            The probabilities (N, C), and the unlikeness (N,); None without a labelled field.
        """
        embedding = self._place.embed(grid)
        probability = self._probability(grid, embedding)
        if self.num_labelled == 0:
            return probability, None
        return probability, self._place.distance(embedding) / self._usual_distance

    @property
    def class_shares(self) -> dict[str, float]:
        """Shares of the classes with labels among the fields of these classes, by name.

        They are estimated from the unlabelled fields of the fit and of the context, and are the
        expected shares if there is none.
        """
        told = np.array(self.fitted.classes)[self._told]
        return dict(zip(told.tolist(), self._shares.tolist(), strict=True))

    def _probability(
        self, grid: TenDayGrid, embedding: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        votes = self._log_votes(grid, embedding)
        decided = shift_shares(self._decided(votes), self._expected_shares, self._shares)
        told = self._told
        if told.all():
            return decided
        found = np.exp(votes[PROTOTYPES])  # of the classes without a label, prototypes alone know
        found[:, told] = decided * (1.0 - found[:, ~told].sum(axis=1, keepdims=True))
        return found

    def _decided(self, votes: Mapping[Voter, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Mixes the votes on the classes that have labels, in a place of the expected shares.

        Without any label these are all classes.
        """
        weights = self.weights()
        mixed = sum(weights[voter] * vote[:, self._told] for voter, vote in votes.items())
        total = sum(weights[voter] for voter in votes)
        temperature = self.settings.temperature_at(self.num_labelled)
        logits = np.asarray(mixed) / total / temperature
        logits -= logits.max(axis=1, keepdims=True)
        probability = np.exp(logits)
        return np.asarray(probability / probability.sum(axis=1, keepdims=True))

    def weights(self) -> dict[Voter, float]:
        """Returns weight of each voter, from the number of labels and the trust in the prior."""
        trust = max(self.settings.least_trust, self.prior_scale)
        found: dict[Voter, float] = {}
        for voter in (PROTOTYPES, *TREES):
            learned = voter in (PROTOTYPES, "embedding_trees")
            found[voter] = self.settings.weight(voter, self.num_labelled) * (
                trust if learned else 1.0
            )
        return found

    def votes(self, series: Series) -> dict[Voter, npt.NDArray[np.float64]]:
        """Computes the log probability of each class, (N, C), by each voter alone."""
        return self.log_votes(self._grid_of(series))

    def log_votes(self, grid: TenDayGrid) -> dict[Voter, npt.NDArray[np.float64]]:
        """Computes the log probabilities (N, C) of each voter that has a weight."""
        return self._log_votes(grid, self._place.embed(grid))

    def _log_votes(
        self, grid: TenDayGrid, embedding: npt.NDArray[np.float32]
    ) -> dict[Voter, npt.NDArray[np.float64]]:
        votes: dict[Voter, npt.NDArray[np.float64]] = {
            "prototypes": self._place.log_probability(embedding)
        }
        smoothing = self.settings.smoothing
        for voter, forest in self._compiled.items():
            found = forest.predict_probability(voter_inputs(voter, grid, embedding))
            even = 1.0 / len(self.fitted.classes)
            votes[voter] = np.log((1 - smoothing) * found + smoothing * even)
        return votes

    @property
    def fitted(self) -> FittedPlace:
        """The data of the fit; a :class:`DataError` without one."""
        return self._known_fit

    @property
    def forests(self) -> Mapping[Voter, TreeHead]:
        """The fitted forests by voter; empty if fewer than two classes have labels."""
        return self._forests

    def restore(self, fitted: FittedPlace, forests: Mapping[Voter, TreeHead]) -> Self:
        """Restores a saved fit from the ``fitted`` and ``forests`` of another classifier.

        Both classifiers must have the same encoder, settings, seed and size of the context.
        """
        self._fitted = fitted
        self._place = self._place_of(fitted)
        self._forests = dict(forests)
        self._prepare()
        return self

    @property
    def _known_fit(self) -> FittedPlace:
        if self._fitted is None:
            raise DataError("the classifier is not fitted", hint="call fit first")
        return self._fitted

    def _fit_voters(self) -> None:
        self._place = self._place_of(self._known_fit)
        self._forests = fit_forests(
            self._known_fit, self._place.embed, settings=self.settings, seed=self.seed
        )
        self._prepare()

    def _prepare(self) -> None:
        """Computes what follows from the fit: compiled forests, usual distance and shares."""
        self._compiled = {name: CompiledForest(head) for name, head in self._forests.items()}
        fitted = self._known_fit
        counts = np.bincount(fitted.label[fitted.label >= 0], minlength=len(fitted.classes))
        self._told = counts > 0 if counts.any() else np.ones(len(counts), dtype=np.bool_)
        self._usual_distance = 1.0
        if (labelled := fitted.label >= 0).any():
            distance = self._place.distance(self._place.embed(fitted.grid.select(labelled)))
            self._usual_distance = max(float(np.quantile(distance, 0.9)), 1e-6)
        self._fit_shares()

    def _fit_shares(self) -> None:
        """Estimates the class shares of the place from its unlabelled fields."""
        fitted = self._known_fit
        position = np.append(np.cumsum(self._told) - 1, -1)
        label = position[fitted.label]
        self._expected_shares = expected_shares(label, num_classes=int(self._told.sum()))
        self._shares = self._expected_shares
        unlabelled = np.flatnonzero(fitted.label < 0)
        trust = self.settings.share_trust_at(fitted.num_labelled)
        trust *= len(unlabelled) / (len(unlabelled) + _FIELDS_FOR_HALF_TRUST)
        if trust == 0:
            return
        chosen = np.linspace(0, len(unlabelled) - 1, min(len(unlabelled), _FIELDS_FOR_SHARES))
        part = fitted.grid.select(unlabelled[chosen.astype(np.intp)])
        votes = self._log_votes(part, self._place.embed(part))
        among = np.exp(votes[PROTOTYPES])[:, self._told].sum(axis=1) > 0.5
        if among.any():
            decided = self._decided(votes)[among]
            self._shares = estimate_shares(decided, self._expected_shares, trust=trust)

    def _place_of(self, fitted: FittedPlace) -> PlaceClassifier:
        return PlaceClassifier(
            self.encoder,
            fitted.grid,
            fitted.label,
            weight=fitted.weight,
            classes=fitted.classes,
            crops=fitted.crops,
            latitude=fitted.latitude,
            num_context=self.num_context,
        )

    def _grid_of(self, series: Series) -> TenDayGrid:
        """Resamples new series to the grid in the same way as in the fit."""
        fitted = self._known_fit
        if series.processing_level != fitted.level:
            raise DataError(
                "the classifier was fitted on another processing level",
                found=series.processing_level,
                expected=fitted.level,
            )
        return self._grid(series.with_bands(fitted.bands), fitted.latitude)

    def _grid(self, series: Series, latitude: float | None) -> TenDayGrid:
        clear_below = self.encoder.header.clear_below
        return grid_of_series(series, clear_below=clear_below, latitude=latitude)
