"""Finds which parts of a run are real and which are simulated, so that a report marks them."""

from __future__ import annotations

from windrow.reporting.run.records import FewShotPart, PretrainingPart, Run
from windrow.reporting.theme import plain


def simulated_parts(run: Run) -> list[str]:
    """Lists the simulated parts of a run in words; empty where no file records any."""
    parts = []
    pretraining = run.pretraining
    if pretraining is not None and pretraining_simulated(pretraining):
        parts.append("the series on which the weights were trained and tested")
    for part in run.fewshots:
        if part.results.simulated_data:
            parts.append(f"the fields of {plain(part.name)}")
        elif part.results.simulated_weights and run.pretraining is None:
            parts.append(f"the series on which the weights used in {plain(part.name)} were trained")
    return parts


def smoke_tested_parts(run: Run) -> list[str]:
    """Lists the parts that rest on weights of a recipe for tests, in words."""
    parts = []
    pretraining = run.pretraining
    if pretraining is not None and pretraining.weights and pretraining.weights.get("smoke_test"):
        parts.append("the weights of this run")
    for part in run.fewshots:
        methods = [name for name, each in part.results.weights.items() if each.smoke_test]
        parts.extend(f"{plain(name)} in {plain(part.name)}" for name in methods)
    return parts


def origin_known(run: Run) -> bool:
    """Whether any file of the run records if its data are real or simulated."""
    flags: list[object] = [part.results.simulated_data for part in run.fewshots]
    if run.pretraining is not None:
        flags.append(pretraining_simulated(run.pretraining))
    return any(flag is not None for flag in flags)


def pretraining_simulated(part: PretrainingPart) -> bool | None:
    """Whether the weights were trained on simulated series; None where no file records it."""
    if part.evaluation is not None and part.evaluation.simulated is not None:
        return part.evaluation.simulated
    stated = part.weights.get("simulated") if part.weights else None
    return stated if isinstance(stated, bool) else None


def word_of(simulated: bool | None) -> str:
    """Returns the word that marks a figure of such data."""
    return "SIMULATED" if simulated else ""


def weights_simulated(part: FewShotPart, run: Run) -> bool | None:
    """Whether the weights are simulated; a demo folder holds them beside the few-label results."""
    if part.results.simulated_weights is not None or run.pretraining is None:
        return part.results.simulated_weights
    return pretraining_simulated(run.pretraining)


def mark_of(part: FewShotPart, run: Run) -> str:
    """Returns the word that marks the figures of few-label results."""
    if not part.results.simulated_data and weights_simulated(part, run):
        return "WEIGHTS FROM SIMULATED SERIES"
    return word_of(part.results.simulated_data)
