"""The HTTP server."""

import asyncio
import math
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import count
from typing import Any

import uvicorn

from service.addresses import is_among, network_of
from service.context import ServiceContext
from service.machine import Machine, StartError, authority
from service.rest.app import create_app
from service.rest.connections import (
    ConnectionLimits,
    Connections,
    HttpConnection,
    SocketConnection,
)

_LARGEST_STREAM_MESSAGE = 8 * 1024 * 1024


class HttpTransport:
    """HTTP and WebSocket on the port that the machine has bound."""

    def __init__(self, context: ServiceContext, machine: Machine) -> None:
        self._machine = machine
        metrics = context.metrics
        parties, refused = _party_of(context), metrics.request_unread
        self._connections = Connections(_limits(machine), parties, refused)
        metrics.watch_connections(lambda: self._connections.count)
        self._server = _Server(_config(context, self._connections, machine))
        self._serving: asyncio.Task[None]
        self._sweeping: asyncio.Task[None]

    def bind(self) -> str:
        """The address, for the log."""
        port = self._machine.http_socket.getsockname()[1]
        scheme = "http" if self._machine.tls is None else "https"
        return f"{scheme}://{authority(self._machine.settings.host, port)}"

    async def start(self) -> asyncio.Task[None]:
        """Answer requests from now on.

        Raises:
            StartError: it cannot.
        """
        serving = self._server.serve(sockets=[self._machine.http_socket])
        self._serving = asyncio.create_task(serving, name="http")
        self._sweeping = asyncio.create_task(self._connections.sweep(), name="connections")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({listening, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._serving.done():
            error = self._serving.exception()
            raise StartError(f"HTTP: {error or 'the server ended as soon as it started'}")
        return self._serving

    async def drain(self, timeout_s: float) -> None:  # noqa: ARG002 - it was told at the start
        """Let requests in progress finish, no longer than the settings' drain timeout, and end."""
        self._server.should_exit = True
        self._connections.end()
        try:
            await self._serving
        finally:
            self._sweeping.cancel()


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals alone: uvicorn's own handling ends the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def _limits(machine: Machine) -> ConnectionLimits:
    settings = machine.settings
    return ConnectionLimits(
        machine.max_connections,
        idle_s=settings.keep_alive_s,
        unread_s=settings.slow_reader_timeout_s,
    )


def _party_of(context: ServiceContext) -> Callable[[str], str]:
    """Who shares connections with an address: its network; of a trusted proxy none."""
    numbers = count()

    def party(address: str) -> str:
        if is_among(address, context.trusted_proxies):
            return f"proxy {next(numbers)}"
        return network_of(address)

    return party


def _config(context: ServiceContext, connections: Connections, machine: Machine) -> uvicorn.Config:
    tls = machine.tls
    http: Any = partial(HttpConnection, connections)
    websocket: Any = partial(SocketConnection, connections)
    return uvicorn.Config(
        create_app(context),
        http=http,
        ws=websocket,
        ws_max_size=_LARGEST_STREAM_MESSAGE,
        # Coordinates hardly compress, and compressing costs more than lifting.
        ws_per_message_deflate=False,
        ssl_context_factory=None if tls is None else lambda *_: tls.http,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # ``address_in`` reads them
        timeout_graceful_shutdown=math.ceil(machine.settings.drain_timeout_s),
    )
