"""The real cube of Flanders keeps its values: no offset is seen in two mostly cloudy dates."""

from __future__ import annotations

from pathlib import Path

import pytest

from way import windrow

CUBE = Path(__file__).parents[3] / "shared" / "data" / "flanders2018" / "cube.nc"


@pytest.mark.skipif(not CUBE.exists(), reason="the real cube is not at hand")
def test_cloudy_dates_of_a_real_cube_hold_no_offset(capsys: pytest.CaptureFixture[str]) -> None:
    assert windrow("ingest", CUBE, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "baseline offset: none, as all dates are before baseline 04.00" in printed
    assert "58% of the dates of a sample are clear" in printed
