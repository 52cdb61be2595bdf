"""What of a run is real and what is simulated, so that nobody takes the one for the other."""

from __future__ import annotations

from windrow.reporting.run.records import FewShotPart, PretrainingPart, Run
from windrow.reporting.theme import plain


def simulated_parts(run: Run) -> list[str]:
    """What of a run no satellite ever saw, in words; empty where nothing says so."""
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


def origin_known(run: Run) -> bool:
    """Whether any file of the run says if its data are real or simulated."""
    flags: list[object] = [part.results.simulated_data for part in run.fewshots]
    if run.pretraining is not None:
        flags.append(pretraining_simulated(run.pretraining))
    return any(flag is not None for flag in flags)


def pretraining_simulated(part: PretrainingPart) -> bool | None:
    """Whether the weights were trained on simulated series; None where nothing says so."""
    if part.evaluation is not None and part.evaluation.simulated is not None:
        return part.evaluation.simulated
    stated = part.weights.get("simulated") if part.weights else None
    return stated if isinstance(stated, bool) else None


def word_of(simulated: bool | None) -> str:
    """The word to be written into a figure of such data."""
    return "SIMULATED" if simulated else ""


def weights_simulated(part: FewShotPart, run: Run) -> bool | None:
    """Of a demo folder the few-label results rest on the weights that lie beside them."""
    if part.results.simulated_weights is not None or run.pretraining is None:
        return part.results.simulated_weights
    return pretraining_simulated(run.pretraining)


def mark_of(part: FewShotPart, run: Run) -> str:
    """The word to be written into the figures of few-label results."""
    if not part.results.simulated_data and weights_simulated(part, run):
        return "WEIGHTS FROM SIMULATED SERIES"
    return word_of(part.results.simulated_data)
