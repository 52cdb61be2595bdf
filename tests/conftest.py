"""Fixtures that several rooms use."""

import pytest

import shape_checks

shape_checks.install()  # before anything of windrow is imported

import series_factory  # noqa: E402


@pytest.fixture(scope="session")
def make_series():
    """Makes small synthetic series; see tests/series_factory.py."""
    return series_factory.make_series
