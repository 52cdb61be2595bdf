"""What an arm of a study is: its method, its changes and the study that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from windrow.experiments.methods import Method
from windrow.experiments.study.settings import FOREST, Arm, StudySettings
from windrow.pipelines.pretext.settings import PretrainingSettings


@dataclass(frozen=True)
class ArmDefinition:
    """One arm with its method and its study.

    Attributes:
        arm: name, method and changes.
        method: the method.
        study: the study it belongs to.
    """

    arm: Arm
    method: Method
    study: StudySettings

    @property
    def name(self) -> str:
        """Name of the arm in files."""
        return self.arm.name

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the heads; a random forest is its own head."""
        return (FOREST,) if self.method.downstream == "forest" else tuple(self.study.heads)

    @property
    def trains_encoder(self) -> bool:
        """Whether the encoder is trained on the labels too; the paper keeps it frozen."""
        fine_tuned = self.study.fine_tune and self.method.pretrains
        return self.method.downstream == "end_to_end" or fine_tuned

    def settings(self, seed: int) -> PretrainingSettings:
        """Returns the settings of its pre-training.

        Raises:
            SettingsError: a change does not fit the method.
        """
        return self.method.settings(
            self.study.scale, seed=seed, variant=self.study.variant, **self.arm.changes
        )
