r"""What a faster representation costs in few-label accuracy, paired; one line of JSON.

Two representations of the same fields, the same labelled fields in every draw, the same head
(logistic regression on monthly means). The difference is in points of overall accuracy at each k,
with two 95 % intervals: of its mean over the draws, and of a bootstrap over the test fields, which
is the wider one. Either other dates of the same weights, or other weights::

    python benchmarks/few_label_loss.py fields.parquet --weights RUN --max-dates 72 \
        --labels fields.csv --label-column crop_group --train-where half=A --test-where half=B
    python benchmarks/few_label_loss.py STORE --weights TEACHER --faster STUDENT
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.result import FewshotResult
from windrow.evaluation.fewshot.settings import MethodHead
from windrow.evaluation.field_bootstrap import paired_difference, resample_scores
from windrow.experiments.recipes.heads import LOGISTIC_ON_Z, fewshot_settings
from windrow.inference.frozen_encoder import load
from windrow.sources.open_any import LabelledInput


def main() -> None:
    """Classifies with both representations and prints the differences."""
    options = _options()
    settings = fewshot_settings(
        heads=[MethodHead(method="representation", head=LOGISTIC_ON_Z)],
        k=options.k,
        num_draws=options.draws,
        exclude=tuple(options.exclude),
        train_where=options.train_where,
        test_where=options.test_where,
    )
    opened = LabelledInput(
        Path(options.input), options.labels and Path(options.labels), options.label_column
    ).open()
    series, labels = opened.series, opened.labels
    if options.only is not None:
        assert labels is not None
        chosen = np.flatnonzero(labels.where(options.only))
        series, labels = series.select(chosen), labels.select(chosen)
    plain = load(options.weights)
    faster = load(
        options.faster or options.weights,
        backend=options.backend,
        precision=options.precision,
        max_dates=options.max_dates,
    )
    results = [fewshot(series, labels, encoder, settings) for encoder in (plain, faster)]
    result: dict[str, Any] = {
        "benchmark": "few_label_loss",
        "input_is_simulated": series.simulated,
        "weights_are_simulated": plain.simulated,
        "only": options.only,
        "test_where": options.test_where,
        "num_test_fields": results[0].task.num_test_fields,
        "classes": list(results[0].task.legend.names),
        "draws": options.draws,
        "plain": plain.backend,
        "faster": faster.backend,
        "faster_reads": faster.max_dates,
        "rows": [_compare(*results, k) for k in options.k],
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _compare(plain: FewshotResult, faster: FewshotResult, k: int) -> dict[str, Any]:
    task = plain.task
    true, fields = task.label[task.test], task.series.field_id[task.test]
    predicted = [result.predictions[0].predicted[k] for result in (plain, faster)]
    accuracy = [(rows == true).mean(axis=1) for rows in predicted]
    difference = 100 * (accuracy[1] - accuracy[0])
    half = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
    resampled = [
        resample_scores(
            true,
            rows,
            fields,
            num_classes=len(task.legend),
            settings=plain.bootstrap,
            seed=plain.seed,
        )
        for rows in predicted
    ]
    over_fields, _ = paired_difference(resampled[1], resampled[0], settings=plain.bootstrap)
    return {
        "k": k,
        "accuracy_plain": round(float(accuracy[0].mean()), 4),
        "accuracy_faster": round(float(accuracy[1].mean()), 4),
        "difference_points": round(float(difference.mean()), 2),
        "interval_over_draws": [round(float(difference.mean() + s * half), 2) for s in (-1, 1)],
        "interval_over_fields": [
            round(100 * over_fields.low, 2),
            round(100 * over_fields.high, 2),
        ],
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("input", nargs="?")
    parser.add_argument("--weights")
    parser.add_argument("--faster", help="other weights, such as a student's")
    parser.add_argument("--max-dates", type=int)
    parser.add_argument("--backend", default=None)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--labels")
    parser.add_argument("--label-column")
    parser.add_argument("--only", help="COLUMN=VALUE: leave all other fields out")
    parser.add_argument("--train-where")
    parser.add_argument("--test-where")
    parser.add_argument("--exclude", nargs="*", default=["Other"])
    parser.add_argument("--k", type=int, nargs="+", default=[1, 5, 10, 20])
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    if options.input is None or options.weights is None:
        sys.stderr.write("few_label_loss: needs labelled series and weights; nothing is measured\n")
        raise SystemExit(0)
    return options


if __name__ == "__main__":
    main()
