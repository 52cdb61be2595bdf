"""The tables of a run's report: reflectance, auxiliary tasks, few labels and paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from windrow.reporting.run.records import Evaluation, FewShotRow, LagScore, PairedDifference
from windrow.reporting.run.result_figures import METRIC_NAMES
from windrow.reporting.tables import DASH, Cell, Table, number, points, share
from windrow.reporting.theme import plain, wording

_NO_BREAK = "\N{NO-BREAK SPACE}"


def _plus_minus(mean: str, deviation: str) -> str:
    return mean if deviation == DASH else f"{mean}{_NO_BREAK}±{_NO_BREAK}{deviation}"


def _limits(limits: tuple[float | None, float | None]) -> str:
    low, high = limits
    return "" if low is None or high is None else f"{share(low)} to {share(high)}"


def _header(*names: str, text_columns: int = 1) -> tuple[Cell, ...]:
    return tuple(Cell(name, number=i >= text_columns) for i, name in enumerate(names))


def _best(values: Sequence[float | None], *, lowest: bool = False) -> set[int]:
    """Returns the positions of the best value, all of them at a tie; none for a single value."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if len(known) < 2:
        return set()
    best = min(known) if lowest else max(known)
    return {i for i, v in enumerate(values) if v is not None and math.isclose(v, best)}


def reflectance_table(scores: Sequence[LagScore], sensor: str, *, when: str = "") -> Table:
    """Tabulates R2 and RMSE by band and lag beside the two trivial baselines; the best is bold.

    Args:
        scores: rows of ``evaluation.json``.
        sensor: name of the predicted sensor.
        when: part of the year, for the caption; empty for the whole year.
    """
    rows = []
    band = None
    for score in scores:
        r2 = (score.r2, score.baseline_day_mean_r2, score.baseline_nearest_clear_r2)
        rmse = (score.rmse, score.baseline_day_mean_rmse, score.baseline_nearest_clear_rmse)
        best_r2, best_rmse = _best(r2), _best(rmse, lowest=True)
        rows.append(
            (
                Cell(wording(score.band) if score.band != band else ""),
                Cell(number(score.lag, 0), number=True),
                *(Cell(number(v, 3), i in best_r2, number=True) for i, v in enumerate(r2)),
                *(Cell(number(v, 4), i in best_rmse, number=True) for i, v in enumerate(rmse)),
            )
        )
        band = score.band
    return Table(
        f"{sensor} reflectance predicted at held-out series{when}, by band and lag (days from the"
        " Sentinel-2 date), the dates masked as in training. R² is without unit, RMSE in"
        " reflectance (0 to 1). Bold: best of three.",
        _header(
            "Band",
            "Lag (days)",
            "R² windrow",
            "R² mean of the day",
            "R² nearest clear S2",
            "RMSE windrow",
            "RMSE mean of the day",
            "RMSE nearest clear S2",
        ),
        tuple(rows),
    )


def auxiliary_table(evaluation: Evaluation) -> Table | None:
    """Tabulates month and cloud accuracy, with and without position, beside the majority class."""
    rows = []
    month, cloud = evaluation.month, evaluation.cloud
    dashes = (Cell(DASH, number=True), Cell(DASH, number=True))
    if month is not None:
        values = (month.accuracy, month.accuracy_without_position, month.majority_rate)
        texts = [Cell(share(v), number=True) for v in values]
        rows.append((Cell("Month, 12 classes"), *texts, *dashes))
    if cloud is not None:
        values = (cloud.accuracy, cloud.accuracy_without_position, cloud.majority_rate)
        texts = [Cell(share(v), number=True) for v in values]
        errors = (cloud.mean_absolute_error, cloud.majority_mean_absolute_error)
        best = _best(errors, lowest=True)
        rows.append(
            (
                Cell("Cloud level, 32 classes"),
                *texts,
                *(Cell(number(v, 2), i in best, number=True) for i, v in enumerate(errors)),
            )
        )
    if not rows:
        return None
    return Table(
        "Auxiliary tasks on held-out series. Accuracy in per cent; mean absolute error in cloud"
        " levels (0 to 31). With the position encoding on, the month can be read off the dates"
        " alone: the column without position says what the spectra hold.",
        _header(
            "Task",
            "Accuracy",
            "without position",
            "majority class",
            "Mean abs. error",
            "majority class",
        ),
        tuple(rows),
    )


def label_count_table(rows: Sequence[FewShotRow]) -> Table:
    """Tabulates few-label results: for each k, one row per method and head."""
    body = []
    for k in sorted({row.k for row in rows}):
        own = [row for row in rows if row.k == k]
        best_accuracy = _best([row.overall_accuracy for row in own])
        best_f1 = _best([row.macro_f1 for row in own])
        for position, row in enumerate(own):
            accuracy = _plus_minus(share(row.overall_accuracy), share(row.overall_accuracy_std))
            f1 = _plus_minus(share(row.macro_f1), share(row.macro_f1_std))
            limits = (row.overall_accuracy_low, row.overall_accuracy_high)
            f1_limits = (row.macro_f1_low, row.macro_f1_high)
            body.append(
                (
                    Cell(str(k) if position == 0 else ""),
                    Cell(wording(row.method)),
                    Cell(wording(row.head)),
                    Cell(str(row.draws), number=True),
                    Cell(accuracy, position in best_accuracy, number=True, below=_limits(limits)),
                    Cell(f1, position in best_f1, number=True, below=_limits(f1_limits)),
                )
            )
    return Table(
        "Accuracy by labelled fields a class (k), in per cent: mean ± standard deviation over the"
        " draws of training fields; below it the interval of the mean over the test fields. Bold:"
        " best mean of its k, which need not be a difference that would show again.",
        _header("k", "Method", "Head", "Draws", "Overall accuracy", "Macro F1", text_columns=3),
        tuple(body),
    )


def paired_table(differences: Sequence[PairedDifference]) -> Table:
    """Tabulates paired differences in points; bold where the interval excludes zero."""
    rows = []
    with_k = any(item.k is not None for item in differences)
    names = ["First", "minus", "Metric", "Difference", "Interval"]
    for item in differences:
        clear = item.low is not None and item.high is not None and item.low * item.high > 0
        interval = f"{points(item.low)} to {points(item.high)}"
        rows.append(
            (
                *([Cell(DASH if item.k is None else str(item.k))] if with_k else []),
                Cell(f"{wording(item.method)}, {wording(item.head)}"),
                Cell(f"{wording(item.baseline_method)}, {wording(item.baseline_head)}"),
                Cell(METRIC_NAMES.get(item.metric, plain(item.metric))),
                Cell(points(item.difference), clear, number=True),
                Cell(interval, number=True),
            )
        )
    return Table(
        "Paired differences on the same test fields, in points, with bootstrap intervals over"
        " fields. Bold: the interval leaves out zero.",
        _header(*(["k"] if with_k else []), *names, text_columns=3 + with_k),
        tuple(rows),
    )
