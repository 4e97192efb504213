"""What carries a client's messages: HTTP with WebSockets, or gRPC, each blocking or awaited."""

import importlib
import time
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any, Protocol

from poselift.client.address import Address
from poselift.client.errors import ServerError
from poselift.errors import InvalidInput, MissingPackage

_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
"""What OpenSSL and gRPC say of certificates."""
LARGEST_CONNECT_S = 10.0
"""The longest that a connection may take to be made."""


class Connection(Protocol):
    """One stream, connected again and again."""

    def connect(self, timeout_s: float) -> None:
        """Connect; raises ``ServerUnavailable``."""

    def send(self, message: bytes, timeout_s: float) -> None:
        """Send a message; raises ``ServerUnavailable`` where the connection is lost."""

    def receive(self, timeout_s: float) -> bytes | None:
        """The next message; None at the end. Raises why the server ended the stream."""

    def disconnect(self) -> None:
        """End the connection, if there is one."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Transport(Protocol):
    """A way to a server."""

    def lift(self, body: bytes, timeout_s: float) -> bytes:
        """The answer to a ``LiftRequest``."""

    def models(self, timeout_s: float) -> list[dict[str, Any]]:
        """The models served, with the names of ``GET /v1/models``."""

    def stream(self) -> Connection:
        """A stream, not connected yet."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def close(self) -> None:
        """End all connections but those of streams."""


class AsyncConnection(Protocol):
    """A ``Connection`` whose methods are awaited."""

    async def connect(self, timeout_s: float) -> None: ...  # noqa: D102 - as there

    async def send(self, message: bytes, timeout_s: float) -> None: ...  # noqa: D102

    async def receive(self, timeout_s: float) -> bytes | None: ...  # noqa: D102

    async def disconnect(self) -> None: ...  # noqa: D102

    async def sleep(self, seconds: float) -> None: ...  # noqa: D102


class AsyncTransport(Protocol):
    """A ``Transport`` whose methods are awaited, but for ``stream``."""

    async def lift(self, body: bytes, timeout_s: float) -> bytes: ...  # noqa: D102 - as there

    async def models(self, timeout_s: float) -> list[dict[str, Any]]: ...  # noqa: D102

    def stream(self) -> AsyncConnection: ...  # noqa: D102

    async def sleep(self, seconds: float) -> None: ...  # noqa: D102

    async def close(self) -> None: ...  # noqa: D102


def needed(name: str, address: Address) -> ModuleType:
    """An optional package.

    Raises:
        MissingPackage: naming the extra that has it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackage.needed(name, f"clients of {address}", "client") from error


def authorization(api_key: str | None) -> dict[str, str]:
    """The header with the key, if there is one.

    Raises:
        InvalidInput: no header can have it. The libraries below would say so too, with the key in
            their messages.
    """
    if api_key is None:
        return {}
    if (
        not api_key
        or not (api_key.isascii() and api_key.isprintable())
        or api_key != api_key.strip()
    ):
        raise InvalidInput.at(
            "api_key", "printable ASCII characters, without spaces or line ends around them"
        )
    return {"authorization": f"Bearer {api_key}"}


def untrusted_certificate(reason: str, address: Address) -> ServerError | None:
    """The error where a connection failed for the server's certificate: it fails every time."""
    if not any(each in reason for each in _UNTRUSTED):
        return None
    return ServerError(
        f"the certificate of {address} is not trusted, or of another host: {reason}; ca_file takes "
        "the certificate of its authority"
    )


def retry_after(text: str | None) -> float | None:
    """The seconds of ``Retry-After``, given as such or as a date; None without one."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
