"""Representations in 16 bit: what goes in comes out, and nothing half-written is taken."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from series_factory import make_series
from windrow.errors import DataError, OutputError
from windrow.experiments.study import representation_store
from windrow.experiments.study.representation_store import (
    bytes_of,
    is_written,
    open_representation,
    remove_representation,
    write_representation,
)


@dataclass
class Doubled:
    """Represents a date by its reflectance, doubled."""

    factor: float = 2e-4
    content_hash: str = "abc"
    width: int = 12

    def sequence(self, series):
        return np.where(series.valid[..., None], series.reflectance * self.factor, 0).astype(
            np.float32
        )


def test_what_goes_in_comes_out_in_16_bit(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(representation_store, "SERIES_A_CALL", 5)
    series = make_series(12)
    told = []
    write_representation(
        tmp_path / "z",
        series,
        Doubled(),
        about={"notes": []},
        on_progress=lambda *a: told.append(a),
    )
    stored = open_representation(tmp_path / "z")
    expected = Doubled().sequence(series)
    assert stored.values.dtype == np.float16
    # float16 keeps eleven bits.
    np.testing.assert_allclose(stored.values, expected, rtol=2**-11, atol=1e-7)
    assert stored.about["content_hash"] == "abc"
    assert told == [(5, 12), (10, 12), (12, 12)]
    size = (tmp_path / "z" / "z.npy").stat().st_size
    assert size == bytes_of(12, series.num_dates, 12) + 128  # the header of the file
    with pytest.raises(ValueError, match="read-only"):
        stored.values[0] = 0


def test_the_bytes_are_those_of_an_array_that_numpy_saves(tmp_path: Path) -> None:
    series = make_series(7)
    write_representation(tmp_path / "z", series, Doubled(), about={})
    np.save(tmp_path / "whole.npy", Doubled().sequence(series).astype(np.float16))
    assert (tmp_path / "z" / "z.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@dataclass
class Looking(Doubled):
    """Looks at the size of the file that is being written."""

    folder: Path = Path()
    sizes: list = field(default_factory=list)

    def sequence(self, series):
        self.sizes.append(next(self.folder.glob(".z.*.partial/z.npy")).stat().st_size)
        return super().sequence(series)


def test_the_file_has_no_holes_that_the_disk_may_lack_room_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(representation_store, "SERIES_A_CALL", 5)
    looking = Looking(folder=tmp_path)
    series = make_series(12)
    write_representation(tmp_path / "z", series, looking, about={})
    parts = [bytes_of(n, series.num_dates, 12) for n in (0, 5, 10)]
    assert all(size <= 128 + part for size, part in zip(looking.sizes, parts, strict=True))


def test_a_full_disk_is_an_error_and_no_end_of_the_process(tmp_path: Path, monkeypatch) -> None:
    real = representation_store.atomic_folder

    @contextmanager
    def on_a_full_disk(folder):
        with real(folder) as temporary:
            (temporary / "z.npy").symlink_to("/dev/full")
            yield temporary

    monkeypatch.setattr(representation_store, "atomic_folder", on_a_full_disk)
    with pytest.raises(OutputError, match=r"cannot be written; in .*z; found the disk is full"):
        write_representation(tmp_path / "z", make_series(12), Doubled(), about={})
    assert list(tmp_path.iterdir()) == []


def test_a_value_too_large_for_16_bit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not fit into 16 bit"):
        write_representation(tmp_path / "z", make_series(3), Doubled(factor=1e3), about={})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_representation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no representation here"):
        open_representation(tmp_path / "z")
    write_representation(tmp_path / "z", make_series(3), Doubled(), about={})
    assert is_written(tmp_path / "z")
    np.save(tmp_path / "z" / "z.npy", np.zeros((2, 2), dtype=np.float16))
    with pytest.raises(DataError, match="not what stands beside it"):
        open_representation(tmp_path / "z")


def test_a_removed_representation_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    write_representation(tmp_path / "z", make_series(3), Doubled(), about={})
    remove_representation(tmp_path / "z")
    remove_representation(tmp_path / "z")
    assert not (tmp_path / "z").exists()
