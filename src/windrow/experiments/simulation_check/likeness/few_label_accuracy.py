"""Difficulty: the few-label accuracy of a classifier over several places, with intervals.

A place is a set of fields that share weather, such as one half-and-half split of a real region or
one simulated landscape. Each place uses the protocol of
:mod:`windrow.evaluation.fewshot.protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from windrow.errors import DataError
from windrow.evaluation.fewshot.result import FewshotResult
from windrow.evaluation.field_bootstrap import BootstrapSettings, resample_scores


@dataclass(frozen=True)
class FewLabelScore:
    """Accuracy at one number of labelled fields per class.

    Attributes:
        k: labelled fields per class.
        overall_accuracy: mean over draws, 0..1, over the test fields of all places.
        overall_accuracy_low, overall_accuracy_high: interval over resampled test fields.
        macro_f1: mean over draws.
        macro_f1_low, macro_f1_high: its interval.
        draws: number of training sets.
        places: number of places.
        places_std: standard deviation of the overall accuracy between places; None for one place.
    """

    k: int
    overall_accuracy: float
    overall_accuracy_low: float
    overall_accuracy_high: float
    macro_f1: float
    macro_f1_low: float
    macro_f1_high: float
    draws: int
    places: int
    places_std: float | None


def few_label_scores(
    places: Sequence[FewshotResult], *, bootstrap: BootstrapSettings, seed: int
) -> list[FewLabelScore]:
    """Computes the scores of one head over the test fields of several places.

    The bootstrap resamples a field as one unit, even if several splits of a place test it.

    Args:
        places: results of the same protocol with one head each, in the same classes.
        bootstrap: settings of the intervals.
        seed: seed of the resamples.

    Raises:
        DataError: there is no place, or the places differ in classes, k or draws.
    """
    if not places:
        raise DataError("no place to measure the difficulty in")
    legend = places[0].task.legend
    heads = [place.predictions[0].predicted for place in places]
    for place, predicted in zip(places, heads, strict=True):
        if place.task.legend.names != legend.names or predicted.keys() != heads[0].keys():
            raise DataError(
                "places of different classes or k cannot be taken together",
                found=", ".join(place.task.legend.names),
                expected=", ".join(legend.names),
            )
    true = [place.task.label[place.task.test] for place in places]
    fields = [place.task.series.field_id[place.task.test] for place in places]
    tail = (1.0 - bootstrap.level) / 2
    result = []
    for k in heads[0]:
        resampled = resample_scores(
            np.concatenate(true),
            np.concatenate([predicted[k] for predicted in heads], axis=1),
            np.concatenate(fields),
            num_classes=len(legend),
            settings=bootstrap,
            seed=seed,
        )
        low, high = np.quantile(resampled.resampled, [tail, 1.0 - tail], axis=0)
        by_place = [(p[k] == t).mean() for p, t in zip(heads, true, strict=True)]
        result.append(
            FewLabelScore(
                k=k,
                overall_accuracy=float(resampled.measured[0]),
                overall_accuracy_low=float(low[0]),
                overall_accuracy_high=float(high[0]),
                macro_f1=float(resampled.measured[1]),
                macro_f1_low=float(low[1]),
                macro_f1_high=float(high[1]),
                draws=len(heads[0][k]) * len(places),
                places=len(places),
                places_std=float(np.std(by_place)) if len(places) > 1 else None,
            )
        )
    return result
