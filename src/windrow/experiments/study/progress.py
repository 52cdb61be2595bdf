"""What a study tells about its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StudyProgress:
    """Callbacks for the progress of a study.

    Attributes:
        cells: called with the number of cells done and their total.
        note: called with one line of text.
    """

    cells: Callable[[int, int], None] = field(default=lambda done, total: None)
    note: Callable[[str], None] = field(default=lambda text: None)
