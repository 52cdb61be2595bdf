"""The crop classifier, which combines the place network's prototypes with extra trees.

Prototypes use what the network learned about crops before it sees a label. Trees help in places
that differ from all simulated places. The classifier averages the logarithms of their
probabilities. The weights depend on the number of labelled fields per class and were fixed in
advance. Nothing is tuned on the place.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from windrow.classifiers.place_classifier import PlaceClassifier, PlaceEncoder
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.config import Settings
from windrow.data.series import ProcessingLevel, Series
from windrow.data.spectral_indices import INDEX_POSITIONS
from windrow.data.ten_day_grid import TenDayGrid, grid_of_series, join_grids
from windrow.errors import DataError
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.trees import TreeHead

Voter = Literal["prototypes", "embedding_trees", "four_index_trees", "band_index_trees"]
PROTOTYPES: Voter = "prototypes"
TREES: tuple[Voter, ...] = ("embedding_trees", "four_index_trees", "band_index_trees")
_NUM_FEW_INDICES = 4


class MixSettings(Settings):
    """Weights of the voters as functions of the number of labelled fields per class.

    Weights between the given numbers are interpolated.

    Attributes:
        num_labelled: numbers of labelled fields per class, increasing.
        prototypes: weight of the prototypes at each number.
        embedding_trees: weight of the extra trees on embeddings at each number.
        four_index_trees: weight of the extra trees on the first four indices at each number. They
            are left out if a band of these indices is missing.
        band_index_trees: weight of the extra trees on bands and all twelve indices at each number.
        least_trust: smallest factor on the weights of prototypes and embeddings. It applies where
            labels contradict the prior. Such a place differs from the simulated places, and bands
            and indices are then more reliable.
        num_trees: number of trees of each forest.
        smoothing: share of a uniform distribution in a forest's probabilities. Without it a zero
            of one forest would exclude a class.
        temperature: divisor of the mixed logarithms at each number. Trees are underconfident, and
            a prior without labels is overconfident.
    """

    num_labelled: tuple[int, ...]
    prototypes: tuple[float, ...]
    embedding_trees: tuple[float, ...]
    four_index_trees: tuple[float, ...]
    band_index_trees: tuple[float, ...]
    least_trust: float = Field(gt=0, le=1)
    num_trees: int = Field(ge=1)
    smoothing: float = Field(gt=0, lt=1)
    temperature: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> MixSettings:
        for voter in ("prototypes", *TREES):
            weights = getattr(self, voter)
            if len(weights) != len(self.num_labelled) or min(weights) < 0:
                raise ValueError(f"{voter} must have a weight for each of num_labelled")
        if len(self.temperature) != len(self.num_labelled) or min(self.temperature) <= 0:
            raise ValueError("temperature must be positive for each of num_labelled")
        if min(self.prototypes) <= 0:
            raise ValueError("prototypes must always have a weight")
        if any(b <= a for a, b in zip(self.num_labelled, self.num_labelled[1:], strict=False)):
            raise ValueError("num_labelled must increase")
        return self

    def weight(self, voter: Voter, num_labelled: float) -> float:
        """Interpolates the weight of a voter at a number of labelled fields per class."""
        return self._interpolated(getattr(self, voter), num_labelled)

    def temperature_at(self, num_labelled: float) -> float:
        """Interpolates the temperature at a number of labelled fields per class."""
        return self._interpolated(self.temperature, num_labelled)

    def _interpolated(self, values: tuple[float, ...], num_labelled: float) -> float:
        knots = np.log1p(np.array(self.num_labelled, dtype=np.float64))
        return float(np.interp(np.log1p(num_labelled), knots, values))


@dataclass(frozen=True, eq=False)
class FittedPlace:
    """The data that a fitted classifier keeps of its place.

    A saved classifier consists of these data and the forests.

    Attributes:
        classes: names of the classes, sorted.
        bands: names of the bands of the series.
        level: processing level of the series.
        season_start: day of year on which the twelve months begin, 0 for 1 January.
        latitude: median latitude of the fields in degrees, or None.
        crops: names of the table's crops, by class.
        grid: ten-day grid of the n labelled and context fields.
        label: (n,) int64 class of each field, -1 unlabelled.
        num_labelled: median number of labelled fields per class.
    """

    classes: tuple[str, ...]
    bands: tuple[str, ...]
    level: ProcessingLevel
    season_start: int
    latitude: float | None
    crops: Mapping[str, Sequence[str]]
    grid: TenDayGrid
    label: npt.NDArray[np.int64]
    num_labelled: float


class CropClassifier:
    """Classifies the fields of one place from a few labelled fields, or from crop names alone.

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

    def fit(
        self,
        series: Series,
        labels: Sequence[str | None],
        *,
        crops: Mapping[str, Sequence[str]] | None = None,
        season_start: int = 0,
    ) -> Self:
        """Fits the classifier on the fields of a place.

        Args:
            series: N field means (or pixels) of one place and year. Unlabelled series are part of
                the network's context.
            labels: N class names; None for a series without a label.
            crops: names of the table's crops by class, for the prior. Classes may be left out.
                Without any label the keys are the classes.
            season_start: day of year on which the twelve months of the series begin, 0 for
                1 January.

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
        grid = self._grid(series, season_start, latitude)
        self._fitted = FittedPlace(
            classes=classes,
            bands=series.bands,
            level=series.processing_level,
            season_start=season_start,
            latitude=latitude,
            crops=crops,
            grid=grid,
            label=label.astype(np.int64),
            num_labelled=_fields_a_class(series, label, len(classes)),
        )
        self._fit_voters()
        return self

    def with_context(self, series: Series) -> CropClassifier:
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
        )
        other._fit_voters()
        return other

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probability columns."""
        return self._known_fit.classes

    @property
    def num_labelled(self) -> float:
        """Median number of labelled fields per class. It determines the weights of the voters."""
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
        return self.predict_from_grid(self._grid_of(series))

    def predict(self, series: Series) -> npt.NDArray[np.str_]:
        """Gives the name of the most likely class of each series, (N,)."""
        names: npt.NDArray[np.str_] = np.array(self.classes, dtype=np.str_)
        return np.asarray(names[self.predict_proba(series).argmax(axis=1)])

    def embed(self, series: Series) -> npt.NDArray[np.float32]:
        """Computes the embedding (N, Z) of each series, given the context of the place."""
        return self._place.embed(self._grid_of(series))

    def unlikeness(self, series: Series) -> npt.NDArray[np.float64]:
        """Computes the distance of each series from the nearest prototype.

        Returns:
            (N,) float64, in units of the 90th percentile of the labelled fields' distances.

        Raises:
            DataError: no field is labelled.
        """
        fitted = self._known_fit
        labelled = fitted.label >= 0
        if not labelled.any():
            raise DataError("no labelled field to compare with")
        usual = self._place.distance(self._place.embed(fitted.grid.select(labelled)))
        found = self._place.distance(self.embed(series))
        return np.asarray(found / max(float(np.quantile(usual, 0.9)), 1e-6))

    def predict_from_grid(self, grid: TenDayGrid) -> npt.NDArray[np.float64]:
        """Computes the probabilities (N, C) of fields on the ten-day grid."""
        voters = self.log_votes(grid)
        weights = self.weights()
        mixed = sum(weights[voter] * votes for voter, votes in voters.items())
        total = sum(weights[voter] for voter in voters)
        temperature = self.settings.temperature_at(self.num_labelled)
        logits = np.asarray(mixed) / total / temperature
        logits -= logits.max(axis=1, keepdims=True)
        probability = np.exp(logits)
        return np.asarray(probability / probability.sum(axis=1, keepdims=True))

    def weights(self) -> dict[Voter, float]:
        """Weight of each voter, from the number of labels and the trust in the prior."""
        trust = max(self.settings.least_trust, self.prior_scale)
        found: dict[Voter, float] = {}
        for voter in (PROTOTYPES, *TREES):
            learned = voter in (PROTOTYPES, "embedding_trees")
            found[voter] = self.settings.weight(voter, self.num_labelled) * (
                trust if learned else 1.0
            )
        return found

    def votes(self, series: Series) -> dict[Voter, npt.NDArray[np.float64]]:
        """Logarithm of the probability of each class, (N, C), by each voter alone.

        Raises:
            DataError: the classifier is not fitted, or the series are of another level.
            BandError: a band is missing.
        """
        return self.log_votes(self._grid_of(series))

    def log_votes(self, grid: TenDayGrid) -> dict[Voter, npt.NDArray[np.float64]]:
        """Computes the log probabilities (N, C) of each voter that has a weight."""
        embedding = self._place.embed(grid)
        votes: dict[Voter, npt.NDArray[np.float64]] = {
            "prototypes": self._place.log_probability(embedding)
        }
        smoothing = self.settings.smoothing
        for voter, forest in self._forests.items():
            found = forest.predict_probability(HeadInputs(_inputs(voter, grid, embedding)))
            even = 1.0 / len(self.classes)
            votes[voter] = np.log((1 - smoothing) * found + smoothing * even)
        return votes

    @property
    def fitted(self) -> FittedPlace:
        """The data that the classifier was fitted on.

        Raises:
            DataError: the classifier is not fitted.
        """
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
        return self

    @property
    def _known_fit(self) -> FittedPlace:
        if self._fitted is None:
            raise DataError("the classifier is not fitted", hint="call fit first")
        return self._fitted

    def _fit_voters(self) -> None:
        fitted = self._known_fit
        self._place = self._place_of(fitted)
        self._forests = {}
        rows = np.flatnonzero(fitted.label >= 0)
        if len(np.unique(fitted.label[rows])) < 2:
            return
        grid = fitted.grid.select(rows)
        embedding = self._place.embed(grid)
        for number, voter in enumerate(TREES):
            inputs = _inputs(voter, grid, embedding)
            if self.settings.weight(voter, fitted.num_labelled) == 0 or inputs.shape[1] == 0:
                continue
            fit = fit_light_head(
                inputs,
                fitted.label[rows],
                num_classes=len(fitted.classes),
                settings=TreesSettings(
                    kind="extra_trees", num_trees=self.settings.num_trees, min_rows_a_leaf=1
                ),
                seed=self.seed + number,
            )
            model = fit.to_model()
            assert isinstance(model, TreeHead)
            self._forests[voter] = model

    def _place_of(self, fitted: FittedPlace) -> PlaceClassifier:
        return PlaceClassifier(
            self.encoder,
            fitted.grid,
            fitted.label,
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
        return self._grid(series.with_bands(fitted.bands), fitted.season_start, fitted.latitude)

    def _grid(self, series: Series, season_start: int, latitude: float | None) -> TenDayGrid:
        return grid_of_series(
            series,
            clear_below=self.encoder.header.clear_below,
            season_start=season_start,
            latitude=latitude,
        )


def _fields_a_class(series: Series, label: npt.NDArray[np.integer], num_classes: int) -> float:
    """Gives the median number of labelled fields per class. Pixels of a field count once."""
    counts = [len(np.unique(series.field_id[label == number])) for number in range(num_classes)]
    return float(np.median(counts))


def _inputs(
    voter: Voter, grid: TenDayGrid, embedding: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Builds the inputs of a forest, (N, F)."""
    if voter == "embedding_trees":
        return embedding
    if voter == "four_index_trees":
        few = INDEX_POSITIONS[:_NUM_FEW_INDICES]
        whole = all(grid.has_band[a] and grid.has_band[b] for a, b in few)
        return index_values(grid, num_indices=_NUM_FEW_INDICES if whole else 0)
    bands = grid.reflectance[:, :, grid.has_band].reshape(len(grid), -1)
    return np.concatenate([bands, index_values(grid)], axis=1)


def index_values(
    grid: TenDayGrid, *, num_indices: int = len(INDEX_POSITIONS)
) -> npt.NDArray[np.float32]:
    """Computes the first indices whose bands are present.

    Args:
        grid: N fields on the ten-day grid.
        num_indices: number of indices to consider.

    Returns:
        (N, I * 36) float32 for the I indices computed; 0 where the sum of the bands is 0.
    """
    columns = [np.zeros((len(grid), 0), dtype=np.float32)]
    for first, second in INDEX_POSITIONS[:num_indices]:
        if grid.has_band[first] and grid.has_band[second]:
            a, b = grid.reflectance[:, :, first], grid.reflectance[:, :, second]
            total = a + b
            ratio = np.divide(a - b, total, out=np.zeros_like(total), where=total > 0)
            columns.append(np.clip(ratio, -1.0, 1.0))
    return np.concatenate(columns, axis=1)
