"""What exists once for several workers: their private store and the management port."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from prometheus_client import CollectorRegistry

from service.embedded import EmbeddedServer
from service.machine import authority
from service.management import WholeServer
from service.metrics import process_restarts
from service.settings import Settings
from service.siblings import Siblings

_log = logging.getLogger("poselift")


async def keep(
    settings: Settings,
    siblings: Siblings,
    management: socket.socket | None,
    announce: Callable[[str], None],
    restarts: int,
) -> None:
    """Run both until SIGTERM; ``announce`` is told once the store answers.

    ``restarts`` says how many keepers have ended in the place of this one, each with its store.

    Raises:
        StoreError: the store does not start.
    """
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    registry = CollectorRegistry()
    store_restarts = process_restarts(registry).labels("store")
    store_restarts.inc(restarts)
    store = EmbeddedServer(settings.embedded_store_bytes, place=siblings.store_folder)
    with _managed(settings, siblings, management, registry) if management else nullcontext():
        try:
            if settings.redis_url is None:
                await store.start(store_restarts.inc)
                _log.info("live sessions are kept by a private store, and end with this service")
            announce("")
            await told.wait()
        finally:
            await store.stop()


@contextmanager
def _managed(
    settings: Settings, siblings: Siblings, management: socket.socket, registry: CollectorRegistry
) -> Iterator[None]:
    address = authority(settings.management_host, management.getsockname()[1])
    with WholeServer(management, siblings, registry).running():
        _log.info("management on http://%s", address)
        yield
