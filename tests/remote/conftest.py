"""One server for all tests of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.remote.served import served


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    with served(tmp_path_factory.mktemp("served")) as (address, _):
        yield address
