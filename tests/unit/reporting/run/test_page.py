"""The page as a whole: what stands in it, what cannot get into it, and what is refused."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from windrow.errors import DataError, OutputError
from windrow.reporting.run.page import write_report

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>{{ 7*7 }}$\\frac{_"\'&'


class Page(HTMLParser):
    """Elements, their attributes, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes.extend(attrs)
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def report_of(run: Path) -> tuple[Page, str]:
    write_report(run)
    return kept_report(run)


def kept_report(run: Path) -> tuple[Page, str]:
    text = (run / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    return page, text


def test_demo_folder_shows_every_part(kept_demo_run: Path) -> None:
    page, _ = kept_report(kept_demo_run)
    for words in (
        "SIMULATED",
        "Pre-training",
        "Last recorded step: 399 of 400; median speed 640 series a second.",
        "Measured on 600 held-out series.",
        "Few labels: fewshot",
        "132 training fields; 131 test fields. The weights were trained on simulated series.",
        "Half B is not independent of half A",
        "Left out: Rye, 4 fields: fewer than 10 fields",
        "The intervals hold a share of 0.95 of 2000 resamples of the test fields.",
        "Where fields are right and wrong",
        "fewshot, seed 0: test fields on longitude and latitude",
        "encoder.num_layers",
        "best baseline 86.0 (bands, extra trees)",
        "weights (weights.safetensors)",
    ):
        assert words in page.text, words
    # loss, series, density, curves, paired (two metrics), map
    assert page.elements.count("svg") == 7


def test_page_loads_nothing_and_runs_nothing(kept_demo_run: Path) -> None:
    page, text = kept_report(kept_demo_run)
    assert {"script", "link", "iframe", "object", "base"}.isdisjoint(page.elements)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href"):
            assert value is not None
            assert value.startswith(("#", "data:image/png;base64,"))
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in text


def test_no_identifier_stands_for_two_things(kept_demo_run: Path) -> None:
    _, text = kept_report(kept_demo_run)
    for block in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        names = re.findall(r' id="([^"]+)"', block)
        assert len(names) == len(set(names))
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', block))
        assert used <= set(names)


def test_figures_follow_the_theme(kept_demo_run: Path) -> None:
    _, text = kept_report(kept_demo_run)
    drawings = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert "#0f00" not in drawings  # every stand-in became a variable
    assert "DejaVu" not in drawings
    used = set(re.findall(r"var\((--[a-z]+)\)", drawings))
    assert used <= set(re.findall(r"(--[a-z]+):", text))


def test_equal_content_is_equal_bytes(demo_run: Path, kept_demo_run: Path) -> None:
    assert write_report(demo_run).read_bytes() == (kept_demo_run / "report.html").read_bytes()
    assert not list(demo_run.glob(".*partial*"))


def test_figures_themselves_say_simulated(kept_demo_run: Path) -> None:
    _, text = kept_report(kept_demo_run)
    for block in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        assert "SIMULATED" in block


def test_real_data_are_not_called_simulated(pretraining_run: Path) -> None:
    path = pretraining_run / "evaluation.json"
    (pretraining_run / "predictions.parquet").unlink()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"simulated": False}))
    page, _ = report_of(pretraining_run)
    assert "SIMULATED" not in page.text
    assert "Nothing in this folder says" not in page.text


def test_unknown_origin_is_said(fewshot_run: Callable[[dict[str, Any]], Path]) -> None:
    page, _ = report_of(fewshot_run({}))
    assert "Nothing in this folder says whether its data are real or simulated." in page.text


def test_real_fields_with_weights_of_simulated_series(
    fewshot_run: Callable[[dict[str, Any]], Path],
) -> None:
    page, text = report_of(fewshot_run({"simulated_data": False, "simulated_weights": True}))
    assert "The weights were trained on simulated series. The fields are real." in page.text
    assert (
        "No satellite ever saw the series on which the weights used in labels were trained."
        in page.text
    )
    assert "WEIGHTS FROM SIMULATED SERIES" in text


def test_a_run_that_predicted_sentinel2_instead(tmp_path: Path) -> None:
    values = {
        "simulated": True,
        "planetscope": None,
        "sentinel2": [{"band": "B8A", "lag": 0, "r2": 0.5, "rmse": 0.1}],
        "month": None,
        "cloud": None,
    }
    (tmp_path / "evaluation.json").write_text(json.dumps(values))
    page, _ = report_of(tmp_path)
    assert "What the model predicts of Sentinel-2" in page.text
    assert "Sentinel-2 reflectance predicted at held-out series" in page.text
    assert "The season and cloud tasks were off." in page.text


@pytest.mark.parametrize("name", ["pretraining", "fewshot"])
def test_one_part_alone_names_what_is_missing(demo_run: Path, name: str) -> None:
    page, _ = report_of(demo_run / name)
    missing = page.text[page.text.index("These parts are not in the folder") :]
    assert ("fewshot.json" in missing) == (name != "fewshot")
    assert ("config.yaml, metrics.jsonl" in missing) == (name != "pretraining")


def test_a_run_that_just_started(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("recipe: tiny\n")
    (tmp_path / "metrics.jsonl").write_text("")
    page, _ = report_of(tmp_path)
    assert "The metrics hold no step yet." in page.text
    assert "held-out figures (evaluation.json)" in page.text


def test_hostile_text_stays_text(demo_run: Path) -> None:
    results = json.loads((demo_run / "fewshot" / "fewshot.json").read_text())
    for row in results["rows"]:
        row["method"] = HOSTILE if row["method"] == "bands" else row["method"]
        row["head"] = "_" + HOSTILE
    for item in results["paired"]:
        item["head"] = item["baseline_head"] = HOSTILE
    results["legend"][0] = results["notes"][0] = results["left_out"][0]["class"] = HOSTILE
    results["left_out"].append(HOSTILE)
    results["settings"] = {HOSTILE: HOSTILE}
    hostile = demo_run / f"fewshot{HOSTILE.replace('/', '')}"
    (demo_run / "fewshot").rename(hostile)
    (hostile / "fewshot.json").write_text(json.dumps(results))
    (demo_run / "pretraining" / "config.yaml").write_text(json.dumps({HOSTILE: [HOSTILE]}))
    for folder, columns in (
        ("pretraining", ("series_id", "band")),
        (hostile.name, ("true", "predicted", "head", "method")),
    ):
        path = demo_run / folder / "predictions.parquet"
        table = pd.read_parquet(path)
        table.assign(**dict.fromkeys(columns, HOSTILE)).to_parquet(path)
    page, text = report_of(demo_run)
    assert {"script", "img"}.isdisjoint(page.elements)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "49" not in re.findall(r"alert\(1\)&gt;(\S+)", text)
    assert '<script>alert("x")</script>' in page.text


def test_names_beyond_the_font_are_drawn_without_complaint(
    fewshot_run: Callable[[dict[str, Any]], Path],
) -> None:
    folder = fewshot_run({})
    text = (folder / "fewshot.json").read_text().replace("extra_trees", "小麦")
    (folder / "fewshot.json").write_text(text)
    page, _ = report_of(folder)
    assert "小麦" in page.text


def test_no_coordinates_is_said(demo_run: Path) -> None:
    path = demo_run / "fewshot" / "predictions.parquet"
    pd.read_parquet(path).drop(columns=["longitude", "latitude"]).to_parquet(path)
    page, _ = report_of(demo_run / "fewshot")
    assert "No map: the predictions carry no longitude and latitude" in page.text


@pytest.mark.parametrize("found", ["nothing", "a file", "none of its files"])
def test_not_a_run_directory(tmp_path: Path, found: str) -> None:
    path = tmp_path / "run"
    if found == "a file":
        path.write_text("")
    elif found != "nothing":
        path.mkdir()
    with pytest.raises(DataError, match=f"not a run directory; in .*run; found {found}"):
        write_report(path)
    assert not (path / "report.html").exists()


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("recipe: tiny\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match=r"report\.html; found the disk is full"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_report_needs_no_model(demo_run: Path) -> None:
    code = (
        "import sys, windrow.reporting.run.page as page, pathlib\n"
        "page.write_report(pathlib.Path(sys.argv[1]))\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'torch', 'zarr', 'sklearn'}, loaded\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(demo_run)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
