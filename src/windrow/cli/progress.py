"""Shows progress as a bar on a terminal, and as a line from time to time elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from windrow.pipelines.run.progress import Advance

SECONDS_BEFORE_FIRST_LINE = 2.0
SECONDS_BETWEEN_LINES = 15.0
_SPEED_SECONDS = 3600.0
"""Period over which the speed of a bar is measured, seconds: one cell may take minutes."""


@contextmanager
def progress(title: str, unit: str) -> Iterator[Advance]:
    """Shows the progress of one long step on standard error.

    Args:
        title: name of the step, such as ``simulating``.
        unit: name of the counted items, such as ``series``.

    Yields:
        a callback that takes the number of items done, their total, and figures to show.
    """
    if sys.stderr.isatty():
        with _bar(title, unit) as advance:
            yield advance
    else:
        yield _lines(title, unit)


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[figures]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, speed_estimate_period=_SPEED_SECONDS) as bar:
        task = bar.add_task(title, total=None, unit=unit, figures="")

        def advance(done: int, total: int, figures: Mapping[str, float] | None = None, /) -> None:
            bar.update(task, completed=done, total=total, figures=_text(figures))

        yield advance


def _lines(title: str, unit: str) -> Advance:
    start = latest = time.monotonic()
    wait = SECONDS_BEFORE_FIRST_LINE
    first: tuple[int, float] | None = None  # items done before the first call, and its time

    def advance(done: int, total: int, figures: Mapping[str, float] | None = None, /) -> None:
        nonlocal latest, first, wait
        now = time.monotonic()
        first = first or (done, now)
        if done < total and now - latest < wait:
            return
        latest, wait = now, SECONDS_BETWEEN_LINES
        before, since = first
        left = ""
        if done > before:
            left = f", {(now - since) / (done - before) * (total - done):.0f} s left"
        print(
            f"{title}: {done}/{total} {unit}  {_text(figures)}  {now - start:.0f} s{left}",
            file=sys.stderr,
            flush=True,
        )

    return advance


def _text(figures: Mapping[str, float] | None) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in (figures or {}).items())
