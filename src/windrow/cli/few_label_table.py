"""The table of a few-label comparison, as ``windrow fewshot`` and ``windrow demo`` print it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def show_rows(fewshot: Mapping[str, Any]) -> None:
    """Prints the rows of a ``fewshot.json`` as a table, and its notes below.

    Args:
        fewshot: the content of the file.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{fewshot['num_test_fields']} test fields", title_justify="left")
    table.add_column("k", justify="right")
    table.add_column("method")
    table.add_column("head")
    table.add_column("overall accuracy", justify="right")
    table.add_column("macro F1", justify="right")
    for row in sorted(fewshot["rows"], key=lambda row: row["k"]):
        figures = (
            f"{row[name]:.3f} ± {row[name + '_std']:.3f}"
            for name in ("overall_accuracy", "macro_f1")
        )
        table.add_row(str(row["k"]), row["method"], row["head"], *figures)
    console = Console()
    console.print(table)
    for note in fewshot["notes"]:
        console.print(f"Note: {note}", markup=False)
