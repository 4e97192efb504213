"""TLS connections until their handshakes are done: bounded in number and in time.

The event loop's own server tells of a connection only once its handshake is done. By then it would
have been counted nowhere, and who begins none would be waited for a minute.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from service.rest.connections import Connections, HttpConnection
from service.tls import Tls

_PAUSE_S = 1.0
"""After which connections are accepted again, where that failed."""

_log = logging.getLogger(__name__)


class TlsServer:
    """Accepts connections, in the place of an ``asyncio.Server``."""

    def __init__(
        self,
        bound: socket.socket,
        backlog: int,
        tls: Tls,
        connections: Connections,
        create: Callable[[], HttpConnection],
    ) -> None:
        """Listen from now on; ``create`` makes what serves a connection."""
        self._socket = bound
        self._tls = tls
        self._connections = connections
        self._create = create
        self._loop = asyncio.get_running_loop()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        bound.setblocking(False)
        bound.listen(backlog)
        self._resume()

    def close(self) -> None:
        """Accept no more connections, and end those that shake hands."""
        self._loop.remove_reader(self._socket)
        if self._resuming is not None:
            self._resuming.cancel()
        for handshake in self._handshakes:
            handshake.cancel()

    async def wait_closed(self) -> None:
        """Wait until those have ended."""
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _resume(self) -> None:
        self._resuming = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        """Take one connection in, if there is a place for it."""
        try:
            accepted, address = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # it has left
        except OSError as error:
            _log.error("connections are not accepted for %g s: %s", _PAUSE_S, error)
            self._loop.remove_reader(self._socket)
            self._resuming = self._loop.call_later(_PAUSE_S, self._resume)
            return
        connection = self._create()
        self._connections.enter(connection, address[0])
        if connection not in self._connections:
            accepted.close()
            return
        handshake = self._loop.create_task(self._shake_hands(connection, accepted))
        self._handshakes.add(handshake)
        handshake.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: HttpConnection, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls.http,
                ssl_handshake_timeout=self._connections.handshake_s,
            )
        except OSError:
            pass  # it failed
        finally:
            if not connection.is_made:
                self._connections.leave(connection)
