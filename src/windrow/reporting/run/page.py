"""The report of a run as one self-contained HTML file.

It reads only the run directory and never a model, so it can be rendered again on any machine.
"""

from __future__ import annotations

from pathlib import Path

from windrow.files import write_text
from windrow.reporting.page import REPORT_NAME, render_page
from windrow.reporting.run.origin import origin_known, simulated_parts, smoke_tested_parts
from windrow.reporting.run.reading import read_run
from windrow.reporting.run.records import Run
from windrow.reporting.run.sections import key_figures, make_sections
from windrow.reporting.theme import plain

SUBTITLE = "Report of a windrow run: what Sentinel-2 time series tell of crops."


def write_report(run: Path) -> Path:
    """Writes ``report.html`` into a run directory and returns its path.

    The page is one file that contains all figures. It loads nothing and runs no script. The same
    content gives the same bytes. The end of the page names the absent parts.

    Args:
        run: folder that pretrain, fewshot or demo wrote; a demo folder holds ``pretraining`` and
            ``fewshot`` folders.

    Raises:
        DataError: the path is not a run directory, or one of its files is damaged.
        OutputError: the page cannot be written.
    """
    folder = Path(run)
    path = folder / REPORT_NAME
    write_text(path, render_report(read_run(folder)))
    return path


def render_report(run: Run) -> str:
    """Renders the page as HTML text."""
    return render_page(
        name=plain(run.path.resolve().name, 80),
        subtitle=SUBTITLE,
        simulated=simulated_parts(run),
        smoke_tested=smoke_tested_parts(run),
        origin_known=origin_known(run),
        key_figures=key_figures(run),
        sections=make_sections(run),
        missing=run.missing,
    )
