"""The fits of each compared method: a head on fixed inputs, or the crop classifier."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from windrow.classifiers.crop_names import crops_of_class
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.classifiers.sequence import SequenceTraining, train_sequence_head
from windrow.classifiers.shallow import LightFit, fit_light_head
from windrow.data.splits import draw_few_labels
from windrow.evaluation.fewshot.inputs import SeriesEncoder
from windrow.evaluation.fewshot.result import HeadPredictions
from windrow.evaluation.fewshot.settings import (
    CropClassifierSettings,
    FewshotSettings,
    Method,
    MethodHead,
)
from windrow.evaluation.fewshot.task import FewshotTask
from windrow.json_values import JsonObject
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.saved_head import FittedHead, HeadHeader
from windrow.models.heads.sequence import SequenceHead

MOST_CONTEXT = 2_048
"""Largest number of unlabelled series that the crop classifier sees, as in ``windrow classify``."""


class MethodRun(Protocol):
    """All fits of one method and head.

    Attributes:
        method: what is compared.
        name: name of the method and the head.
        fitted: the head fitted on the first draw of the largest k; None for the crop classifier,
            which ``windrow train`` saves in its own format.
        num_unfinished: number of fits that stopped before they converged.
    """

    method: Method
    name: str
    fitted: FittedHead | None
    num_unfinished: int

    def fit_and_predict(self, k: int, draw: int) -> None:
        """Fits on one draw and predicts all test series."""
        ...

    def predictions(self) -> HeadPredictions:
        """Returns all predictions by k."""
        ...


def drawn_rows(
    task: FewshotTask, settings: FewshotSettings, k: int, draw: int
) -> npt.NDArray[np.intp]:
    """Returns the positions of the labelled training series of one draw, the same for all methods.

    A draw takes k fields per class with all their series. It may take several fields of a group.
    """
    drawn = draw_few_labels(
        task.series.field_id[task.train],
        task.label[task.train],
        k=k,
        seed=settings.seed,
        draw=draw,
    )
    return task.train[drawn]


def seed_of_draw(settings: FewshotSettings, draw: int) -> int:
    """Returns the seed of the fits of one draw."""
    return int(np.random.SeedSequence([settings.seed, draw]).generate_state(1)[0] >> 1)


class HeadRun:
    """All fits of one method's head. It keeps the fitted head of the largest k's first draw."""

    def __init__(
        self,
        each: MethodHead,
        inputs: HeadInputs,
        task: FewshotTask,
        settings: FewshotSettings,
        encoder: SeriesEncoder | None,
    ) -> None:
        self._each = each
        self._inputs = inputs
        self._task = task
        self._settings = settings
        self._encoder = encoder
        self._test_inputs = inputs.select(task.test)
        self._predicted: dict[int, list[npt.NDArray[np.int16]]] = {}
        self.method = each.method
        self.name = f"{each.method}-{each.head_name}"
        self.fitted: FittedHead | None = None
        self.num_unfinished = 0

    def fit_and_predict(self, k: int, draw: int) -> None:
        """Fits on one draw and predicts all test series."""
        task, settings = self._task, self._settings
        rows = drawn_rows(task, settings, k, draw)
        head = self._fit(rows, draw)
        if isinstance(head, LightFit):
            probability = head.predict_probability(self._test_inputs.values)
            self.num_unfinished += not head.converged
        else:
            probability = head.predict_probability(self._test_inputs)
        predicted = probability.argmax(axis=1).astype(np.int16)
        self._predicted.setdefault(k, []).append(predicted)
        if k == settings.k[-1] and draw == 0:
            model = head.to_model() if isinstance(head, LightFit) else head
            self.fitted = FittedHead(self._header(k, len(rows)), model)

    def _fit(self, rows: npt.NDArray[np.intp], draw: int) -> LightFit | SequenceHead:
        task, head = self._task, self._each.head
        assert not isinstance(head, CropClassifierSettings)
        seed = seed_of_draw(self._settings, draw)
        inputs = self._inputs.select(rows)
        label = task.label[rows]
        num_classes = len(task.legend)
        if isinstance(head, SequenceTraining):
            return train_sequence_head(
                inputs,
                label,
                task.series.field_id[rows],
                num_classes=num_classes,
                settings=head,
                seed=seed,
            )
        return fit_light_head(
            inputs.values, label, num_classes=num_classes, settings=head, seed=seed
        )

    def predictions(self) -> HeadPredictions:
        """Gives all predictions by k."""
        return HeadPredictions(
            method=self._each.method,
            head=self._each.head_name,
            predicted={k: np.stack(rows) for k, rows in self._predicted.items()},
        )

    def _header(self, k: int, num_series: int) -> HeadHeader:
        settings, each, task = self._settings, self._each, self._task
        from_encoder = each.method == "representation" and self._encoder is not None
        sequences = isinstance(each.head, SequenceTraining)
        provenance: JsonObject = {
            "k": k,
            "draw": 0,
            "seed": settings.seed,
            "num_training_series": num_series,
            "simulated_data": task.series.simulated,
        }
        bands = task.series.bands
        if from_encoder and self._encoder is not None:
            bands = tuple(band for band in self._encoder.bands if band in task.series.bands)
            provenance["simulated_weights"] = bool(self._encoder.simulated)
        return HeadHeader.from_dict(
            {
                "kind": each.head_name,
                "settings": each.head.to_dict(),
                "legend": task.legend.to_dict(),
                "input": each.method,
                "pooling": settings.pool if from_encoder and not sequences else None,
                "calibration": None,
                "encoder_hash": self._encoder.content_hash
                if from_encoder and self._encoder is not None
                else None,
                "bands": bands,
                "processing_level": task.series.processing_level,
                "season_start": task.series.season_start,
                "features": None if from_encoder or sequences else settings.features.to_dict(),
                "num_inputs": self._inputs.num_features,
                "provenance": provenance,
            }
        )


class ClassifierRun:
    """All fits of the crop classifier.

    Args:
        each: the method and its settings.
        task: fields and classes.
        settings: settings of the protocol.
        encoder: the place network.
    """

    def __init__(
        self,
        each: MethodHead,
        task: FewshotTask,
        settings: FewshotSettings,
        encoder: PlaceEncoder,
    ) -> None:
        assert isinstance(each.head, CropClassifierSettings)
        self._each = each
        self._head = each.head
        self._task = task
        self._settings = settings
        self._encoder = encoder
        self._predicted: dict[int, list[npt.NDArray[np.int16]]] = {}
        self._test = task.series.select(task.test)
        self._crops: dict[str, tuple[str, ...]] = {}
        if each.head.use_prior:
            found = {name: crops_of_class(name, encoder.crop_names) for name in task.legend.names}
            self._crops = {name: crops for name, crops in found.items() if crops}
        self._shown = task.used[task.train]
        if each.head.context == "place":
            self._shown = np.arange(len(task.place))
        self.method = each.method
        self.name = f"{each.method}-{each.head_name}"
        self.fitted: FittedHead | None = None
        self.num_unfinished = 0

    def notes(self) -> list[str]:
        """Returns what the classifier sees and the other methods do not."""
        notes = ["windrow sees the training fields that were not drawn, without their labels"]
        if self._head.context == "place":
            notes = [
                "windrow sees all fields of the input without their labels, the test fields too, "
                "as in 'windrow classify'; the other methods see the drawn fields alone"
            ]
        if self._crops:
            named = "; ".join(f"{name}: {', '.join(of)}" for name, of in self._crops.items())
            notes.append(f"windrow knows crops by the names of classes ({named})")
        return notes

    def fit_and_predict(self, k: int, draw: int) -> None:
        """Fits on one draw and predicts all test series."""
        task = self._task
        rows = drawn_rows(task, self._settings, k, draw)
        labelled = task.used[rows]
        others = np.setdiff1d(self._shown, labelled)
        kept = np.linspace(0, len(others) - 1, min(len(others), MOST_CONTEXT)).astype(np.intp)
        names = [task.legend.names[number] for number in task.label[rows].tolist()]
        classifier = MixedClassifier(
            self._encoder, self._head.mix, seed=seed_of_draw(self._settings, draw)
        ).fit(
            task.place.select(np.concatenate([labelled, others[kept]])),
            [*names, *([None] * len(kept))],
            crops={name: of for name, of in self._crops.items() if name in set(names)},
        )
        position = np.array([task.legend.names.index(name) for name in classifier.classes])
        best = classifier.predict_proba(self._test).argmax(axis=1)
        self._predicted.setdefault(k, []).append(position[best].astype(np.int16))

    def predictions(self) -> HeadPredictions:
        """Returns all predictions by k."""
        return HeadPredictions(
            method=self._each.method,
            head=self._each.head_name,
            predicted={k: np.stack(rows) for k, rows in self._predicted.items()},
        )
