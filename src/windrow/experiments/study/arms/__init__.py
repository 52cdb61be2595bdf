"""The arms of a study: what each is, how it pre-trains, how its heads are fitted and their cost."""

from windrow.experiments.study.arms.study_arm import StudyArm, arms_of, benchmark_arms

__all__ = ["StudyArm", "arms_of", "benchmark_arms"]
