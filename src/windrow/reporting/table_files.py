"""Writes a table as CSV, LaTeX and HTML, for papers and spreadsheets."""

from __future__ import annotations

import csv
import io
from html import escape
from pathlib import Path

from windrow.files import write_text
from windrow.reporting.tables import NamedTable, Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "\N{MINUS SIGN}": "$-$", "\N{EN DASH}": "--",
    "\N{NO-BREAK SPACE}": "~", "²": "$^2$",
}  # fmt: skip


def to_csv(table: Table) -> str:
    r"""Formats header and rows as CSV; a minus sign becomes a hyphen, so that numbers parse.

    Example:
        >>> from windrow.reporting.tables import Cell
        >>> to_csv(Table("", (Cell("a"), Cell("b")), ((Cell("x, y"), Cell("1")),)))
        'a,b\n"x, y",1\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in (table.header, *table.rows):
        writer.writerow([cell.whole.replace("\N{MINUS SIGN}", "-") for cell in row])
    return buffer.getvalue()


def to_latex(table: Table, *, mark: str = "") -> str:
    """Formats a table as a LaTeX ``table`` environment with the rules of ``booktabs``.

    Args:
        table: the table.
        mark: a word such as SIMULATED, put first into the caption.
    """
    columns = "".join("r" if cell.number else "l" for cell in table.header)
    caption = f"{mark}: {table.caption}" if mark else table.caption
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(caption)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
    ]
    lines += [r"\toprule", _latex_row([cell.text for cell in table.header]), r"\midrule"]
    for row in table.rows:
        texts = [_latex(cell.whole) for cell in row]
        bold = [rf"\textbf{{{t}}}" if c.strong else t for t, c in zip(texts, row, strict=True)]
        lines.append(" & ".join(bold) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def to_html(table: Table, *, mark: str = "") -> str:
    """Formats a table as an HTML page of its own."""
    caption = escape(f"{mark}: {table.caption}" if mark else table.caption)

    def row(cells: tuple[str, ...], kind: str) -> str:
        return "<tr>" + "".join(f"<{kind}>{c}</{kind}>" for c in cells) + "</tr>"

    head = row(tuple(escape(cell.text) for cell in table.header), "th")
    body = "\n".join(
        row(
            tuple(
                f"<b>{escape(cell.whole)}</b>" if cell.strong else escape(cell.whole)
                for cell in cells
            ),
            "td",
        )
        for cells in table.rows
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{caption}</title></head><body>\n"
        f"<table><caption>{caption}</caption>\n<thead>{head}</thead>\n<tbody>\n{body}\n"
        "</tbody></table>\n</body></html>\n"
    )


def write_table(folder: Path, named: NamedTable, *, mark: str = "") -> None:
    """Writes a table as ``NAME.csv``, ``NAME.tex`` and ``NAME.html``."""
    write_text(folder / f"{named.name}.csv", to_csv(named.table))
    write_text(folder / f"{named.name}.tex", to_latex(named.table, mark=mark))
    write_text(folder / f"{named.name}.html", to_html(named.table, mark=mark))


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_row(texts: list[str]) -> str:
    return " & ".join(_latex(text) for text in texts) + r" \\"
