"""Where the session store is, and how it is reached: by Sentinel or directly, with TLS or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis, Sentinel
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

_MOST_CONNECTIONS: Final = 32
_LONGEST_WAIT_S: Final = 10.0
"""For one of them: openings come in crowds when another replica dies."""


class _BlockingSentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the primary that Sentinels name, waited for where all are in use."""

    async def aclose(self) -> None:
        """Close them, and those to the Sentinels."""
        await super().aclose()
        await self.sentinel_manager.aclose()


@dataclass(frozen=True)
class StoreServer:
    """A server that speaks the Redis protocol.

    Attributes:
        url: ``redis://``, ``rediss://`` with TLS, or ``unix://`` for one on this machine. With
            ``sentinels``, its host is the name of the primary that they watch.
        sentinels: URLs of Redis Sentinels.
        ca_file: whom to trust with TLS, instead of whom this machine trusts.
        cert_file, key_file: the certificate to show, where the server wants one.
    """

    url: str
    sentinels: Sequence[str] = ()
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def connect(self, timeout_s: float) -> Redis:
        """A client with a pool of connections, none of them made yet.

        ``timeout_s`` is for connecting and for each answer.

        Raises:
            ValueError: a URL is none.
        """
        options = self._options(self.url, timeout_s)
        if not self.sentinels:
            return Redis.from_pool(BlockingConnectionPool(**options))
        name = options.pop("host", None)
        if name is None:
            raise ValueError("with Sentinels its host is the name of the primary they watch")
        options["ssl"] = options.pop("connection_class", None) is SSLConnection
        watch = Sentinel([])  # type: ignore[no-untyped-call]
        watch.sentinels = [
            Redis.from_pool(BlockingConnectionPool(**self._options(url, timeout_s)))
            for url in self.sentinels
        ]
        pool = _BlockingSentinelPool(name, watch, **options)  # type: ignore[no-untyped-call]
        return Redis.from_pool(pool)

    def _options(self, url: str, timeout_s: float) -> dict[str, Any]:
        """What a pool of connections to this URL is made with."""
        options: dict[str, Any] = dict(parse_url(url))
        options |= {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        # Many sessions may be opened at once; they wait for a connection rather than for a new one.
        options |= {"max_connections": _MOST_CONNECTIONS, "timeout": _LONGEST_WAIT_S}
        # A connection of the pool may be to a server that was restarted since. Every question
        # may be asked twice: appending twice is noticed, and the rest changes nothing more.
        options["retry"] = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        if options.get("connection_class") is SSLConnection:
            files = {
                "ssl_ca_certs": self.ca_file,
                "ssl_certfile": self.cert_file,
                "ssl_keyfile": self.key_file,
            }
            options |= {name: str(path) for name, path in files.items() if path is not None}
        return options
