"""What the fitting of an arm's heads costs, in operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.classifiers.sequence import training_flops
from windrow.experiments.study.arms.fitting import HeadFitting, head_seed
from windrow.experiments.study.cells import CountFlops
from windrow.experiments.study.settings import FOREST, Cell
from windrow.models.encoders.build import encoder_width
from windrow.models.heads.inputs import HeadInputs


@dataclass(frozen=True)
class FittingCost:
    """The cost of fitting an arm's heads.

    Attributes:
        fitting: how they are fitted.
    """

    fitting: HeadFitting

    def flops_of_fit(self, cell: Cell, *, encoder_flops: float) -> CountFlops:
        """Returns the function that counts the operations of training a cell's head.

        The operations of a random forest are not counted.

        Args:
            cell: the cell.
            encoder_flops: operations of its encoder for one series, which are included where the
                encoder is trained with the head.
        """

        def count(
            inputs: HeadInputs,
            label: npt.NDArray[np.int16],
            field_id: npt.NDArray[Any],
            num_classes: int,
        ) -> float:
            if cell.head == FOREST:
                return 0.0
            width, of_encoder = None, 0.0
            if self.fitting.arm.trains_encoder:
                encoder = self.fitting.arm.settings(cell.seed).encoder
                width = encoder_width(encoder, num_bands=inputs.num_features)
                of_encoder = encoder_flops
            return training_flops(
                inputs,
                label,
                field_id,
                num_classes=num_classes,
                settings=self.fitting.training(cell),
                seed=head_seed(cell),
                num_inputs=width,
                encoder_flops=of_encoder,
            )

        return count
