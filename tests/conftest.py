"""Fixtures that several rooms use."""

import pytest

import series_factory


@pytest.fixture(scope="session")
def make_series():
    """Makes small synthetic series; see tests/series_factory.py."""
    return series_factory.make_series
