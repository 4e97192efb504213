"""HTTP and WebSockets, awaited."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, cast

from poselift.client.address import Address
from poselift.client.errors import (
    DeadlineExceeded,
    ServerError,
    ServerUnavailable,
    of_answer,
    of_close,
)
from poselift.client.transport import (
    LARGEST_CONNECT_S,
    authorization,
    needed,
    retry_after,
    untrusted_certificate,
)
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

_PROTOBUF: Final = "application/x-protobuf"
_SUBPROTOCOL: Final = "poselift.v1.protobuf"
_CLOSE_TIMEOUT_S: Final = 1.0


class HttpTransport:
    """HTTP, awaited; of the event loop that first uses it."""

    def __init__(self, address: Address, api_key: str | None) -> None:
        self._address = address
        self._headers = authorization(api_key)
        needed("httpx", address)
        import httpx  # noqa: PLC0415 - an extra's

        self._client = httpx.AsyncClient(headers=self._headers, verify=address.trust or True)

    async def lift(self, body: bytes, timeout_s: float) -> bytes:
        """See ``Transport``."""
        return (await self._ask("POST", "/v1/lift", timeout_s, body)).content

    async def models(self, timeout_s: float) -> list[dict[str, Any]]:
        """See ``Transport``."""
        return _models(await self._ask("GET", "/v1/models", timeout_s), self._address)

    def stream(self) -> "SocketConnection":
        """See ``Transport``."""
        return SocketConnection(self._address, self._headers)

    async def sleep(self, seconds: float) -> None:
        """See ``Transport``."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """See ``Transport``."""
        await self._client.aclose()

    async def _ask(
        self, method: str, path: str, timeout_s: float, body: bytes | None = None
    ) -> "httpx.Response":
        url, options = self._address.http + path, _request_options(timeout_s, body)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._client.request(method, url, **options)
        except Exception as error:
            raise _lost(error, self._address, timeout_s) from error
        return _checked(answer, url)


class SocketConnection:
    """An awaited WebSocket."""

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        self._address = address
        self._headers = headers
        self._socket: ClientConnection | None = None
        self._end = AsyncExitStack()

    async def connect(self, timeout_s: float) -> None:
        """See ``Connection``."""
        await self.disconnect()
        needed("websockets", self._address)
        from websockets.asyncio.client import connect  # noqa: PLC0415 - an extra's

        try:
            options = _socket_options(self._address, self._headers, timeout_s)
            connecting = connect(self._address.websocket, **options)
            self._socket = await self._end.enter_async_context(connecting)
        except Exception as error:
            raise _not_connected(error, self._address) from error

    async def send(self, message: bytes, timeout_s: float) -> None:
        """See ``Connection``."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._opened().send(message)
        except Exception as error:
            raise _ended(error, self._address) from error

    async def receive(self, timeout_s: float) -> bytes | None:
        """See ``Connection``."""
        try:
            async with asyncio.timeout(timeout_s):
                return _content(await self._opened().recv())
        except TimeoutError:
            raise ServerUnavailable(
                f"no answer from {self._address} in {timeout_s:.3g} s"
            ) from None
        except Exception as error:
            _raise_unless_ended(error, self._address)
            return None

    async def disconnect(self) -> None:
        """See ``Connection``."""
        self._socket = None
        await self._end.aclose()

    async def sleep(self, seconds: float) -> None:
        """See ``Connection``."""
        await asyncio.sleep(seconds)

    def _opened(self) -> "ClientConnection":
        if self._socket is None:
            raise ServerUnavailable(f"there is no connection to {self._address}")
        return self._socket


def _request_options(timeout_s: float, body: bytes | None) -> dict[str, Any]:
    import httpx  # noqa: PLC0415 - an extra's

    timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, LARGEST_CONNECT_S))
    if body is None:
        return {"timeout": timeout}
    return {"timeout": timeout, "content": body, "headers": {"content-type": _PROTOBUF}}


def _lost(error: Exception, address: Address, timeout_s: float) -> Exception:
    """Why there is no answer; errors that are not the network's as they are."""
    import httpx  # noqa: PLC0415 - an extra's

    if (untrusted := untrusted_certificate(str(error), address)) is not None:
        return untrusted
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return ServerUnavailable(f"{address} cannot be reached: {error or 'no answer'}")
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return DeadlineExceeded(f"no answer from {address} within {timeout_s:.3g} s")
    if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
        return ServerUnavailable(f"the connection to {address} was lost: {error}")
    if isinstance(error, httpx.HTTPError):
        return ServerError(f"{address}: {error}")
    return error


def _checked(answer: "httpx.Response", url: str) -> "httpx.Response":
    if answer.status_code != 200:
        wait_s = retry_after(answer.headers.get("retry-after"))
        raise of_answer(answer.status_code, answer.content, url, wait_s)
    return answer


def _models(answer: "httpx.Response", address: Address) -> list[dict[str, Any]]:
    try:
        return cast("list[dict[str, Any]]", answer.json()["models"])
    except (ValueError, KeyError, TypeError):
        raise ServerError(f"{address} does not list models: is it a poselift server?") from None


def _socket_options(
    address: Address, headers: Mapping[str, str], timeout_s: float
) -> dict[str, Any]:
    trust = address.trust
    return {
        **({} if trust is None else {"ssl": trust}),
        "subprotocols": [_SUBPROTOCOL],
        "additional_headers": dict(headers),
        "compression": None,  # coordinates hardly compress
        "max_size": None,
        "open_timeout": min(timeout_s, LARGEST_CONNECT_S),
        "close_timeout": _CLOSE_TIMEOUT_S,
    }


def _content(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


def _not_connected(error: Exception, address: Address) -> Exception:
    from websockets.exceptions import InvalidHandshake, InvalidStatus  # noqa: PLC0415 - an extra's

    if isinstance(error, InvalidStatus):
        answer = error.response
        wait_s = retry_after(answer.headers.get("retry-after"))
        return of_answer(answer.status_code, bytes(answer.body or b""), address.websocket, wait_s)
    if (untrusted := untrusted_certificate(str(error), address)) is not None:
        return untrusted
    if isinstance(error, (OSError, TimeoutError, EOFError)):
        return ServerUnavailable(f"{address} cannot be reached: {error or 'no answer'}")
    if isinstance(error, InvalidHandshake):
        return ServerUnavailable(f"{address} does not open a WebSocket: {error}")
    return error


def _ended(error: Exception, address: Address) -> Exception:
    """Why a message could not be sent."""
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - an extra's

    if isinstance(error, (ConnectionClosed, OSError, TimeoutError)):
        return ServerUnavailable(f"the connection to {address} was lost")
    return error


def _raise_unless_ended(error: Exception, address: Address) -> None:
    """Raise why a stream ended, unless it ended well."""
    from websockets.exceptions import ConnectionClosed, ConnectionClosedOK  # noqa: PLC0415

    if isinstance(error, ConnectionClosedOK):
        return
    if isinstance(error, ConnectionClosed):
        closed = error.rcvd
        code, reason = (closed.code, closed.reason) if closed else (None, "")
        raise of_close(code, reason, str(address)) from error
    if isinstance(error, PoseliftError):
        raise error
    raise _ended(error, address) from error
