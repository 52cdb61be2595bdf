"""The crop classifier: the place network's prototypes, with extra trees beside them.

Prototypes know how crops of a place differ before they see a label; trees protect where the place
is unlike all simulated ones. The logarithms of their probabilities are averaged with weights that
were fixed in advance by the number of labelled fields a class, and nothing is chosen by the place.
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
    """How voters are mixed at so many labelled fields a class; between them, by interpolation.

    Attributes:
        num_labelled: labelled fields a class, increasing.
        prototypes: weight of the prototypes at each of them.
        embedding_trees: of extra trees on the embeddings.
        four_index_trees: of extra trees on the first four indices; nothing where a band of them is
            missing.
        band_index_trees: of extra trees on the bands and all twelve indices.
        least_trust: what the weights of prototypes and embeddings are multiplied by at the least,
            where labels contradict the prior: a place in which it fails is unlike the simulated
            ones, and bands and indices are the safer ground.
        num_trees: trees of each forest.
        smoothing: share of an even distribution in a forest's probabilities, whose zeros would
            otherwise overrule everybody.
        temperature: the mixed logarithms are divided by it; trees say less than they know, and a
            prior without labels more.
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
        """Weight of a voter at so many labelled fields a class."""
        return self._interpolated(getattr(self, voter), num_labelled)

    def temperature_at(self, num_labelled: float) -> float:
        """Temperature at so many labelled fields a class."""
        return self._interpolated(self.temperature, num_labelled)

    def _interpolated(self, values: tuple[float, ...], num_labelled: float) -> float:
        knots = np.log1p(np.array(self.num_labelled, dtype=np.float64))
        return float(np.interp(np.log1p(num_labelled), knots, values))


@dataclass(frozen=True, eq=False)
class FittedPlace:
    """What a fitted classifier keeps of its place; with the forests, all that is saved of it.

    Attributes:
        classes: names of the classes, sorted.
        bands: of the series.
        level: processing level of the series.
        season_start: day of the calendar year on which the twelve months begin.
        latitude: median of the fields, or None.
        crops: crops of the table in a class.
        grid: of labelled fields and context.
        label: (n,) int64 class of each, -1 unlabelled.
        num_labelled: labelled fields a class, the median.
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
    """Classifies the fields of one place from a few labelled ones, or from the crops alone.

    Args:
        encoder: the place network; :func:`~windrow.classifiers.place_classifier.load_place_encoder`
            reads it.
        settings: how voters are mixed.
        seed: of the trees.
        num_context: the most fields that the network sees of the place.
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
            series: N field means (or pixels) of one place and year; those without a label help the
                network to see the place.
            labels: N names of classes; None where a series has none.
            crops: names of the table's crops in a class, for the prior; a class may be left out.
                Without any label its keys are the classes.
            season_start: day of the calendar year on which the twelve months of the series begin.

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
        """The classifier fitted on further unlabelled fields of the place as well.

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
        """Names of the classes, in the order of the columns of probabilities."""
        return self._known_fit.classes

    @property
    def num_labelled(self) -> float:
        """Labelled fields a class, the median; it decides how voters are mixed."""
        return self._known_fit.num_labelled

    @property
    def prior_scale(self) -> float:
        """How far the prior was trusted: 1 wholly, 0 not at all, where labels contradict it."""
        return self._place.prior_scale

    def predict_proba(self, series: Series) -> npt.NDArray[np.float64]:
        """Probability of each class, (N, C); a field's does not depend on the others given.

        Raises:
            DataError: the classifier is not fitted, or the series are of another level.
            BandError: a band is missing.
        """
        return self.predict_from_grid(self._grid_of(series))

    def predict(self, series: Series) -> npt.NDArray[np.str_]:
        """Name of the most likely class of each series, (N,)."""
        names: npt.NDArray[np.str_] = np.array(self.classes, dtype=np.str_)
        return np.asarray(names[self.predict_proba(series).argmax(axis=1)])

    def embed(self, series: Series) -> npt.NDArray[np.float32]:
        """Embeddings (N, Z) of series as seen beside the place."""
        return self._place.embed(self._grid_of(series))

    def unlikeness(self, series: Series) -> npt.NDArray[np.float64]:
        """Distance of each series from the nearest prototype, relative to the labelled fields.

        1 is as far as the farthest tenth of the labelled fields lies; (N,).

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
        """As :meth:`predict_proba`, of fields on the ten-day grid."""
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
        """Weight of each voter here: by the number of labels, and by how the prior fits them."""
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
        """What each voter with a weight says: logarithms of probabilities (N, C)."""
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
        """What was fitted on.

        Raises:
            DataError: the classifier is not fitted.
        """
        return self._known_fit

    @property
    def forests(self) -> Mapping[Voter, TreeHead]:
        """The fitted forests, by voter; empty without two labelled classes."""
        return self._forests

    def restore(self, fitted: FittedPlace, forests: Mapping[Voter, TreeHead]) -> Self:
        """Takes up a fit that was saved: ``fitted`` and ``forests`` of another classifier.

        The encoder, the settings and the size of the context must be those of the other.
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
        """New series on the grid, as the classifier was fitted."""
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
    """Labelled fields a class, the median over the classes; pixels of a field count once."""
    counts = [len(np.unique(series.field_id[label == number])) for number in range(num_classes)]
    return float(np.median(counts))


def _inputs(
    voter: Voter, grid: TenDayGrid, embedding: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """What a forest sees, (N, F)."""
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
    """Those of the first indices whose bands are there, (N, I * 36); 0 where a sum is none."""
    columns = [np.zeros((len(grid), 0), dtype=np.float32)]
    for first, second in INDEX_POSITIONS[:num_indices]:
        if grid.has_band[first] and grid.has_band[second]:
            a, b = grid.reflectance[:, :, first], grid.reflectance[:, :, second]
            total = a + b
            ratio = np.divide(a - b, total, out=np.zeros_like(total), where=total > 0)
            columns.append(np.clip(ratio, -1.0, 1.0))
    return np.concatenate(columns, axis=1)
