"""A few-label comparison from its input and the weights that a user names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from windrow.classifiers.place_classifier import DEFAULT_WEIGHTS, PlaceEncoder, load_place_encoder
from windrow.evaluation.fewshot.inputs import SeriesEncoder
from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.result import FewshotResult
from windrow.evaluation.fewshot.settings import FewshotSettings
from windrow.inference.frozen_encoder import load
from windrow.inference.shipped_weights import weights_path
from windrow.models.place_weights import holds_place_network
from windrow.sources.open_any import LabelledInput
from windrow.sources.reader import ReadingSummary


@dataclass(frozen=True, eq=False)
class ComparedWeights:
    """Weights of the methods of a comparison.

    Attributes:
        classifier: the place network of the method ``windrow``.
        representation: the encoder of the method ``representation``; None leaves it out.
    """

    classifier: PlaceEncoder
    representation: SeriesEncoder | None


def read_weights_of(weights: str | Path | None) -> ComparedWeights:
    """Reads the weights of a comparison.

    Args:
        weights: a run directory, a file, or the name of shipped weights. Weights of a place network
            take the place of the shipped ``windrow-1``. Others are compared beside it. None
            compares ``windrow-1`` alone.

    Raises:
        WeightsError: the weights do not exist or cannot be read.
    """
    if weights is None:
        return ComparedWeights(load_place_encoder(DEFAULT_WEIGHTS), None)
    if holds_place_network(weights_path(weights)):
        return ComparedWeights(load_place_encoder(weights), None)
    return ComparedWeights(load_place_encoder(DEFAULT_WEIGHTS), load(weights))


def compare(
    source: LabelledInput,
    weights: ComparedWeights,
    settings: FewshotSettings,
    *,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> tuple[FewshotResult, ReadingSummary]:
    """Runs a comparison on an input.

    Args:
        source: the series of one place and their labels.
        weights: weights of the methods.
        settings: settings of the protocol; its heads on the representation are left out if there
            is none.
        on_progress: see :func:`windrow.evaluation.fewshot.protocol.fewshot`.

    Returns:
        The result, and what was read and left out.

    Raises:
        WindrowError: the input, its labels and the weights cannot be used together.
    """
    if weights.representation is None:
        heads = tuple(each for each in settings.heads if each.method != "representation")
        settings = settings.model_copy(update={"heads": heads})
    opened = source.open()
    result = fewshot(
        opened.series,
        opened.labels,
        weights.representation,
        settings,
        on_progress,
        place_encoder=weights.classifier,
    )
    opened.summary.add(result.task.summary)
    return result, opened.summary
