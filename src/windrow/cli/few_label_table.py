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
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    unit = "fields" if fewshot["grouped_by"] == "field_id" else fewshot["grouped_by"]
    table = Table(
        title=f"{fewshot['num_test_fields']} test fields; in brackets the interval over"
        f" {fewshot['num_test_groups']} {unit}",
        title_justify="left",
        box=SIMPLE,
    )
    table.add_column("k", justify="right")
    table.add_column("method")
    table.add_column("head")
    table.add_column("accuracy", justify="right")
    table.add_column("macro F1", justify="right")
    before = None
    for row in sorted(fewshot["rows"], key=lambda row: row["k"]):
        if before not in (None, row["k"]):
            table.add_section()
        before = row["k"]
        accuracy = row["overall_accuracy_low"], row["overall_accuracy_high"]
        macro_f1 = row["macro_f1_low"], row["macro_f1_high"]
        table.add_row(
            str(row["k"]),
            row["method"].replace("_", " "),
            row["head"].replace("_", " "),
            _with_interval(row["overall_accuracy"], accuracy),
            _with_interval(row["macro_f1"], macro_f1),
        )
    console = Console()
    console.print(table)
    for note in fewshot["notes"]:
        console.print(f"Note: {note}", markup=False)


def _with_interval(value: float, limits: tuple[float, float]) -> str:
    """Returns a fraction with its interval, such as ``.912 (.87-.95)``."""
    low, high = (f"{limit:.2f}".removeprefix("0") for limit in limits)
    return f"{value:.3f}".removeprefix("0") + f" ({low}-{high})"
