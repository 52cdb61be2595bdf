"""The sections of the report: figures, tables and text of each part of a run."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from windrow.json_values import JsonObject
from windrow.reporting import tables
from windrow.reporting.page import Drawing, KeyFigure, Section
from windrow.reporting.run import figures, result_figures
from windrow.reporting.run import tables as run_tables
from windrow.reporting.run.origin import mark_of, pretraining_simulated, weights_simulated, word_of
from windrow.reporting.run.records import (
    FewShot,
    FewShotPart,
    LeftOut,
    PairedDifference,
    PretrainingPart,
    Run,
)
from windrow.reporting.theme import plain, wording

OWN_METHODS = ("windrow", "representation")
"""Methods that are compared with others: the crop classifier, and the representation."""

NO_COORDINATES = (
    "No map: the predictions carry no longitude and latitude, so where the wrong fields lie"
    " cannot be shown."
)


def key_figures(run: Run) -> list[KeyFigure]:
    """Returns the numbers at the head of the page, each with its baselines."""
    found = []
    evaluation = run.pretraining.evaluation if run.pretraining else None
    if evaluation is not None:
        for score in evaluation.planetscope or ():
            if score.lag == 0 and score.band in ("red", "nir") and score.r2 is not None:
                found.append(
                    KeyFigure(
                        f"R² of predicted PlanetScope {wording(score.band)}, same day",
                        tables.number(score.r2, 3),
                        "nearest clear Sentinel-2 "
                        + tables.number(score.baseline_nearest_clear_r2, 3)
                        + ", mean of the day "
                        + tables.number(score.baseline_day_mean_r2, 3),
                    )
                )
    for part in run.fewshots:
        methods = {row.method for row in part.results.rows}
        own = next((name for name in OWN_METHODS if name in methods), None)
        if own is None:
            continue
        # The first head of the file, not the best: nothing is chosen by a result on test fields.
        ours = max((r for r in part.results.rows if r.method == own), key=lambda row: row.k)
        others = [r for r in part.results.rows if r.k == ours.k and r.method not in OWN_METHODS]
        rival = max(others, key=lambda row: row.macro_f1, default=None)
        found.append(
            KeyFigure(
                f"Macro F1 (%), {plain(part.name)}, {ours.k} fields a class"
                f" ({wording(ours.method)})",
                tables.share(ours.macro_f1),
                "no baseline"
                if rival is None
                else f"best baseline {tables.share(rival.macro_f1)}"
                f" ({wording(rival.method)}, {wording(rival.head)})",
            )
        )
    return found


def make_sections(run: Run) -> list[Section]:
    """Returns the sections of the page for which the run has data."""
    sections: list[Section | None] = []
    if run.pretraining is not None:
        sections += [_training(run.pretraining), _prediction(run.pretraining)]
    sections += [_few_labels(part, run, i) for i, part in enumerate(run.fewshots)]
    sections.append(_map(run))
    sections.append(_settings(run))
    return [section for section in sections if section is not None]


def _training(part: PretrainingPart) -> Section | None:
    metrics = part.metrics
    if metrics is None:
        return None
    section = Section("training", "Pre-training", notes=list(metrics.notes))
    if metrics.train.empty and metrics.validation.empty:
        section.notes.append("The metrics hold no step yet.")
        return section
    last = int(max([*metrics.train["step"].tail(1), *metrics.validation["step"].tail(1)]))
    section.intro = f"Last recorded step: {last:,}"
    if metrics.num_steps is not None:
        section.intro += f" of {metrics.num_steps:,}"
    speed = metrics.train["series_per_second"].median()
    if pd.notna(speed):
        section.intro += f"; median speed {speed:,.0f} series a second"
    section.intro += "."
    if len(metrics.train) > figures.MOST_POINTS:
        section.notes.append(
            f"Curves of training are means of {figures.MOST_POINTS} groups of neighbouring steps."
        )
    section.drawings.append(
        Drawing(
            figures.loss_curves(metrics, mark=word_of(pretraining_simulated(part))),
            "Loss by step in training (blue line) and on held-out series (vermilion points). The"
            " total is the weighted sum of the three parts below it.",
        )
    )
    return section


def _prediction(part: PretrainingPart) -> Section | None:
    mark = word_of(pretraining_simulated(part))
    section = Section("planetscope", "What the model predicts of PlanetScope")
    rows = part.predictions
    if rows is not None and rows.empty:
        section.notes.append("The table of predicted series is empty.")
    elif rows is not None:
        section.drawings = [
            Drawing(
                figures.series_panels(rows, mark=mark),
                "PlanetScope reflectance (mean of the 3 x 3 pixels) over a year of held-out pixels,"
                " observed (line) and predicted from Sentinel-2 at each of its dates (points),"
                " the dates masked as in training."
                " Hollow points and the ticks at the foot are dates with a cloud probability of"
                " one half or more. Letters are months.",
            ),
            Drawing(
                figures.reflectance_density(rows, mark=mark),
                "Predicted against observed reflectance of the pixels whose series were kept, same"
                " day, cloudy dates included. Stronger colour: more points (logarithmic). Dashed:"
                " perfect agreement. R² and RMSE are of the points drawn.",
            ),
        ]
    evaluation = part.evaluation
    if evaluation is not None:
        if evaluation.num_series is not None:
            section.intro = f"Measured on {evaluation.num_series:,} held-out series."
        if evaluation.planetscope:
            section.tables.append(
                run_tables.reflectance_table(evaluation.planetscope, "PlanetScope")
            )
        if evaluation.planetscope_growing_season:
            season = evaluation.planetscope_growing_season
            when = " in the growing season, without the snow that only Sentinel-2 sees"
            section.tables.append(run_tables.reflectance_table(season, "PlanetScope", when=when))
        if evaluation.sentinel2:
            section.title = "What the model predicts of Sentinel-2"
            section.tables.append(run_tables.reflectance_table(evaluation.sentinel2, "Sentinel-2"))
        auxiliary = run_tables.auxiliary_table(evaluation)
        if auxiliary is None:
            section.notes.append("The season and cloud tasks were off.")
        else:
            section.tables.append(auxiliary)
    return section if section.drawings or section.tables or section.notes else None


MOST_PAIRS = 16
"""Most rows in a figure of paired differences; the table below it holds all."""


def drawn_pairs(differences: Sequence[PairedDifference]) -> list[PairedDifference]:
    """Selects the differences to draw.

    Those of windrow from extra trees are drawn if there are any, else those between equal heads.
    If they are many, only those of the largest k are drawn.
    """
    of_windrow = [
        item
        for item in differences
        if item.method == "windrow" and item.baseline_head == "extra_trees"
    ]
    same = [item for item in differences if item.head == item.baseline_head]
    drawn = of_windrow or same or list(differences)
    if len(drawn) > MOST_PAIRS:
        largest = max((item.k for item in drawn if item.k is not None), default=None)
        drawn = [item for item in drawn if item.k == largest]
    return drawn[:MOST_PAIRS]


def _add_paired(section: Section, differences: Sequence[PairedDifference], mark: str) -> None:
    if not differences:
        return
    for metric in dict.fromkeys(item.metric for item in differences):
        own = [item for item in differences if item.metric == metric]
        drawn = drawn_pairs(own)
        name = result_figures.METRIC_NAMES.get(metric, plain(metric))
        text = f"Paired differences of {name[:1].lower()}{name[1:]} in points, with bootstrap"
        text += " intervals over fields; the colour is that of the baseline."
        if len(drawn) < len(own):
            text += f" {len(drawn)} of {len(own)} are drawn; the table below holds all."
        section.drawings.append(Drawing(result_figures.paired_intervals(drawn, mark=mark), text))
    section.tables.append(run_tables.paired_table(differences))


METHODS_EXPLAINED = (
    "windrow is the crop classifier. Representation is the output of an encoder. Bands, indices"
    " (four) and bands and indices (twelve) are raw values on a ten-day grid."
)


def by_method_and_head(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Groups rows by method and head under a readable title, in order of appearance."""
    if not {"method", "head"} <= set(predictions.columns):
        return {"all predictions": predictions}
    keys = predictions[["method", "head"]].drop_duplicates().itertuples(index=False)
    return {
        f"{wording(method, 20)}, {wording(head, 30)}": predictions[
            (predictions["method"] == method) & (predictions["head"] == head)
        ]
        for method, head in keys
    }


def _few_labels(part: FewShotPart, run: Run, position: int) -> Section:
    results = part.results
    section = Section(f"few-labels-{position}", f"Few labels: {plain(part.name, 60)}")
    mark = mark_of(part, run)
    words = [counted_fields(results.num_train_fields, results.num_test_fields)]
    if not results.simulated_data and weights_simulated(part, run):
        words.append("The weights were trained on simulated series.")
        if results.simulated_data is False:
            words.append("The fields are real.")
    section.intro = " ".join(word for word in words if word)
    if results.rows:
        section.drawings.append(
            Drawing(
                result_figures.label_count_curves(results.rows, mark=mark),
                "Accuracy on the test fields by the number of labelled training fields a class."
                " Lines are means over the draws of training fields, bands one standard deviation"
                " to either side; colour is the method, line and marker are the head."
                " " + METHODS_EXPLAINED,
            )
        )
        section.tables.append(run_tables.label_count_table(results.rows))
    _add_paired(section, results.paired, mark)
    largest = max((row.k for row in results.rows), default=None)
    for row in results.rows:
        if row.k == largest and row.confusion_matrix is not None:
            title = f"{wording(row.method, 20)}, {wording(row.head, 30)}, k = {row.k}"
            matrix = tables.confusion_matrix(title, results.legend, row.confusion_matrix)
            section.matrices.append(matrix)
    section.notes.extend(results.notes)
    section.notes.extend(left_out(item) for item in results.left_out)
    bootstrap = results.settings.get("bootstrap")
    if results.paired and isinstance(bootstrap, dict) and "level" in bootstrap:
        resamples = plain(bootstrap.get("num_resamples", "an unknown number of"), 12)
        section.notes.append(
            f"The intervals hold a share of {plain(bootstrap['level'], 12)} of {resamples}"
            f" resamples of the test fields{_units(results)}."
        )
    return section


def _units(results: FewShot) -> str:
    """Returns by what the test fields were resampled, where it is not by field."""
    if results.grouped_by in (None, "field_id"):
        return ""
    return f", by {results.num_test_groups} values of {plain(results.grouped_by)}"


def counted_fields(num_train: int | None, num_test: int | None) -> str:
    """Returns a sentence with the numbers of training and test fields."""
    counts = [
        f"{count:,} {word} fields"
        for count, word in ((num_train, "training"), (num_test, "test"))
        if count is not None
    ]
    return "; ".join(counts) + "." if counts else ""


def left_out(item: LeftOut | str) -> str:
    """Returns one line with a class that was left out and the reason."""
    if isinstance(item, str):
        return f"Left out: {plain(item, 200)}"
    count = "" if item.num_fields is None else f", {item.num_fields} fields"
    reason = f": {plain(item.reason, 200)}" if item.reason else ""
    return f"Left out: {plain(item.class_name, 60)}{count}{reason}"


def _map(run: Run) -> Section | None:
    sources = []
    for part in run.fewshots:
        if part.predictions is not None:
            sources.append((part.name, part.predictions, mark_of(part, run)))
    if not sources:
        return None
    section = Section("map", "Where fields are right and wrong")
    for name, predictions, mark in sources:
        rows, which = _one_draw(predictions)
        maps = {}
        for title, own in by_method_and_head(rows).items():
            fields = result_figures.fields_right_and_wrong(own)
            if fields is not None:
                maps[title] = fields
        if not maps:
            section.notes.append(f"{plain(name)}: {NO_COORDINATES}")
            continue
        shown = dict(list(maps.items())[: result_figures.MOST_MAPS])
        if len(maps) > len(shown):
            section.notes.append(f"{len(maps) - len(shown)} further combinations are not drawn.")
        section.drawings.append(
            Drawing(
                result_figures.error_maps(shown, mark=mark),
                f"{plain(name)}{which}: test fields on longitude and latitude in degrees. A field"
                " is right where more than half of its series are; the title says the share of"
                " fields that are right.",
            )
        )
    return section


def _one_draw(predictions: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Selects the rows of the first seed, the first draw and the largest k."""
    which = ""
    for name, pick in (("seed", min), ("k", max), ("draw", min)):
        if name in predictions and not predictions.empty:
            value = pick(predictions[name].tolist())
            predictions = predictions[predictions[name] == value]
            which += f", {name} {plain(value, 12)}"
    return predictions, which


def _settings(run: Run) -> Section | None:
    section = Section("settings", "Settings and environment")
    sources: list[tuple[str, JsonObject | None]] = []
    if run.pretraining is not None:
        sources += [
            ("Settings of the run (config.yaml).", run.pretraining.config),
            ("Environment in which it ran (environment.json).", run.pretraining.environment),
            ("Header of the weights (weights.safetensors).", run.pretraining.weights),
        ]
    for part in run.fewshots:
        caption = f"Settings of the few-label comparison {plain(part.name)} (fewshot.json)."
        sources.append((caption, part.results.settings))
    section.tables = [tables.settings_table(text, values) for text, values in sources if values]
    return section if section.tables else None
