"""The arms of a study at work: pre-train, represent, and fit the heads of one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.classifiers.flattened_forest import fit_forest
from windrow.classifiers.sequence import (
    SequenceTraining,
    fine_tune,
    train_sequence_head,
    training_flops,
)
from windrow.data.series import Series
from windrow.data.store.store import StoreSource
from windrow.errors import SettingsError
from windrow.experiments.methods import METHODS, Method, Representation
from windrow.experiments.recipes.head_search import head_configurations
from windrow.experiments.recipes.heads import RANDOM_FOREST
from windrow.experiments.recipes.known_faults import corrections
from windrow.experiments.study.ablations import benchmark_changes
from windrow.experiments.study.cells import Classifier, CountFlops, Fit
from windrow.experiments.study.settings import FOREST, Arm, Cell, ScaleName, StudySettings
from windrow.models.encoders.build import encoder_width
from windrow.models.heads.inputs import HeadInputs
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.run.cost import read_cost
from windrow.training.execution import ExecutionSettings


@dataclass(frozen=True, eq=False)
class AtItsLevel:
    """A representation that takes series of another processing level as if they were its own.

    The paper pre-trains on surface reflectance (L2A) and tests task 3 at the top of the
    atmosphere (L1C). Everywhere else that is refused; here it is asked for, and said.

    Attributes:
        representation: what represents.
        level: the level it was trained on.
    """

    representation: Representation
    level: Any

    @property
    def width(self) -> int:
        """D."""
        return self.representation.width

    @property
    def content_hash(self) -> str:
        """Of the representation."""
        return self.representation.content_hash

    def flops_per_series(self, num_dates: int) -> int:
        """Operations for one series."""
        return self.representation.flops_per_series(num_dates)

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """(N, T, D)."""
        return self.representation.sequence(replace(series, processing_level=self.level))


@dataclass(frozen=True, eq=False)
class EncoderInputs:
    """What the encoder itself sees, for arms that train it together with the head.

    Attributes:
        representation: whose encoder it is.
    """

    representation: Representation

    @property
    def width(self) -> int:
        """B, the bands."""
        return len(self.representation.bands)

    @property
    def content_hash(self) -> str:
        """Of the encoder that is trained further."""
        return self.representation.content_hash

    def flops_per_series(self, num_dates: int) -> int:
        """Operations of the encoder for one series."""
        return self.representation.flops_per_series(num_dates)

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Standardised bands (N, T, B)."""
        level: Any = self.representation.processing_level
        return self.representation.inputs(replace(series, processing_level=level)).values


@dataclass(frozen=True, eq=False)
class InFloat32:
    """A classifier that is handed 16-bit inputs and takes 32-bit ones."""

    head: Classifier

    def predict_probability(self, inputs: HeadInputs) -> npt.NDArray[np.float64]:
        """(N, C)."""
        return self.head.predict_probability(in_float32(inputs))


def in_float32(inputs: HeadInputs) -> HeadInputs:
    """The same inputs in 32 bit, for bands of which there are few."""
    return replace(inputs, values=inputs.values.astype(np.float32))


@dataclass(frozen=True)
class StudyArm:
    """One arm: its method, and what a study wants of it.

    Attributes:
        arm: name, method and changes.
        method: what it is made of.
        study: the study it belongs to.
    """

    arm: Arm
    method: Method
    study: StudySettings

    @property
    def name(self) -> str:
        """Of files."""
        return self.arm.name

    @property
    def heads(self) -> tuple[str, ...]:
        """Base models; a random forest is its own."""
        return (FOREST,) if self.method.downstream == "forest" else tuple(self.study.heads)

    @property
    def trains_encoder(self) -> bool:
        """Whether the encoder is trained on the labels, too; frozen is the paper's way."""
        fine_tuned = self.study.fine_tune and self.method.pretrains
        return self.method.downstream == "end_to_end" or fine_tuned

    def settings(self, seed: int) -> PretrainingSettings:
        """Of its pre-training.

        Raises:
            SettingsError: a change does not fit the method.
        """
        return self.method.settings(
            self.study.scale, seed=seed, variant=self.study.variant, **self.arm.changes
        )

    def pretrain(
        self,
        store: StoreSource,
        run_path: Path,
        *,
        seed: int,
        execution: ExecutionSettings,
        on_progress: Callable[[Any], None] | None = None,
    ) -> None:
        """Makes the run directory, or goes on from the checkpoint of one that was interrupted."""
        self.method.pretrain(
            self.settings(seed),
            store,
            run_path,
            execution=execution,
            on_progress=on_progress,
            resume=(run_path / "config.yaml").is_file(),
        )

    def is_trained(self, run_path: Path) -> bool:
        """Whether a run directory is complete: its figures are written last."""
        return (run_path / "evaluation.json").is_file()

    def cost(self, run_path: Path) -> dict[str, Any]:
        """What its pre-training took."""
        return read_cost(run_path).to_dict()

    def load(
        self, run_path: Path, series: Series, *, device: str, accept_other_level: bool
    ) -> tuple[Representation | AtItsLevel | EncoderInputs, tuple[str, ...]]:
        """Its representation for some series, and what has to be said of it.

        Raises:
            WeightsError: the series are of another processing level, and that is not accepted.
        """
        representation = self.method.load(run_path, device=device)
        level = representation.processing_level
        notes: tuple[str, ...] = ()
        if level != series.processing_level:
            if not accept_other_level:
                representation.sequence(series.select(slice(0, 1)))  # says what is wrong
            notes = (
                f"the representation was trained on {level} and sees {series.processing_level}, "
                "as in the paper's task 3",
            )
        if self.trains_encoder:
            return EncoderInputs(representation), notes
        return (AtItsLevel(representation, level) if notes else representation), notes

    def fit(
        self, cell: Cell, run_path: Path, *, execution: ExecutionSettings
    ) -> tuple[Fit, dict[str, Any]]:
        """What trains the head of a cell, and its settings as JSON values."""
        seed = _seed(cell)
        if cell.head == FOREST:
            forest = RANDOM_FOREST

            def fit_trees(
                inputs: HeadInputs,
                label: npt.NDArray[np.int16],
                field_id: npt.NDArray[Any],
                num_classes: int,
            ) -> Any:
                return fit_forest(
                    inputs, label, num_classes=num_classes, settings=forest, seed=seed
                )

            return fit_trees, {"settings": forest.to_dict()}
        training = self.training(cell)

        def fit_sequences(
            inputs: HeadInputs,
            label: npt.NDArray[np.int16],
            field_id: npt.NDArray[Any],
            num_classes: int,
        ) -> Any:
            common: dict[str, Any] = {
                "num_classes": num_classes,
                "settings": training,
                "seed": seed,
                "execution": execution,
            }
            if not self.trains_encoder:
                return train_sequence_head(inputs, label, field_id, **common)
            encoder = self.method.load(run_path, device=execution.device).trainable()
            return InFloat32(fine_tune(encoder, in_float32(inputs), label, field_id, **common))

        about = {
            "settings": training.to_dict(),
            "trains_encoder": self.trains_encoder,
            "precision": execution.precision,
        }
        return fit_sequences, about

    def flops_of_fit(self, cell: Cell, *, encoder_flops: float) -> CountFlops:
        """What counts the operations of training the head of a cell; none of a random forest.

        Args:
            cell: which.
            encoder_flops: of its representation for one series, which count where the encoder is
                trained with the head.
        """

        def count(
            inputs: HeadInputs,
            label: npt.NDArray[np.int16],
            field_id: npt.NDArray[Any],
            num_classes: int,
        ) -> float:
            if cell.head == FOREST:
                return 0.0
            common: dict[str, Any] = {
                "num_classes": num_classes,
                "settings": self.training(cell),
                "seed": _seed(cell),
            }
            if self.trains_encoder:
                encoder = self.settings(cell.seed).encoder
                common["num_inputs"] = encoder_width(encoder, num_bands=inputs.num_features)
                common["encoder_flops"] = encoder_flops
            return training_flops(inputs, label, field_id, **common)

        return count

    def accuracy_batch(self, cell: Cell) -> int | None:
        """Series a batch where the variant takes the mean of batch accuracies, else None.

        A random forest predicts all series at once, so its accuracy is of all in any variant.
        """
        if corrections(self.study.variant).accuracy == "of_all" or cell.head == FOREST:
            return None
        return self.training(cell).batch_size

    def training(self, cell: Cell) -> SequenceTraining:
        """Configuration and training of a cell's head."""
        study = self.study
        configuration = head_configurations(
            cell.head,  # type: ignore[arg-type]
            study.scale,
            variant=study.variant,
            number=study.num_configurations,
        )[cell.configuration - 1]
        changes: dict[str, Any] = {"protocol": study.protocol}
        if cell.num_fields is not None:
            changes["min_steps"] = study.few_label_steps
        return configuration.model_copy(update=changes)


def _seed(cell: Cell) -> int:
    """Of the head's weights, order and dropout."""
    return int(np.random.SeedSequence([cell.seed, cell.configuration]).generate_state(1)[0] >> 1)


def arms_of(settings: StudySettings) -> dict[str, StudyArm]:
    """The arms of a study by name, their settings tried out once.

    Raises:
        SettingsError: a method is unknown, or a change does not fit it.
    """
    found = {}
    for arm in settings.arms:
        if arm.method not in METHODS:
            raise SettingsError("unknown method", found=arm.method, expected=", ".join(METHODS))
        found[arm.name] = StudyArm(arm, METHODS[arm.method], settings)
        found[arm.name].settings(settings.seeds[0])
    return found


def benchmark_arms(names: Sequence[str], scale: ScaleName) -> tuple[Arm, ...]:
    """Arms of a benchmark: methods by name, or such with one change; all methods where none.

    A change is of the benchmark's own method, so that nothing else lies between the two.

    Raises:
        SettingsError: a name is neither.

    Example:
        >>> [arm.method for arm in benchmark_arms(["bert", "without-season"], "tiny")]
        ['bert', 'bert']
    """
    known = {
        name: Arm(name=name, title=method.title, method=name, changes={})
        for name, method in METHODS.items()
    }
    changed = {arm.name: arm for arm in benchmark_changes(scale) if _is_a_change(arm, scale)}
    for name in names:
        if name not in known and name not in changed:
            raise SettingsError(
                "no such method",
                found=name,
                expected=f"{', '.join(known)}; or a change of one: {', '.join(changed)}",
            )
    return tuple({**known, **changed}[name] for name in names or METHODS)


def _is_a_change(arm: Arm, scale: ScaleName) -> bool:
    """Whether it is not the method as it is; a benchmark trains none twice."""
    method = METHODS[arm.method]
    return method.settings(scale, **arm.changes) != method.settings(scale)
