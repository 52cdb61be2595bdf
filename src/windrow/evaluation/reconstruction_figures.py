"""The figures of a pre-training on held-out fields, as ``evaluation.json`` holds them.

R2 and RMSE are of reflectance, 0..1. Accuracies are fractions, 0..1. A value is None where nothing
was scored.
"""

from __future__ import annotations

from typing import TypedDict, final


class BandFigures(TypedDict):
    """Predicted reflectance of one band at one lag, with the baselines.

    Attributes:
        band: name of the band.
        lag: days between the predicted date and the masked date.
        r2: R2 of the model.
        rmse: RMSE of the model.
        baseline_day_mean_r2: R2 of the mean of the day over the training series.
        baseline_day_mean_rmse: RMSE of the same.
        baseline_nearest_clear_r2: R2 of the nearest clear observation that the model could see.
        baseline_nearest_clear_rmse: RMSE of the same.
        baseline_nearest_clear_any_r2: R2 of the nearest of all clear observations.
        baseline_nearest_clear_any_rmse: RMSE of the same.
    """

    band: str
    lag: int
    r2: float | None
    rmse: float | None
    baseline_day_mean_r2: float | None
    baseline_day_mean_rmse: float | None
    baseline_nearest_clear_r2: float | None
    baseline_nearest_clear_rmse: float | None
    baseline_nearest_clear_any_r2: float | None
    baseline_nearest_clear_any_rmse: float | None


class MonthFigures(TypedDict):
    """Classification of the month.

    Attributes:
        accuracy: share of right months.
        accuracy_without_position: the same without the position encoding.
        majority_rate: the share that the most frequent month reaches.
    """

    accuracy: float
    accuracy_without_position: float
    majority_rate: float


class CloudFigures(TypedDict):
    """Classification of the cloud level.

    Attributes:
        accuracy: share of right levels.
        accuracy_without_position: the same without the position encoding.
        mean_absolute_error: mean distance from the right level, in levels.
        majority_rate: the share that the most frequent level of the training series reaches.
        majority_mean_absolute_error: the mean distance that this level reaches, in levels.
    """

    accuracy: float
    accuracy_without_position: float
    mean_absolute_error: float
    majority_rate: float
    majority_mean_absolute_error: float


@final
class ReconstructionFigures(TypedDict):
    """All held-out figures of a masked prediction.

    Attributes:
        simulated: whether the held-out series are simulated.
        num_series: number of held-out series.
        planetscope: rows by band and lag; None where the target is Sentinel-2.
        planetscope_growing_season: the same, over the growing season only.
        sentinel2: rows by band; None where the target is PlanetScope.
        month: None where no month was scored.
        cloud: None without cloud probabilities.
    """

    simulated: bool
    num_series: int
    planetscope: list[BandFigures] | None
    planetscope_growing_season: list[BandFigures] | None
    sentinel2: list[BandFigures] | None
    month: MonthFigures | None
    cloud: CloudFigures | None
