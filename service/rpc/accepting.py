"""How long calls wait inside gRPC before they are looked at.

gRPC hands over one call after the other, in the order in which they came, and does not tell for how
long it has had them. Where more come than it can hand over that may be seconds, of which admission
would not know. So a call of the service's own stands in the same queue now and then.
"""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import grpc.aio

_INTERVAL_S = 0.05
"""Between the beginnings of own calls; none is made while one still waits."""
_FEW = 32
"""Where no more calls were before it, an own call has waited for something else than these."""
_HOLDS_S = 1.0
"""For how long a measured wait is taken for that of others."""
_TIMEOUT_S = 10.0


class AcceptQueue:
    """The calls that gRPC has and has not handed over."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="poselift-grpc-")
        self.address = f"unix:{Path(self._folder.name, 'calls')}"
        """Where the server has to listen too: only the user of this process can reach it."""
        # A caller who knew the name could pretend that there is no wait.
        self._service = f"poselift.{secrets.token_hex(16)}"
        self._channel: grpc.aio.Channel | None = None
        self._standing: asyncio.Task[None] | None = None
        self._since: float | None = None
        """When the own call began that is in the queue."""
        self._passed = 0
        """How many calls were handed over since."""
        self._waited_s, self._measured_at = 0.0, 0.0

    def handlers(self) -> grpc.GenericRpcHandler:
        """What answers own calls, to be added to the server."""
        answer = grpc.unary_unary_rpc_method_handler(self._arrive, bytes, bytes)
        return grpc.method_handlers_generic_handler(self._service, {"Stand": answer})

    def wait_s(self) -> float:
        """How long a call has waited behind others that is handed over now.

        To be asked once for each: it is measured meanwhile.
        """
        now = asyncio.get_running_loop().time()
        self._passed += 1
        if self._standing is None and now - self._measured_at >= _INTERVAL_S:
            self._standing = asyncio.create_task(self._stand(), name="accept queue")
        known_s = self._waited_s if now - self._measured_at < _HOLDS_S else 0.0
        return max(known_s, self._standing_s(now))

    def _standing_s(self, now: float) -> float:
        """How long the own call in the queue has waited for others so far."""
        return 0.0 if self._since is None or self._passed <= _FEW else now - self._since

    async def close(self) -> None:
        """End what is in the queue, and the address."""
        if self._standing is not None:
            self._standing.cancel()
        if self._channel is not None:
            await self._channel.close()
        self._folder.cleanup()

    async def _stand(self) -> None:
        """Make an own call."""
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self.address)
        stand: Any = self._channel.unary_unary(f"/{self._service}/Stand")
        self._since, self._passed = asyncio.get_running_loop().time(), 0
        try:
            with suppress(grpc.aio.AioRpcError):
                await stand(b"", timeout=_TIMEOUT_S)
        finally:
            self._since = self._standing = None

    async def _arrive(self, _: bytes, __: object) -> bytes:
        """An own call is handed over."""
        self._measured_at = asyncio.get_running_loop().time()
        self._waited_s, self._since = self._standing_s(self._measured_at), None
        return b""
