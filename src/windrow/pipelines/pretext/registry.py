"""The pretext tasks by the kind of their settings.

A new task needs one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

from windrow.pipelines.pretext.bert import BertPretext
from windrow.pipelines.pretext.contrastive import (
    ResmlpPretext,
    ScarfPretext,
    YearPretext,
)
from windrow.pipelines.pretext.protocol import Pretext, PretextInputs
from windrow.pipelines.pretext.untrained import UntrainedPretext

PRETEXTS: dict[str, Callable[[PretextInputs], Pretext]] = {
    "bert": BertPretext,
    "pixel_contrastive": ResmlpPretext,
    "scarf": ScarfPretext,
    "year_contrastive": YearPretext,
    "untrained": UntrainedPretext,
}


def start_pretext(inputs: PretextInputs) -> Pretext:
    """Builds the pretext task that the settings name, with its module and data in place.

    Args:
        inputs: settings and series.

    Returns:
        the task, ready for the first step.

    Raises:
        DataError: the series cannot be trained on.
        SettingsError: settings and series do not fit together.
    """
    return PRETEXTS[inputs.settings.task.kind](inputs)
