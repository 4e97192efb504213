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
from starlette.types import ASGIApp

from service.addresses import is_among, network_of
from service.context import ServiceContext
from service.handlers.live_stream import LARGEST_MESSAGE_BYTES
from service.machine import MOST_REFUSED, Machine, StartError, authority, listen, unix_socket
from service.rest.app import create_app
from service.rest.connections import (
    ConnectionLimits,
    Connections,
    HttpConnection,
    SocketConnection,
)
from service.rest.handshakes import TlsServer
from service.rest.relays import Relays
from service.rest.turnstile import Turnstile
from service.tls import Tls


class HttpTransport:
    """HTTP and WebSocket on the port that the machine has bound."""

    def __init__(self, context: ServiceContext, machine: Machine) -> None:
        self._machine = machine
        metrics = context.metrics
        self._connections = Connections(
            _limits(machine),
            _party_of(context),
            metrics.request_unread,
            Turnstile(context).refusal,
        )
        metrics.watch_connections(lambda: self._connections.count)
        app, siblings = create_app(context), machine.siblings
        front = app if siblings is None else Relays(app, context, siblings)
        config = _config(front, self._connections, machine)
        self._servers = [
            _Server(config, machine.http_socket)
            if machine.tls is None
            else _SecureServer(config, machine.http_socket, machine.tls, self._connections)
        ]
        if siblings is not None:
            passed_on = unix_socket(siblings.requests_path(siblings.number))
            self._servers.append(_Server(_relay_config(app, machine), passed_on))
        self._serving: list[asyncio.Task[None]] = []
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
        self._serving = [await server.start() for server in self._servers]
        self._sweeping = asyncio.create_task(self._connections.sweep(), name="connections")
        return self._serving[0]

    async def drain(self, timeout_s: float) -> None:  # noqa: ARG002 - it was told at the start
        """Let requests in progress finish, no longer than the settings' drain timeout, and end."""
        for server in self._servers:
            server.should_exit = True
        self._connections.end()
        try:
            await asyncio.gather(*self._serving)
        finally:
            self._sweeping.cancel()


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals alone: uvicorn's own handling ends the process."""

    def __init__(self, config: uvicorn.Config, bound: socket.socket) -> None:
        super().__init__(config)
        self._socket = bound
        self._listening = asyncio.Event()

    async def start(self) -> asyncio.Task[None]:
        """Answer requests from now on; the task is done when it has ended.

        Raises:
            StartError: it cannot.
        """
        listen("HTTP", self._socket)
        serving = asyncio.create_task(self.serve(sockets=[self._socket]), name="http")
        listening = asyncio.create_task(self._listening.wait())
        await asyncio.wait({listening, serving}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if serving.done():
            error = serving.exception()
            raise StartError(f"HTTP: {error or 'the server ended as soon as it started'}")
        return serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


class _SecureServer(_Server):
    """The same with TLS."""

    def __init__(
        self, config: uvicorn.Config, bound: socket.socket, tls: Tls, connections: Connections
    ) -> None:
        super().__init__(config, bound)
        self._tls = tls
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        await super().startup([])
        backlog = self.config.backlog
        server: Any = TlsServer(
            self._socket, backlog, self._tls, self._connections, self._connection
        )
        self.servers.append(server)

    def _connection(self) -> HttpConnection:
        return HttpConnection(
            self._connections,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )


def _limits(machine: Machine) -> ConnectionLimits:
    settings = machine.settings
    return ConnectionLimits(
        machine.max_connections,
        MOST_REFUSED,
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


def _config(app: ASGIApp, connections: Connections, machine: Machine) -> uvicorn.Config:
    http: Any = partial(HttpConnection, connections)
    websocket: Any = partial(SocketConnection, connections)
    return uvicorn.Config(
        app,
        http=http,
        ws=websocket,
        ws_max_size=LARGEST_MESSAGE_BYTES,
        # Coordinates hardly compress, and compressing costs more than lifting.
        ws_per_message_deflate=False,
        proxy_headers=False,  # ``address_in`` reads them
        **_usual(machine),
    )


def _relay_config(app: ASGIApp, machine: Machine) -> uvicorn.Config:
    """Of requests that another worker passes on: it alone has access, and tells whose they are."""
    connections = Connections(ConnectionLimits(machine.max_connections))
    http: Any = partial(HttpConnection, connections)
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        date_header=False,
        proxy_headers=True,
        forwarded_allow_ips="*",
        **_usual(machine),
    )


def _usual(machine: Machine) -> dict[str, Any]:
    return {
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": math.ceil(machine.settings.drain_timeout_s),
    }
