"""Servers that keep sessions, and the service's live half around them."""

import pytest

from tests.live.stores import any_store, binaries, store_server


@pytest.fixture(params=list(binaries()))
def store(request, tmp_path):
    """Each of the machine's servers in turn."""
    with store_server(binaries()[request.param], tmp_path) as server:
        yield server


@pytest.fixture
def one_store(tmp_path):
    """One server, for tests in which it does not matter which."""
    with any_store(tmp_path) as server:
        yield server
