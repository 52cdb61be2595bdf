"""Small studies as read, and what their reports say: for the tests of reports."""

import pandas as pd

from study_factory import make_study
from windrow.experiments.study.settings import Arm
from windrow.reporting.study import tables as study_tables
from windrow.reporting.study.reading import read_study
from windrow.reporting.study.statistics import StudyStatistics

WITHOUT_CURVES = {"num_fields": (), "until_days": ()}


ABLATED = tuple(
    Arm(name=name, title=name, method="bert", changes={}) for name in ("bert", "without-season")
)


def table_5(study):
    """Table 5 of a study as read."""
    return study_tables.accuracy_table(study, StudyStatistics(study)).table


def paper_columns(folder):
    """Columns of a report's tables with the paper's numbers."""
    tables = {path.stem: pd.read_csv(path) for path in (folder / "tables").glob("*.csv")}
    return {
        f"{name}: {column}"
        for name, table in tables.items()
        for column in table
        if column.startswith("paper")
    }


def small_study(folder, tasks, **options):
    """A study as read, quickly made."""
    options = {"simulated": False, "seeds": (0,), "heads": ("lstm",)} | WITHOUT_CURVES | options
    make_study(folder, tasks=tasks, **options)
    return read_study(folder)


def everything(folder):
    """All text of a report."""
    texts = [folder / "report.html", *(folder / "tables").iterdir()]
    texts += list((folder / "figures").glob("*.svg"))
    return "\n".join(path.read_text() for path in texts)
