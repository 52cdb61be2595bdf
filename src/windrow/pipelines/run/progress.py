"""Progress callbacks of long steps; only the command line shows the progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from windrow.pipelines.run.metric_lines import MetricLine, Note, Progress

SHOWN: Final = ("loss", "accuracy", "reconstruction", "season", "cloud", "series_per_second")
"""Figures of a training step to show."""


class Advance(Protocol):
    """Callback that takes the number of items done, their total, and figures to show."""

    def __call__(  # noqa: D102
        self, done: int, total: int, figures: Mapping[str, float] | None = None, /
    ) -> None: ...


ProgressOf = Callable[[str, str], AbstractContextManager[Advance]]
"""Opens the progress display of a step from its title and the name of the counted items."""


def training_progress(advance: Advance) -> Progress:
    """Returns a callback that shows lines of ``metrics.jsonl`` as progress.

    Args:
        advance: the callback that shows progress.
    """

    def show(line: MetricLine | Note) -> None:
        if line["kind"] == "train":
            figures = {name: line[name] for name in SHOWN if line.get(name) is not None}
            advance(line["step"] + 1, line["num_steps"], figures)

    return show
