"""Time left: of what was done since the start, not of what a study that goes on had done before."""

import sys
import time

import pytest
import rich.progress

from windrow.cli.progress import progress


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_time_left_is_of_what_was_done_here(clock, capsys) -> None:
    with progress("study", "cells") as advance:
        clock[0] += 20.0
        advance(40, 100)
        clock[0] += 20.0
        advance(40, 100)
        clock[0] += 100.0
        advance(44, 100, {"loss": 0.5})
        clock[0] += 1.0
        advance(45, 100)
        clock[0] += 99.0
        advance(100, 100)
    # 120 s for four cells, and 56 are left.
    assert capsys.readouterr().err.splitlines() == [
        "study: 40/100 cells    20 s",
        "study: 40/100 cells    40 s",
        "study: 44/100 cells  loss 0.5  140 s, 1680 s left",
        "study: 100/100 cells    240 s, 0 s left",
    ]


def test_a_study_that_is_done_has_nothing_left(clock, capsys) -> None:
    with progress("study", "cells") as advance:
        advance(4, 4)
    assert capsys.readouterr().err == "study: 4/4 cells    0 s\n"


def test_the_bar_takes_the_speed_over_an_hour_and_of_what_was_done_here(monkeypatch) -> None:
    now = [0.0]
    bars = []

    class Timed(rich.progress.Progress):
        def __init__(self, *columns, **options) -> None:
            super().__init__(*columns, get_time=lambda: now[0], **options)
            bars.append(self)

    monkeypatch.setattr(rich.progress, "Progress", Timed)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("study", "cells") as advance:
        advance(40, 100)
        for done in (41, 42, 43, 44):
            now[0] += 100.0
            advance(done, 100)
        (bar,) = bars
        assert bar.tasks[0].time_remaining == 5600.0
