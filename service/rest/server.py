"""The HTTP server."""

import asyncio
import math
import socket
from contextlib import AbstractContextManager, nullcontext

import uvicorn

from service.context import ServiceContext
from service.machine import Machine, StartError, authority
from service.rest.app import create_app

_LARGEST_STREAM_MESSAGE = 8 * 1024 * 1024


class HttpTransport:
    """HTTP and WebSocket on the port that the machine has bound."""

    def __init__(self, context: ServiceContext, machine: Machine) -> None:
        self._machine = machine
        self._server = _Server(_config(context, machine.settings.drain_timeout_s))
        self._serving: asyncio.Task[None]

    def bind(self) -> str:
        """The address, for the log."""
        port = self._machine.http_socket.getsockname()[1]
        return f"http://{authority(self._machine.settings.host, port)}"

    async def start(self) -> asyncio.Task[None]:
        """Answer requests from now on.

        Raises:
            StartError: it cannot.
        """
        serving = self._server.serve(sockets=[self._machine.http_socket])
        self._serving = asyncio.create_task(serving, name="http")
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
        await self._serving


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


def _config(context: ServiceContext, drain_timeout_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(context),
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_STREAM_MESSAGE,
        # Coordinates hardly compress, and compressing costs more than lifting.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # ``address_in`` reads them
        timeout_graceful_shutdown=math.ceil(drain_timeout_s),
    )
