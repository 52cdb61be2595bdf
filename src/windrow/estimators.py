"""scikit-learn estimators: a crop classifier, and a transformer of series into vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from windrow.classifiers.array_inputs import (
    ArrayMeaning,
    ArrayScale,
    EstimatorInputError,
    GridInput,
    SeriesLike,
    grid_of_input,
)
from windrow.classifiers.crop_names import crops_of_class
from windrow.classifiers.fitted_place import FittedPlace, fields_a_class, weight_of_series
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, PlaceEncoder, load_place_encoder
from windrow.classifiers.place_embedder import PlaceEmbedder
from windrow.data.series import ProcessingLevel, Series
from windrow.errors import WeightsError
from windrow.experiments.recipes.classifier import mix
from windrow.inference.frozen_encoder import FrozenEncoder, load


class _SeriesInput(BaseEstimator):  # type: ignore[misc]
    """What both estimators take as X, and what its columns mean."""

    weights: str | Path
    bands: Sequence[str] | None
    dates: Sequence[object] | None
    processing_level: ProcessingLevel
    latitude: float | None
    scale: ArrayScale
    check_range: bool

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: SeriesLike, encoder: PlaceEncoder, *, reset: bool) -> GridInput:
        is_plain = not isinstance(X, Series) and not hasattr(X, "dims")
        if is_plain:
            X = validate_data(self, X, reset=reset, ensure_all_finite="allow-nan", dtype="numeric")
        meaning = ArrayMeaning(
            bands=self.bands,
            dates=self.dates,
            processing_level=self.processing_level,
            latitude=self.latitude,
            scale=self.scale,
            check_range=self.check_range,
        )
        found = grid_of_input(X, meaning, clear_below=encoder.header.clear_below)
        if reset and not is_plain:
            self.n_features_in_ = len(found.bands)
        return found


class CropClassifier(ClassifierMixin, _SeriesInput):  # type: ignore[misc]
    """Classifies the fields of one place from few labelled fields.

    It is the classifier of ``windrow train`` (:class:`~windrow.classifiers.mixed_classifier.
    MixedClassifier`) behind scikit-learn's interface.

    Args:
        weights: the place network: name of shipped weights, a run directory or a file.
        crops: names of the simulator's crops by class, for the prior. None takes them from the
            names of the classes, in English, German, French or Spanish.
        use_prior: use what the network knows of these crops.
        bands: names of the bands of an array X; None is one band per date.
        dates: dates of an array X; None spreads them evenly over the year.
        processing_level: ``L1C`` or ``L2A``, of an array X.
        latitude: latitude of the place in degrees; None takes that of the series.
        scale: ``reflectance`` (0..1) or ``dn`` (x 10,000), of an array X.
        check_range: refuse values of an array X that are no reflectance.
        num_trees: number of trees of each forest.
        random_state: seed of the trees.

    Attributes:
        classes_: classes in the order of the probability columns.
        n_features_in_: number of columns of an array X, else of bands.
        classifier_: the fitted :class:`MixedClassifier`.

    Example:
        >>> from sklearn.model_selection import cross_val_score
        >>> import windrow
        >>> series = windrow.simulate("brandenburg-2018", num_series=60, seed=1)
        >>> crop = np.array(series.legend.names)[series.label]
        >>> model = CropClassifier(num_trees=20).fit(series, crop)
        >>> model.predict_proba(series[:3]).shape == (3, len(model.classes_))
        True
    """

    def __init__(
        self,
        *,
        weights: str | Path = DEFAULT_WEIGHTS,
        crops: Mapping[str, Sequence[str]] | None = None,
        use_prior: bool = True,
        bands: Sequence[str] | None = None,
        dates: Sequence[object] | None = None,
        processing_level: ProcessingLevel = "L2A",
        latitude: float | None = None,
        scale: ArrayScale = "reflectance",
        check_range: bool = True,
        num_trees: int = 300,
        random_state: int = 0,
    ) -> None:
        self.weights = weights
        self.crops = crops
        self.use_prior = use_prior
        self.bands = bands
        self.dates = dates
        self.processing_level = processing_level
        self.latitude = latitude
        self.scale = scale
        self.check_range = check_range
        self.num_trees = num_trees
        self.random_state = random_state

    def fit(self, X: SeriesLike, y: npt.ArrayLike) -> Self:
        """Fits the classifier.

        Args:
            X: N series of one place and year; see :data:`SeriesLike`. Series without a label help
                too: they show the place.
            y: (N,) classes; None where a series has no label.

        Raises:
            EstimatorInputError: X and y cannot be used; a ``ValueError`` too.
        """
        encoder = load_place_encoder(self.weights)
        found = self._read(X, encoder, reset=True)
        label = self._labels(y, len(found))
        names = tuple(str(name) for name in self.classes_)
        crops: dict[str, tuple[str, ...]] = {}
        if self.use_prior:
            told = self.crops or {}
            crops = {
                name: tuple(told.get(name, ())) or crops_of_class(name, encoder.crop_names)
                for name in names
            }
        settings = mix().model_copy(update={"num_trees": self.num_trees})
        place = FittedPlace(
            classes=names,
            bands=found.bands,
            level=found.level,
            season_start=found.season_start,
            latitude=found.latitude,
            crops={name: known for name, known in crops.items() if known},
            grid=found.grid,
            label=label,
            weight=weight_of_series(found.field_id, label),
            num_labelled=fields_a_class(found.field_id, label, len(names)),
        )
        self.classifier_ = MixedClassifier(encoder, settings, seed=self.random_state)
        self.classifier_.fit_place(place)
        return self

    def predict_proba(self, X: SeriesLike) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C)."""
        check_is_fitted(self)
        found = self._read(X, self.classifier_.encoder, reset=False)
        self._check_like_fit(found)
        return self.classifier_.classify_grid(found.grid)[0]

    def predict(self, X: SeriesLike) -> npt.NDArray[Any]:
        """Gives the most likely class of each series, (N,)."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _labels(self, y: npt.ArrayLike, num_series: int) -> npt.NDArray[np.int64]:
        """Finds the classes, and the position of each label among them, -1 without a label."""
        if y is None:
            raise EstimatorInputError(
                "CropClassifier requires y to be passed, but the target y is None"
            )
        values = column_or_1d(y, warn=True)
        if values.dtype.kind == "f":
            assert_all_finite(values, input_name="y")
        if len(values) != num_series:
            raise EstimatorInputError(
                "X and y do not belong together",
                found=f"y of shape {values.shape} for {num_series} series",
            )
        known = np.array([value is not None for value in values])
        told = values[known]
        if told.dtype.kind == "O" and all(isinstance(value, str) for value in told):
            told = told.astype(str)
        check_classification_targets(told)
        self.classes_, position = np.unique(told, return_inverse=True)
        if len(self.classes_) < 2:
            raise EstimatorInputError(
                "fewer than two classes", found=f"{len(self.classes_)} class",
                hint="label fields of two classes",
            )  # fmt: skip
        label = np.full(len(values), -1, dtype=np.int64)
        label[known] = position
        return label

    def _check_like_fit(self, found: GridInput) -> None:
        fitted = self.classifier_.fitted
        if found.level != fitted.level or not np.array_equal(
            found.grid.has_band, fitted.grid.has_band
        ):
            raise EstimatorInputError(
                "X has other bands, or another processing level, than at the fit",
                found=f"{found.level} {' '.join(found.bands)}",
                expected=f"{fitted.level} {' '.join(fitted.bands)}",
            )


class SeriesEmbedder(TransformerMixin, _SeriesInput):  # type: ignore[misc]
    """Turns series into vectors, each beside the other fields of its place.

    Args:
        weights: ``windrow-1`` or other weights of the place network; or weights of the bi-modal
            BERT, with which X must be a :class:`Series`.
        pool: how the bi-modal BERT pools its dates: ``month`` or ``mean``.
        bands: names of the bands of an array X; None is one band per date.
        dates: dates of an array X; None spreads them evenly over the year.
        processing_level: ``L1C`` or ``L2A``, of an array X.
        latitude: latitude of the place in degrees; None takes that of the series.
        scale: ``reflectance`` (0..1) or ``dn`` (x 10,000), of an array X.
        check_range: refuse values of an array X that are no reflectance.

    Attributes:
        n_features_in_: number of columns of an array X, else of bands.

    Example:
        >>> import windrow
        >>> series = windrow.simulate("brandenburg-2018", num_series=20, seed=1)
        >>> SeriesEmbedder().fit_transform(series).shape
        (20, 64)
    """

    def __init__(
        self,
        *,
        weights: str | Path = DEFAULT_WEIGHTS,
        pool: Literal["mean", "month"] = "month",
        bands: Sequence[str] | None = None,
        dates: Sequence[object] | None = None,
        processing_level: ProcessingLevel = "L2A",
        latitude: float | None = None,
        scale: ArrayScale = "reflectance",
        check_range: bool = True,
    ) -> None:
        self.weights = weights
        self.pool = pool
        self.bands = bands
        self.dates = dates
        self.processing_level = processing_level
        self.latitude = latitude
        self.scale = scale
        self.check_range = check_range

    def fit(self, X: SeriesLike, y: object = None) -> Self:
        """Shows the fields of the place to the network; labels are not used.

        Raises:
            EstimatorInputError: X cannot be used; a ``ValueError`` too.
        """
        encoder = self._load()
        if isinstance(encoder, FrozenEncoder):
            self.encoder_: PlaceEncoder | FrozenEncoder = encoder
            self.n_features_in_ = len(_series_alone(X).bands)
            self._n_features_out = encoder.width * (12 if self.pool == "month" else 1)
            return self
        found = self._read(X, encoder, reset=True)
        self.encoder_ = encoder
        self.embedder_ = PlaceEmbedder(encoder, found.grid, latitude=found.latitude)
        self._n_features_out = self.embedder_.width
        return self

    def transform(self, X: SeriesLike) -> npt.NDArray[np.float32]:
        """Computes the vector of each series, (N, Z)."""
        check_is_fitted(self)
        if isinstance(self.encoder_, FrozenEncoder):
            return self.encoder_.embed(_series_alone(X), pool=self.pool)
        found = self._read(X, self.encoder_, reset=False)
        return self.embedder_.embed(found.grid)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _load(self) -> PlaceEncoder | FrozenEncoder:
        try:
            return load_place_encoder(self.weights)
        except WeightsError as error:
            try:
                return load(self.weights)
            except WeightsError:
                raise error from None

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Names the columns of the result: ``embedding0``, ``embedding1``, ..."""
        check_is_fitted(self)
        return np.array([f"embedding{k}" for k in range(self._n_features_out)], dtype=object)


def _series_alone(X: SeriesLike) -> Series:
    """Refuses what is no Series: the bi-modal BERT reads clouds and days as they are."""
    if not isinstance(X, Series):
        raise EstimatorInputError(
            "weights of the bi-modal BERT read a windrow.Series alone", found=type(X).__name__,
            hint="use windrow.open_series, or the weights 'windrow-1'",
        )  # fmt: skip
    return X
