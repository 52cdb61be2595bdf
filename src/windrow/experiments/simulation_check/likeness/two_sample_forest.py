"""Two-sample test: how well a random forest separates two sets of fields (area under the curve).

An area of 0.5 means that the forest cannot separate them. There are two views of a field: its
year, as the median of clear observations in each month, and a single clear observation. Both sets
must be field means in the same bands. The fields of one place share weather and dates, so a forest
separates even a left-out simulated landscape from the others. This area is the floor with which
figures are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from windrow import sensors
from windrow.config import Settings
from windrow.data.day_of_year import NUM_MONTHS
from windrow.data.series import Series
from windrow.errors import DataError

Floats = npt.NDArray[np.float64]


class TellingApartSettings(Settings):
    """Settings of the two-sample test.

    Attributes:
        num_trees: number of trees of the random forest.
        min_rows_a_leaf: least number of rows in a leaf.
        num_folds: number of folds; a field is in one fold.
        most_observations: most single observations of one set in a month; more are sampled.
        fewest_fields: least number of fields with clear observations that each set needs in a
            month, for single observations.
    """

    num_trees: int = Field(ge=1)
    min_rows_a_leaf: int = Field(ge=1)
    num_folds: int = Field(ge=2)
    most_observations: int = Field(ge=10)
    fewest_fields: int = Field(ge=2)


@dataclass(frozen=True, eq=False)
class Separation:
    """Separability of two sets, and the importance of the inputs.

    Attributes:
        auc: area under the curve over held-out fields, 0..1; 0.5 for inseparable sets.
        importance: (12, B) share of the forest's gain by month and band; sums to one.
    """

    auc: float
    importance: Floats


def clear_of(series: Series, clear_below: int) -> npt.NDArray[np.bool_]:
    """Returns whether each date is valid and clear, (N, T).

    Raises:
        DataError: the series have no cloud probability.
    """
    if series.cloud_probability is None:
        raise DataError("the series have no cloud measure", hint="give a column such as clp")
    return np.asarray(series.valid & (series.cloud_probability < clear_below))


def monthly_medians(series: Series, *, clear_below: int) -> Floats:
    """Computes the median reflectance of the clear observations of each month, (N, 12, B), 0..1.

    A month without a clear observation is NaN.
    """
    clear = clear_of(series, clear_below)
    month = series.month
    result = np.full((len(series), 12, len(series.bands)), np.nan)
    for each in range(NUM_MONTHS):
        use = clear & (month == each)
        rows = np.flatnonzero(use.any(axis=1))
        if len(rows):
            shown = np.where(use[rows, :, None], series.reflectance[rows], np.nan)
            result[rows, each] = np.nanmedian(shown / sensors.SCALE, axis=1)
    return result


def tell_apart_years(
    first: Series,
    second: Series,
    *,
    clear_below: int,
    settings: TellingApartSettings,
    seed: int,
) -> Separation:
    """Measures how well a forest separates fields of ``first`` and ``second`` by monthly medians.

    A month without a clear observation is marked as missing, and the forest can split on that.

    Args:
        first: field means, one row per field.
        second: other field means in the same bands.
        clear_below: a date is clear below this cloud probability 0..255.
        settings: settings of the test.
        seed: seed of forest and folds.

    Raises:
        DataError: the sets differ in bands, or one has fewer fields than folds.
    """
    _refuse_unlike(first, second, settings.num_folds)
    values = np.concatenate(
        [monthly_medians(part, clear_below=clear_below) for part in (first, second)]
    ).reshape(len(first) + len(second), -1)
    truth = np.repeat([0, 1], [len(first), len(second)])
    auc, importance = _cross_validated(values, truth, settings, seed)
    return Separation(auc, importance.reshape(12, -1))


def tell_apart_observations(
    first: Series,
    second: Series,
    *,
    clear_below: int,
    settings: TellingApartSettings,
    seed: int,
) -> tuple[Floats, Floats]:
    """Measures how well a forest separates single clear observations, month by month.

    Folds are by field: no field is both in the training and in the test part.

    Args:
        first: field means, one row per field.
        second: other field means in the same bands.
        clear_below: a date is clear below this cloud probability 0..255.
        settings: settings of the test.
        seed: seed of forest, folds and draws.

    Returns:
        (12,) area under the curve, NaN in a month with too few fields, and (12, B) importances of
        the bands, NaN in the same months.
    """
    _refuse_unlike(first, second, settings.num_folds)
    auc, importance = np.full(12, np.nan), np.full((12, len(first.bands)), np.nan)
    for month in range(NUM_MONTHS):
        parts = [
            _observations(part, month, clear_below, settings.most_observations, [seed, month, side])
            for side, part in enumerate((first, second))
        ]
        if min(len(np.unique(part[1])) for part in parts) < settings.fewest_fields:
            continue
        values = np.concatenate([part[0] for part in parts])
        field = np.concatenate([parts[0][1], parts[1][1] + len(first)])
        truth = np.repeat([0, 1], [len(part[0]) for part in parts])
        auc[month], importance[month] = _cross_validated(values, truth, settings, seed, group=field)
    return auc, importance


def _refuse_unlike(first: Series, second: Series, num_folds: int) -> None:
    if first.bands != second.bands:
        raise DataError(
            "sets with different bands cannot be compared",
            found=f"{' '.join(first.bands)} and {' '.join(second.bands)}",
            hint="give both with the bands they share",
        )
    fewest = min(len(first), len(second))
    if fewest < num_folds:
        raise DataError(
            "too few fields to compare two sets",
            found=f"{len(first)} and {len(second)} fields",
            expected=f"at least {num_folds} in each",
        )


def _observations(
    series: Series, month: int, clear_below: int, most: int, seed: list[int]
) -> tuple[Floats, npt.NDArray[np.intp]]:
    use = clear_of(series, clear_below) & (series.month == month)
    row, date = np.nonzero(use)
    if len(row) > most:
        kept = np.sort(np.random.default_rng(seed).permutation(len(row))[:most])
        row, date = row[kept], date[kept]
    return series.reflectance[row, date] / sensors.SCALE, row


def _cross_validated(
    values: Floats,
    truth: npt.NDArray[np.int64],
    settings: TellingApartSettings,
    seed: int,
    *,
    group: npt.NDArray[np.intp] | None = None,
) -> tuple[float, Floats]:
    """Computes the area under the curve over the held-out scores of all folds, and importances.

    ``group`` (N,) keeps the rows of one field in one fold; without it each row is a field.
    """
    group = np.arange(len(truth)) if group is None else group
    fields, first, position = np.unique(group, return_index=True, return_inverse=True)
    folds = StratifiedKFold(settings.num_folds, shuffle=True, random_state=seed)
    score = np.empty(len(truth))
    importance = np.zeros(values.shape[1])
    for _, held_out in folds.split(fields, truth[first]):
        test = np.isin(position, held_out)
        forest = RandomForestClassifier(
            settings.num_trees,
            min_samples_leaf=settings.min_rows_a_leaf,
            class_weight="balanced",
            random_state=seed,
        ).fit(values[~test], truth[~test])
        score[test] = forest.predict_proba(values[test])[:, 1]
        importance += forest.feature_importances_ / settings.num_folds
    return float(roc_auc_score(truth, score)), importance
