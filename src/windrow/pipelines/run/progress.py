"""Progress callbacks of long steps; only the command line shows the progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

SHOWN = ("loss", "accuracy", "reconstruction", "season", "cloud", "series_per_second")
"""Figures of a training step to show."""


class Advance(Protocol):
    """Callback that takes the number of items done, their total, and figures to show."""

    def __call__(  # noqa: D102
        self, done: int, total: int, figures: Mapping[str, float] | None = None, /
    ) -> None: ...


ProgressOf = Callable[[str, str], AbstractContextManager[Advance]]
"""Opens the progress display of a step from its title and the name of the counted items."""


def training_progress(advance: Advance) -> Callable[[Mapping[str, Any]], None]:
    """Returns a callback that shows lines of ``metrics.jsonl`` as progress.

    Args:
        advance: the callback that shows progress.
    """

    def show(record: Mapping[str, Any]) -> None:
        if record["kind"] == "train":
            figures = {name: record[name] for name in SHOWN if record.get(name) is not None}
            advance(record["step"] + 1, record["num_steps"], figures)

    return show
