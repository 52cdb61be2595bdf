"""Numbers of the check of dates (ours), with what they were chosen on."""

from __future__ import annotations

from windrow.evaluation.misdated import MisdatedSettings


def misdated() -> MisdatedSettings:
    """Returns when a date looks misdated.

    Chosen on simulated places with planted swaps; ``docs/reconstruct.md`` holds the figures.
    """
    return MisdatedSettings(least_days=45, least_ratio=1.5, least_pixels=20, least_clear=0.5)
