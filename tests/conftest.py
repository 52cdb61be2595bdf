"""Fixtures that several rooms use."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "series_factory", Path(__file__).with_name("series_factory.py")
)
_FACTORY = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_FACTORY)


@pytest.fixture(scope="session")
def make_series():
    """Makes small synthetic series; see tests/series_factory.py."""
    return _FACTORY.make_series
