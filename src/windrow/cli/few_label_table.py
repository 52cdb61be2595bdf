"""The table of a few-label comparison, as ``windrow fewshot`` and ``windrow demo`` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windrow.evaluation.fewshot.result import FewshotFigures


def show_rows(fewshot: FewshotFigures) -> None:
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
        table.add_row(
            str(row["k"]),
            row["method"],
            row["head"],
            f"{row['overall_accuracy']:.3f} ± {row['overall_accuracy_std']:.3f}",
            f"{row['macro_f1']:.3f} ± {row['macro_f1_std']:.3f}",
        )
    console = Console()
    console.print(table)
    for note in fewshot["notes"]:
        console.print(f"Note: {note}", markup=False)
