"""A map to look at, made once."""

import pytest

from viewed_map import everything, make_viewed_map
from windrow.pipelines.viewer.open_content import open_content


@pytest.fixture(scope="package")
def viewed(tmp_path_factory):
    """The folder of a small map, its cube, its classifier and parcels."""
    return make_viewed_map(tmp_path_factory.mktemp("viewed"))


@pytest.fixture(scope="package")
def content(viewed):
    """All of it opened."""
    return open_content(everything(viewed))
