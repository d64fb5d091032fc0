"""What tests of the service share."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """MCP's client runs on asyncio here."""
    return "asyncio"
