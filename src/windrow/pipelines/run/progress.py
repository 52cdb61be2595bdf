"""How long steps tell how far they are; only the command line shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

SHOWN = ("loss", "accuracy", "reconstruction", "season", "cloud", "series_per_second")
"""Figures of a training step that are shown."""


class Advance(Protocol):
    """Told how far a step is, of how much, and figures to show beside it."""

    def __call__(  # noqa: D102
        self, done: int, total: int, figures: Mapping[str, float] | None = None, /
    ) -> None: ...


ProgressOf = Callable[[str, str], AbstractContextManager[Advance]]
"""Makes the progress of a step from its title and what it counts."""


def training_progress(advance: Advance) -> Callable[[Mapping[str, Any]], None]:
    """Turns lines of ``metrics.jsonl`` into progress."""

    def show(record: Mapping[str, Any]) -> None:
        if record["kind"] == "train":
            figures = {name: record[name] for name in SHOWN if record.get(name) is not None}
            advance(record["step"] + 1, record["num_steps"], figures)

    return show
