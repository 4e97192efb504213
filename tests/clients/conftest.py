"""A running service for clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import one_store
from tests.serving import ServiceProcess, service_process

__all__ = ["one_store"]


@pytest.fixture(scope="session")
def service(models: Path) -> Iterator[ServiceProcess]:
    """A service without keys, with a private store and a limit that tests can reach."""
    settings = {"DEFAULT_MODEL": "symmetric", "LIVE_MODEL": "causal", "THREADS": "1"}
    with service_process(models, MAX_FRAMES_PER_REQUEST="2000", **settings) as running:
        yield running
