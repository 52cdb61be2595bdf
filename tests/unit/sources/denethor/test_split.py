import json

import numpy as np
import pytest

from denethor_files import CLASSES, SIDE, Tile, write_radiant
from study_factory import PAPER_SOURCES
from way import windrow
from windrow.data.legend import DENETHOR
from windrow.data.splits import PartSettings, SplitSettings
from windrow.data.store.store import Store
from windrow.errors import DataError, SettingsError
from windrow.experiments.study.data_origin import source_of_store
from windrow.pipelines.ingest import ingest
from windrow.reporting.split_map import split_map
from windrow.sources.denethor.protocols import split
from windrow.sources.reader import IngestOptions, ResolvedOptions
from windrow.sources.registry import recognise

pytest.importorskip("rasterio", reason="rasterio is not installed")


def many_fields(name="train"):
    """Each pixel is a field, so that every class has 36 of them."""
    tile = Tile(name)
    tile.parcels = [
        tile.parcel(r, c, rows=1, columns=1, crop=CLASSES[2 * (r // 6) + c // 6])
        for r in range(SIDE)
        for c in range(SIDE)
    ]
    for parcel in tile.parcels:
        parcel["area"] = 2_000.0
    return tile


def test_the_numbers_of_the_paper():
    one, two = split("task1"), split("task2")
    assert [(p.name, p.fraction) for p in one.parts] == [
        ("pretraining", 0.70),
        ("train", 0.21),
        ("validation", 0.09),
    ]
    assert [(p.num_series, p.num_per_class) for p in one.parts] == [
        (150_000, None),
        (None, 5_000),
        (None, 1_000),
    ]
    assert [(p.fraction, p.num_per_class) for p in two.parts] == [(0.7, 5_000), (0.3, 1_000)]
    assert (one.tile, two.tile) == ("train", "test")
    assert split("official") is None


def test_parts_share_no_field_and_repeat_pixels_where_classes_are_small(tmp_path):
    write_radiant(tmp_path / "in", many_fields())
    stores, reports = {}, {}
    for part in ("pretraining", "train", "validation"):
        options = IngestOptions(protocol="task1", part=part, seed=2)
        found = ingest(tmp_path / "in", out=tmp_path / part, options=options)
        stores[part] = Store(tmp_path / part).series(planetscope=False)
        reports[part] = found.lines
        said = source_of_store(Store(tmp_path / part)).to_dict()
        assert said.items() >= PAPER_SOURCES["task1"][part].items()
    fields = {part: set(series.field_id.tolist()) for part, series in stores.items()}
    assert not fields["pretraining"] & fields["train"]
    assert not fields["pretraining"] & fields["validation"]
    assert not fields["train"] & fields["validation"]
    # 36 fields a class: 25.2, 7.56 and 3.24 by the largest remainder
    assert len(stores["pretraining"]) == 4 * 25
    assert "fewer pixels: 100 instead of the 150,000 wanted" in reports["pretraining"]
    for part, per_class, num_fields in (("train", 5_000, 8), ("validation", 1_000, 3)):
        series = stores[part]
        label, counts = np.unique(series.label, return_counts=True)
        assert [DENETHOR.codes[each] for each in label] == [str(code) for code in CLASSES]
        assert (counts == per_class).all()
        assert len(fields[part]) == 4 * num_fields
        assert len(np.unique(series.id)) == len(series)
        repeats = series.id // 10**9
        assert 0 < repeats.max() < per_class / 2
        line = next(text for text in reports[part] if text.startswith("drawn with replacement"))
        assert f"Wheat ({num_fields} pixels), Oats ({num_fields} pixels)" in line
        # repeated series are equal but for their id
        pixel = series.id % 10**9
        same = np.flatnonzero(pixel == pixel[0])
        assert (series.reflectance[same] == series.reflectance[same[0]]).all()
    assert (
        "fields a part: Wheat 25/8/3; Oats 25/8/3; Corn 25/8/3; Meadows 25/8/3"
        in (reports["train"])
    )
    table = Store(tmp_path / "train").table("fields")
    for part, ids in fields.items():
        assert ids <= set(table["field_id"][table["part"] == part].tolist())
    assert len(table["crop"]) == 144
    assert table["num_pixels"].tolist() == [1] * 144
    first = int(np.flatnonzero(table["field_id"] == 1)[0])
    ring = json.loads(table["outline"][first])[0]
    assert sorted(map(tuple, ring[:4])) == [(0, 0), (0, 10), (10, 0), (10, 10)]


def test_enough_pixels_are_drawn_without_replacement(tmp_path):
    write_radiant(tmp_path / "in", many_fields())
    parts = (
        PartSettings(name="train", fraction=0.5, num_series=None, num_per_class=10),
        PartSettings(name="test", fraction=0.5, num_series=11, num_per_class=None),
    )
    options = ResolvedOptions(
        protocol="mine", split=SplitSettings(tile="train", parts=parts), part="train"
    )
    reading = recognise(tmp_path / "in").read(tmp_path / "in", options)
    series = next(iter(reading.parts))
    assert np.bincount(series.label)[series.label[0]] == 10
    assert (series.id < 10**9).all()
    assert "drawn_with_replacement" not in reading.summary.facts
    reading = recognise(tmp_path / "in").read(
        tmp_path / "in", options.model_copy(update={"part": "test"})
    )
    assert len(next(reading.parts)) == 11


def test_task2_takes_the_test_tile_of_two(tmp_path):
    write_radiant(tmp_path / "in", many_fields())
    write_radiant(tmp_path / "in", many_fields("test"))
    options = IngestOptions(protocol="task2", part="validation", planetscope="none")
    with pytest.raises(DataError, match="nothing says where the tile lies"):
        ingest(tmp_path / "in", out=tmp_path / "store", options=options)
    options = IngestOptions(protocol="task2", part="validation")
    ingest(tmp_path / "in", out=tmp_path / "store", options=options)
    series = Store(tmp_path / "store").series()
    assert set(series.year.tolist()) == {2019}
    assert len(np.unique(series.field_id)) == 4 * 11
    with pytest.raises(SettingsError, match="--num-series does not concern part 'validation'"):
        ingest(tmp_path / "in", out=None, options=options.model_copy(update={"num_series": 3}))


def test_the_map_shows_every_field_once(tmp_path, capsys):
    write_radiant(tmp_path / "in", many_fields())
    words = ("ingest", tmp_path / "in", "--out", tmp_path / "store", "--protocol", "task1")
    picture = tmp_path / "split.svg"
    assert windrow(*words, "--part", "pretraining", "--split-map", picture) == 0
    assert str(picture) in capsys.readouterr().out
    assert "validation: 12 fields" in picture.read_text().replace("<!-- ", "")
    figure = split_map(Store(tmp_path / "store").table("fields"))
    drawn = {c.get_label(): len(c.get_paths()) for c in figure.axes[0].collections}
    assert drawn == {
        "pretraining: 100 fields": 100,
        "train: 32 fields": 32,
        "validation: 12 fields": 12,
    }
    assert windrow("ingest", tmp_path / "in", "--dry-run", "--split-map", picture) == 2
    assert "a map of the split needs a store" in capsys.readouterr().err
    with pytest.raises(DataError, match="lacks a column; expected crop"):
        split_map({"part": np.array(["a"])})
