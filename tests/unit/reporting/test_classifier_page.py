"""The page of a classifier shows the figures of its header, and says what it does not know."""

import json
import re

import numpy as np
import pytest

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.classifier_header import HEAD, Origin, is_classifier, read_header
from windrow.classifiers.expectation import ClassScore, Expectation, Score
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.saved_classifier import write_classifier
from windrow.errors import DataError, SettingsError
from windrow.experiments.recipes.classifier import mix
from windrow.reporting.classifier_page import write_classifier_report
from windrow.reporting.tables import DASH

PLACE = make_place(40)
ORIGIN = Origin(read=("fields.csv", "3 dates left out"), simulated=False, smoke_test=False)


def expected(**changes):
    values = {
        "num_fields": 20,
        "num_folds": 5,
        "grouped_by": "farm",
        "windrow": Score(overall_accuracy=0.8125, macro_f1=0.7),
        "classes": {
            name: ClassScore(num_fields=4 if name != "hemp" else 1, f1=0.5) for name in CROPS
        },
        "baselines": {"extra trees on bands": Score(overall_accuracy=0.75, macro_f1=0.71)},
        "calibration_error": 0.0625,
        "coverage": 0.9,
        "threshold": 0.875,
    }
    return Expectation.from_dict(
        {**{k: _plain(v) for k, v in values.items()}, **changes}, where="test"
    )


def _plain(value):
    if isinstance(value, dict):
        return {name: each.to_dict() for name, each in value.items()}
    return value.to_dict() if isinstance(value, Score) else value


def written(folder, **parts):
    names = np.array(CROPS)[PLACE.crop].tolist()
    labels = [name if i < 20 else None for i, name in enumerate(names)]
    settings = mix().model_copy(update={"num_trees": 5})
    crops = {"hemp": ["hemp"], "rape": ["rape", "maize"]}
    classifier = MixedClassifier(make_encoder(), settings).fit(
        series_of(PLACE), labels, crops=crops
    )
    write_classifier(folder, classifier, **parts)
    return classifier


def rows(page):
    """The cells of each row of all tables, as text."""
    return [
        tuple(re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row))
        for row in re.findall(r"<tr.*?</tr>", page, flags=re.DOTALL)
    ]


def test_the_page_shows_the_figures_of_the_header(tmp_path):
    folder = tmp_path / "classifier"
    classifier = written(folder, expectation=expected(), origin=ORIGIN)
    assert is_classifier(folder)
    path = write_classifier_report(folder)
    page = path.read_text()
    assert path == folder / "report.html"
    found = rows(page)
    assert ("windrow", "81.2", "70.0") in found
    assert ("extra trees on bands", "75.0", "71.0") in found
    assert ("hemp", "1", DASH) in found  # of one field, F1 is not known
    assert ("maize", "4", "50.0") in found
    assert ("Expected calibration error (%)", "6.2") in found
    assert ("rape", "rape, maize") in found
    assert ("wheat", "none: from its labels alone") in found
    assert "a probability of at least 0.125" in page
    assert "No group of the column farm" in page
    assert "3 dates left out" in page
    assert "SIMULATED" not in page
    assert "SMOKE TEST" not in page
    shares = read_header(folder).class_shares
    assert shares == classifier.class_shares
    for name, value in shares.items():
        labelled = 100 * (1 if name == "hemp" else 4) / 17
        assert (name, f"{labelled:.1f}", f"{100 * value:.1f}") in found


def test_marks_and_warnings(tmp_path):
    origin = Origin(read=("fields",), simulated=True, smoke_test=True)
    poor = expected(
        threshold=1.0,
        lost_to_land_covers=0.05,
        windrow={"overall_accuracy": 0.5, "macro_f1": 0.5},
    )
    written(tmp_path / "classifier", expectation=poor, origin=origin)
    page = write_classifier_report(tmp_path / "classifier").read_text()
    assert "No satellite ever saw the fields that it was fitted on." in page
    assert "SMOKE TEST" in page
    assert "extra trees on bands did better here" in page
    assert "Prediction sets hold all classes" in page
    assert "5.0 % of the labelled fields become a land cover" in page


def test_what_an_older_classifier_lacks_is_said(tmp_path):
    folder = tmp_path / "classifier"
    written(folder)
    head = json.loads((folder / HEAD).read_text())
    del head["class_shares"], head["origin"], head["expectation"]
    (folder / HEAD).write_text(json.dumps(head))
    page = write_classifier_report(folder).read_text()
    assert "cross-validation: what to expect is not known" in page
    assert "what was read: the classifier was written without it" in page
    assert "holds no class shares" in page
    assert "Nothing in this folder says whether its data are real or simulated." in page


def test_names_of_classes_are_text(tmp_path):
    folder = tmp_path / "classifier"
    written(folder, expectation=expected(grouped_by="<script>alert(1)</script>"), origin=ORIGIN)
    page = write_classifier_report(folder).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_what_is_no_classifier_is_refused(tmp_path):
    assert not is_classifier(tmp_path)
    with pytest.raises(DataError, match="no classifier can be read here"):
        write_classifier_report(tmp_path)
    folder = tmp_path / "classifier"
    written(folder)
    head = json.loads((folder / HEAD).read_text())
    (folder / HEAD).write_text(json.dumps({**head, "class_shares": "many"}))
    with pytest.raises(SettingsError, match="class_shares"):
        write_classifier_report(folder)
    assert not (folder / "report.html").exists()
