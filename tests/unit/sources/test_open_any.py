"""The summary of what was opened."""

from windrow.sources.open_any import open_input


def test_no_series_at_all_have_a_summary(make_series):
    series = make_series(3).select(slice(0, 0))
    opened = open_input(series)
    assert len(opened.series) == 0
    assert opened.summary.lines()[:2] == ["series", "product: series, simulated"]
    assert not any(line.startswith("dates") for line in opened.summary.lines())
