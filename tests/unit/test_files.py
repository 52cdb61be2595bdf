"""Atomic files: whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from windrow.errors import OutputError
from windrow.files import (
    atomic_file,
    atomic_folder,
    refuse_existing,
    remove_partials,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_whole_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    write_text(target, "one")
    with atomic_file(target) as temporary:
        temporary.write_text("two")
        assert target.read_text() == "one"
    assert target.read_text() == "two"
    assert names(target.parent) == ["a.txt"]


def write_half_and_fail(path: Path) -> None:
    path.write_text("half")
    raise KeyError


def test_failure_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(KeyError), atomic_file(target) as temporary:
        write_half_and_fail(temporary)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_failure_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), atomic_folder(tmp_path / "store") as temporary:
        write_half_and_fail(temporary / "part")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only")],
)
def test_full_disk(tmp_path: Path, number: int, reason: str) -> None:
    for writing in (atomic_file, atomic_folder):
        with (
            pytest.raises(OutputError, match=rf"cannot be written; in .*out; found .*{reason}"),
            writing(tmp_path / "out"),
        ):
            raise OSError(number, os.strerror(number))
    assert names(tmp_path) == []


def test_what_the_operating_system_says_of_an_input_is_not_blamed_on_the_output(
    tmp_path: Path,
) -> None:
    source = tmp_path / "elsewhere" / "source.csv"
    with pytest.raises(PermissionError), atomic_file(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "Permission denied", str(source))
    with pytest.raises(NotADirectoryError), atomic_folder(tmp_path / "out"):
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(source))
    with pytest.raises(OutputError), atomic_folder(tmp_path / "out") as temporary:
        raise PermissionError(errno.EACCES, "Permission denied", str(temporary / "zarr.json"))
    assert names(tmp_path) == []


def test_other_faults_keep_their_traceback(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), atomic_file(tmp_path / "out"):
        raise OSError(errno.EIO, "Input/output error")


def test_a_part_of_the_path_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"found a part of the path is a file|exists"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(OutputError), atomic_folder(tmp_path / "file" / "store"):
        pass
    assert names(tmp_path) == ["file"]


def test_a_folder_stands_where_the_file_should(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"output is a folder; in .*; expected a file name"):
        write_text(tmp_path, "x")


def test_nothing_is_overwritten_by_surprise(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with atomic_folder(folder) as temporary:
        (temporary / "a").write_text("1")
    with pytest.raises(OutputError, match="output exists already"), atomic_folder(folder):
        pytest.fail("must be refused at the door")
    assert (folder / "a").read_text() == "1"
    refuse_existing(tmp_path / "not there")


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with atomic_folder(tmp_path / "store") as temporary:
        (temporary / "a").write_text("1")
    assert names(tmp_path / "store") == ["a"]


def test_the_place_taken_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with pytest.raises(OutputError, match="exists already"), atomic_folder(folder):
        write_text(folder / "b", "theirs")
    assert names(tmp_path) == ["store"]
    assert names(folder) == ["b"]


def test_a_kill_leaves_only_the_temporary_name(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from windrow.files import atomic_folder\n"
        "with atomic_folder(sys.argv[1]) as folder:\n"
        "    (folder / 'a').write_text('half')\n"
        "    os._exit(9)\n"
    )
    target = tmp_path / "store"
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == 9
    assert not target.exists()
    (left,) = names(tmp_path)
    assert left.startswith(".store.")
    assert left.endswith(".partial")


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": "ü", "a": 1})
    assert path.read_text(encoding="utf-8") == '{\n  "b": "ü",\n  "a": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert names(tmp_path) == ["a.json"]


def test_threads_that_write_on_after_a_failure_leave_nothing(tmp_path: Path, monkeypatch) -> None:
    wanted, written, stop = threading.Event(), threading.Event(), threading.Event()
    slept: list[float] = []

    def write_on(folder: Path) -> None:
        for number in range(20):
            wanted.wait(10)
            wanted.clear()
            with contextlib.suppress(OSError):  # removed between the two
                (folder / "deep").mkdir(parents=True, exist_ok=True)
                (folder / "deep" / str(number)).write_text("late")
            written.set()
        stop.set()

    def sleep(seconds: float) -> None:  # for as long as the thread takes to write once more
        slept.append(seconds)
        if not stop.is_set():
            written.clear()
            wanted.set()
            assert written.wait(10)

    monkeypatch.setattr("windrow.files.time.sleep", sleep)
    with pytest.raises(KeyError), atomic_folder(tmp_path / "store") as temporary:
        start_and_fail(threading.Thread(target=write_on, args=(temporary,)))
    assert stop.wait(10)
    assert len(slept) > 20
    assert names(tmp_path) == []


def start_and_fail(thread: threading.Thread) -> None:
    thread.start()
    raise KeyError


def test_what_kills_left_of_a_path_is_removed_and_nothing_else(tmp_path: Path) -> None:
    run = tmp_path / "task1.bert.0"
    kept = [
        ".task1.bert.0.d120.0a1b2c3d.partial",  # of another name
        ".task1.bert.0.partial",  # a download that goes on
        ".xtask1.bert.0.0a1b2c3d.partial",
        "task1.bert.0.0a1b2c3d.partial",
        "task1.bert.0",
    ]
    left = [".task1.bert.0.0a1b2c3d.partial", ".task1.bert.0.ffffffff.partial"]
    for name in (*kept, left[0]):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "a").write_text("1")
    (tmp_path / left[1]).write_text("half")
    (run / "deep" / ".checkpoint.pt.00000000.partial").write_text("half")
    (run / "deep" / ".b.00000000.partial").mkdir()
    (run / "deep" / ".b.00000000.partial" / ".c.00000000.partial").write_text("half")
    remove_partials(run, tmp_path / "not there" / "either")
    assert names(tmp_path) == sorted(kept)
    assert names(run / "deep") == ["a"]
    remove_partials(run / "deep" / "a")
    assert names(run / "deep") == ["a"]


def write_and_lose(temporary: Path, target: Path, *, again: bool) -> None:
    write_text(temporary / "first", "1")
    remove_partials(target)
    if again:  # as a library does that makes the folders of its files
        write_text(temporary / "second", "2")


@pytest.mark.parametrize("again", [False, True])
def test_what_is_removed_while_it_is_written_never_appears_in_part(
    tmp_path: Path, again: bool
) -> None:
    target = tmp_path / "store"
    told = r"another process removed what was being written; in .*store"
    with pytest.raises(OutputError, match=told), atomic_folder(target) as temporary:
        write_and_lose(temporary, target, again=again)
    assert names(tmp_path) == []


def test_a_file_that_is_removed_while_it_is_written_does_not_appear(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError), atomic_file(target) as temporary:
        write_and_lose(temporary.parent, target, again=False)
    assert names(tmp_path) == ["first"]


def make_anew(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()  # file systems give the number of the old one again, once it is free


def test_a_folder_made_anew_is_not_the_one_that_was_removed(tmp_path: Path) -> None:
    told = "another process removed what was being written"
    with (
        pytest.raises(OutputError, match=told),
        atomic_folder(tmp_path / "store") as temporary,
    ):
        make_anew(temporary)
    assert names(tmp_path) == []
