"""Columns of any dialect, permuted, respelled, dropped and doubled: right bands or a question."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import BandError
from windrow.sources.bands.dialects import DIALECTS, LANDSAT, POSITIONS, Dialect
from windrow.sources.bands.recognition import recognise_bands

OTHERS = ("NDVI", "Flag", "cloud_fraction", "SCL", "crop", "QA60", "x", "weight")


@st.composite
def columns(draw: st.DrawFn, one: Dialect) -> dict[str, str]:
    """Some names of a dialect in some spelling, with one affix, and the bands that they mean."""
    names = draw(st.lists(st.sampled_from(sorted(one.names)), min_size=1, unique=True))
    affix = draw(st.sampled_from(("{}", "{}_mean", "mean_{}", "{}_median", "S2_{}", "{}_10m")))
    spell = draw(st.sampled_from((str, str.upper, str.lower)))
    result = {}
    for name in names:
        spelling = draw(st.sampled_from((name, *one.also.get(name, ()))))
        result[spell(affix.format(spelling))] = one.names[name]
    return result


def _right_or_asked(truth: dict[str, str], names: list[str]) -> bool:
    """Whether the names were recognised; wrong bands fail."""
    try:
        found = recognise_bands(names, where="table")
    except BandError:
        return False
    assert dict(found.bands) == {name: truth[name] for name in names if name in truth}
    assert set(found.left_out) == set(names) - set(found.bands)
    return True


@settings(deadline=None)
@given(st.data())
def test_never_wrong_bands(data: st.DataObject) -> None:
    truth = data.draw(columns(data.draw(st.sampled_from(DIALECTS))))
    others = data.draw(st.lists(st.sampled_from(OTHERS), unique=True))
    names = data.draw(st.permutations([*truth, *others]))
    _right_or_asked(truth, list(names))


@settings(deadline=None)
@given(st.data())
def test_a_doubled_band_is_asked_about(data: st.DataObject) -> None:
    truth = data.draw(columns(data.draw(st.sampled_from(DIALECTS))))
    double = data.draw(st.sampled_from(sorted(truth)))
    truth[f"{double}_2017"] = truth[double]
    assert not _right_or_asked(truth, list(data.draw(st.permutations(list(truth)))))


@settings(deadline=None)
@given(st.data())
def test_two_dialects_are_right_or_asked_about(data: st.DataObject) -> None:
    first, second = data.draw(st.permutations(DIALECTS))[:2]
    truth = {**data.draw(columns(first))}
    for name, band in data.draw(columns(second)).items():
        truth.setdefault(name, band)
    names = list(data.draw(st.permutations(list(truth))))
    try:
        found = recognise_bands(names, where="table")
    except BandError:
        return
    # One dialect explains all: it is one of the two, or means the same.
    assert len(set(found.bands.values())) == len(found.bands) == len(names)


@settings(deadline=None)
@given(st.sampled_from(sorted(POSITIONS)), st.sampled_from((0, 1)), st.data())
def test_positions_are_always_asked_about(count: int, first: int, data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(("B{}", "b{:02d}", "band_{}", "avg(band_{})", "mean_B{}")))
    names = [pattern.format(number) for number in range(first, first + count)]
    assert not _right_or_asked({}, list(data.draw(st.permutations(names))))


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(LANDSAT.names)), min_size=1, unique=True))
def test_landsat_is_always_told(names: list[str]) -> None:
    assert not _right_or_asked({}, names)
