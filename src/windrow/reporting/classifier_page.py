"""The report of a classifier: what to expect of it, and what it was fitted on.

It reads the header of the folder and neither the network nor the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from windrow.classifiers.classifier_header import ClassifierHeader, read_header
from windrow.classifiers.expectation import Expectation
from windrow.files import write_text
from windrow.reporting.page import REPORT_NAME, KeyFigure, Section, render_page
from windrow.reporting.tables import DASH, Cell, Table, number, share
from windrow.reporting.theme import plain

SUBTITLE = "A crop classifier: what to expect of it, and what it was fitted on."


def write_classifier_report(path: str | Path) -> Path:
    """Writes ``report.html`` into the folder of a classifier and returns its path.

    Args:
        path: folder that ``windrow train`` wrote.

    Raises:
        DataError: the folder is not a classifier.
        SettingsError: its header is damaged.
        OutputError: the page cannot be written.
    """
    folder = Path(path)
    page = folder / REPORT_NAME
    write_text(page, render_classifier(plain(folder.resolve().name, 80), read_header(folder)))
    return page


def render_classifier(name: str, header: ClassifierHeader) -> str:
    """Renders the page as HTML text.

    Args:
        name: title of the page.
        header: the header of the classifier.
    """
    origin, expected = header.origin, header.expectation
    simulated = ["the fields that it was fitted on"] if origin and origin.simulated else []
    missing = []
    sections = []
    if expected is None:
        missing.append("cross-validation: what to expect is not known")
    else:
        sections = [_accuracy(expected), _classes(expected), _probabilities(expected)]
    sections.append(_class_shares(header))
    sections.append(_crops(header))
    if origin is None:
        missing.append("what was read: the classifier was written without it")
    sections.append(_place(header))
    return render_page(
        name=name,
        subtitle=SUBTITLE,
        simulated=simulated,
        smoke_tested=["the network of the classifier"] if origin and origin.smoke_test else [],
        origin_known=origin is not None,
        key_figures=[] if expected is None else _key_figures(expected),
        sections=sections,
        missing=missing,
    )


def _best_plain(expected: Expectation) -> str | None:
    """Returns the plain method with the best accuracy; it is picked after the comparison."""
    return max(
        expected.baselines,
        key=lambda name: expected.baselines[name].overall_accuracy,
        default=None,
    )


def _key_figures(expected: Expectation) -> list[KeyFigure]:
    best = _best_plain(expected)
    beside = "" if best is None else f"{best}: {share(expected.baselines[best].overall_accuracy)} %"
    f1 = "" if best is None else f"{best}: {share(expected.baselines[best].macro_f1)} %"
    return [
        KeyFigure("Expected accuracy", f"{share(expected.windrow.overall_accuracy)} %", beside),
        KeyFigure("Macro F1", f"{share(expected.windrow.macro_f1)} %", f1),
        KeyFigure(
            "Labelled fields",
            f"{expected.num_fields}",
            f"of {len(expected.classes)} classes, {expected.num_folds} folds",
        ),
    ]


def _accuracy(expected: Expectation) -> Section:
    methods = {"windrow": expected.windrow, **expected.baselines}
    top = max(each.overall_accuracy for each in methods.values())
    top_f1 = max(each.macro_f1 for each in methods.values())
    rows = tuple(
        (
            Cell(name),
            Cell(share(each.overall_accuracy), strong=each.overall_accuracy == top, number=True),
            Cell(share(each.macro_f1), strong=each.macro_f1 == top_f1, number=True),
        )
        for name, each in methods.items()
    )
    groups = (
        "No field is both learned from and tested on."
        if expected.grouped_by == "field_id"
        else f"No group of the column {plain(expected.grouped_by, 60)} is both learned from and"
        " tested on."
    )
    notes = [
        "The labelled fields are expected to be like all others. Where they lie close together or"
        " were chosen because they are easy to see, the map is worse than this table."
    ]
    best = _best_plain(expected)
    if best is not None and (
        expected.baselines[best].overall_accuracy > expected.windrow.overall_accuracy
    ):
        notes.insert(0, f"{best} did better here: the classifier is no gain for these fields.")
    return Section(
        "accuracy",
        "Beside plain methods",
        intro=f"Cross-validation with {expected.num_folds} folds over {expected.num_fields}"
        f" labelled fields. {groups} All methods have the same folds.",
        tables=[
            Table(
                caption="Per cent. Macro F1 is the mean over the classes. The best is bold.",
                header=(
                    Cell("Method"),
                    Cell("Overall accuracy", number=True),
                    Cell("Macro F1", number=True),
                ),
                rows=rows,
            )
        ],
        notes=notes,
    )


def _classes(expected: Expectation) -> Section:
    rows = tuple(
        (
            Cell(plain(name, 60)),
            Cell(f"{each.num_fields}", number=True),
            Cell(DASH if each.num_fields < 2 else share(each.f1), number=True),
        )
        for name, each in expected.classes.items()
    )
    notes = []
    if any(each.num_fields < 2 for each in expected.classes.values()):
        notes.append("The F1 of a class with one labelled field is not known.")
    if expected.lost_to_land_covers:
        notes.append(
            f"{share(expected.lost_to_land_covers)} % of the labelled fields become a land cover"
            " that no label names."
        )
    return Section(
        "classes",
        "Each class",
        tables=[
            Table(
                caption="F1 by cross-validation, per cent.",
                header=(
                    Cell("Class"),
                    Cell("Labelled fields", number=True),
                    Cell("F1", number=True),
                ),
                rows=rows,
            )
        ],
        notes=notes,
    )


def _probabilities(expected: Expectation) -> Section:
    sets = (
        "Prediction sets hold all classes: there are too few labelled fields, or the classifier is"
        " too unsure."
        if expected.threshold == 1
        else f"A prediction set holds every class with a probability of at least"
        f" {number(1 - expected.threshold, 3)}, and the most likely class. The true class is meant"
        f" to be among them for {share(expected.coverage)} % of the fields."
    )
    return Section(
        "probabilities",
        "Probabilities",
        intro="The calibration error is the mean difference between the stated probability of the"
        " predicted class and the share of fields where that class is right (Guo et al. 2017).",
        tables=[
            Table(
                caption="By cross-validation.",
                header=(Cell("Figure"), Cell("Value", number=True)),
                rows=(
                    (
                        Cell("Expected calibration error (%)"),
                        Cell(share(expected.calibration_error), number=True),
                    ),
                    (
                        Cell("Coverage that prediction sets are made for (%)"),
                        Cell(share(expected.coverage), number=True),
                    ),
                ),
            )
        ],
        notes=[sets],
    )


def _class_shares(header: ClassifierHeader) -> Section:
    if not header.class_shares:
        return Section("shares", "Class shares", notes=["The classifier holds no class shares."])
    labelled = _labelled_shares(header.expectation)
    rows = tuple(
        (
            Cell(plain(name, 60)),
            Cell(share(labelled.get(name)), number=True),
            Cell(share(value), number=True),
        )
        for name, value in sorted(header.class_shares.items(), key=lambda item: -item[1])
    )
    return Section(
        "shares",
        "Class shares",
        intro="The shares of the classes in the place are estimated from its unlabelled fields"
        " (Saerens et al. 2002). Probabilities are set to them. 'windrow classify' estimates them"
        " anew with the fields that it classifies.",
        tables=[
            Table(
                caption="Per cent of the fields.",
                header=(
                    Cell("Class"),
                    Cell("Among the labelled fields", number=True),
                    Cell("Estimated for the place", number=True),
                ),
                rows=rows,
            )
        ],
    )


def _labelled_shares(expected: Expectation | None) -> Mapping[str, float]:
    if expected is None:
        return {}
    total = sum(each.num_fields for each in expected.classes.values())
    return {name: each.num_fields / total for name, each in expected.classes.items()}


def _crops(header: ClassifierHeader) -> Section:
    covers = () if header.land_covers is None else header.land_covers.names
    rows = tuple(
        (
            Cell(plain(name, 60)),
            Cell(
                "learned from simulated fields of the place"
                if name in covers
                else plain(", ".join(header.crops[name]), 200)
                if header.crops.get(name)
                else "none: from its labels alone"
            ),
        )
        for name in header.classes
    )
    return Section(
        "crops",
        "What was known of each class before its labels",
        intro="The network learned these crops on simulated places. What it knows of them counts"
        " less with each label, and less where labels contradict it.",
        tables=[Table("", (Cell("Class"), Cell("Crops of the prior")), rows)],
    )


def _place(header: ClassifierHeader) -> Section:
    latitude = DASH if header.latitude is None else number(header.latitude, 2)
    rows = (
        (Cell("Bands"), Cell(" ".join(header.bands))),
        (Cell("Processing level"), Cell(header.processing_level)),
        (Cell("First day of the twelve months"), Cell(header.season_start)),
        (Cell("Latitude (degrees)"), Cell(latitude)),
        (Cell("Labelled fields per class (median)"), Cell(number(header.num_labelled, 1))),
        (Cell("Hash of the weights"), Cell(header.weights_hash[:12])),
        (Cell("Seed"), Cell(f"{header.seed}")),
    )
    read = header.origin.read if header.origin is not None else ()
    return Section(
        "read",
        "What was read",
        tables=[Table("The place and the network.", (Cell("What"), Cell("Value")), rows)],
        notes=[plain(line, 300) for line in read],
    )
