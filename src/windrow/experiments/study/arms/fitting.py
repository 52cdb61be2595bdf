"""How the heads of an arm are fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.classifiers.flattened_forest import fit_forest
from windrow.classifiers.sequence import SequenceTraining, fine_tune, train_sequence_head
from windrow.experiments.recipes.head_search import head_configurations
from windrow.experiments.recipes.heads import RANDOM_FOREST
from windrow.experiments.recipes.known_faults import corrections
from windrow.experiments.study.arms.definition import ArmDefinition
from windrow.experiments.study.cells import Classifier, Fit, HeadDescription
from windrow.experiments.study.settings import FOREST, Cell
from windrow.models.heads.inputs import HeadInputs
from windrow.training.execution import ExecutionSettings


@dataclass(frozen=True, eq=False)
class InFloat32:
    """A classifier that converts 16-bit inputs to 32 bit before it predicts."""

    head: Classifier

    def predict_probability(self, inputs: HeadInputs) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C)."""
        return self.head.predict_probability(in_float32(inputs))


def in_float32(inputs: HeadInputs) -> HeadInputs:
    """Converts inputs to 32 bit; used for bands, which are few."""
    return replace(inputs, values=inputs.values.astype(np.float32))


@dataclass(frozen=True)
class HeadFitting:
    """The fitting of an arm's heads.

    Attributes:
        arm: whose.
    """

    arm: ArmDefinition

    def fit(
        self, cell: Cell, run_path: Path, *, execution: ExecutionSettings
    ) -> tuple[Fit, HeadDescription]:
        """Returns what trains the head of a cell, and what its file says of that head."""
        seed = head_seed(cell)
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
            if not self.arm.trains_encoder:
                return train_sequence_head(
                    inputs,
                    label,
                    field_id,
                    num_classes=num_classes,
                    settings=training,
                    seed=seed,
                    execution=execution,
                )
            encoder = self.arm.method.load(run_path, device=execution.device).trainable()
            tuned = fine_tune(
                encoder,
                in_float32(inputs),
                label,
                field_id,
                num_classes=num_classes,
                settings=training,
                seed=seed,
                execution=execution,
            )
            return InFloat32(tuned)

        about: HeadDescription = {
            "settings": training.to_dict(),
            "trains_encoder": self.arm.trains_encoder,
            "precision": execution.precision,
        }
        return fit_sequences, about

    def accuracy_batch(self, cell: Cell) -> int | None:
        """Returns the series per batch where the variant averages batch accuracies, else None.

        A random forest predicts all series at once, so its accuracy covers all of them in any
        variant.
        """
        if corrections(self.arm.study.variant).accuracy == "of_all" or cell.head == FOREST:
            return None
        return self.training(cell).batch_size

    def training(self, cell: Cell) -> SequenceTraining:
        """Returns configuration and training settings of a cell's head."""
        study = self.arm.study
        configuration = head_configurations(
            cell.head,  # type: ignore[arg-type]
            study.scale,
            variant=study.variant,
            number=study.num_configurations,
        )[cell.configuration - 1]
        configuration = configuration.model_copy(update={"protocol": study.protocol})
        if cell.num_fields is None:
            return configuration
        return configuration.model_copy(update={"min_steps": study.few_label_steps})


def head_seed(cell: Cell) -> int:
    """Returns the seed of a head's weights, order and dropout."""
    return int(np.random.SeedSequence([cell.seed, cell.configuration]).generate_state(1)[0] >> 1)
