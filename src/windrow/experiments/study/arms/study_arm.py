"""The arms of a study: each pre-trains, fits its heads and counts what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from windrow.errors import SettingsError
from windrow.experiments.methods import METHODS
from windrow.experiments.study.ablations import benchmark_changes
from windrow.experiments.study.arms.cost import FittingCost
from windrow.experiments.study.arms.definition import ArmDefinition
from windrow.experiments.study.arms.fitting import HeadFitting
from windrow.experiments.study.arms.pretraining import ArmPretraining
from windrow.experiments.study.settings import Arm, ScaleName, StudySettings


class StudyArm(ArmDefinition):
    """An arm at work: its three parts know nothing of each other's work."""

    @property
    def pretraining(self) -> ArmPretraining:
        """Its pre-training and its representation."""
        return ArmPretraining(self)

    @property
    def fitting(self) -> HeadFitting:
        """The fitting of its heads."""
        return HeadFitting(self)

    @property
    def fitting_cost(self) -> FittingCost:
        """What fitting its heads costs."""
        return FittingCost(self.fitting)


def arms_of(settings: StudySettings) -> dict[str, StudyArm]:
    """Returns the arms of a study by name, after a check of their settings.

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
    """Returns the arms of a benchmark: methods, or methods with one change.

    A change applies to the benchmark's own method, so that two arms differ in nothing else.

    Args:
        names: names of methods or changes; none takes all methods.
        scale: tiny, small or paper.

    Raises:
        SettingsError: a name is neither a method nor a change.

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
    """Whether an arm differs from the unchanged method; a benchmark trains no method twice."""
    method = METHODS[arm.method]
    changed = method.settings(scale, seed=0, variant="corrected", **arm.changes)
    return changed != method.settings(scale, seed=0, variant="corrected")
