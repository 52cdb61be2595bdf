"""Numbers of the check of dates (ours)."""

from __future__ import annotations

from windrow.evaluation.misdated import MisdatedSettings


def misdated() -> MisdatedSettings:
    """Returns when a date looks misdated.

    Set by hand and not tuned; ``docs/reconstruct.md`` holds figures of simulated landscapes.
    """
    return MisdatedSettings(least_days=45, least_ratio=1.5, least_pixels=20, least_clear=0.5)
