"""Errors say what, where, found, expected and what to do, in one line."""

from __future__ import annotations

import pickle

import pytest

from windrow import errors


def test_all_parts_in_order() -> None:
    error = errors.DataError("no dates", where="a.csv", found=0, expected="one", hint="add some")
    assert str(error) == "no dates; in a.csv; found 0; expected one; to mend it: add some"
    assert (error.what, error.where, error.found) == ("no dates", "a.csv", 0)
    assert (error.expected, error.hint) == ("one", "add some")


def test_only_what_is_known_is_said() -> None:
    assert str(errors.WindrowError("no dates")) == "no dates"


def test_always_one_line() -> None:
    assert str(errors.WindrowError("a\nb", found="c\n\td")) == "a b; found c d"


@pytest.mark.parametrize(
    "kind",
    [
        errors.SettingsError,
        errors.DataError,
        errors.BandError,
        errors.StoreError,
        errors.SplitError,
        errors.WeightsError,
        errors.OutputError,
    ],
)
def test_one_tree_that_travels_between_processes(kind: type[errors.WindrowError]) -> None:
    error = kind("what", where="where", hint="hint")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes, as multiprocessing does)
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert (copy.what, copy.where, copy.hint) == ("what", "where", "hint")


def test_data_errors_are_one_branch() -> None:
    assert {errors.BandError, errors.StoreError, errors.SplitError} <= set(
        errors.DataError.__subclasses__()
    )
