"""Where a server is: its URL, read once."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from poselift.errors import InvalidInput

_SCHEMES: Final = ("http", "https", "grpc", "grpcs")
_GRPC_PORTS: Final = {"grpc": 50051, "grpcs": 443}


@dataclass(frozen=True)
class Address:
    """A server's address."""

    scheme: str
    host: str
    """Host and port, as they stand in the URL."""
    path: str
    """What comes before ``/v1`` behind a proxy; no slash at its end."""

    @classmethod
    def of(cls, url: str) -> "Address":
        """Read ``http://``, ``https://``, ``grpc://`` or ``grpcs://``.

        Raises:
            InvalidInput: it is another kind of address, or names no host.
        """
        expected = f"{'://…, '.join(_SCHEMES)}://…, such as http://127.0.0.1:8000, found {url!r}"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidInput.at("url", expected) from None
        if parts.scheme not in _SCHEMES or not parts.hostname or parts.query or parts.fragment:
            raise InvalidInput.at("url", expected)
        if "@" in parts.netloc:
            raise InvalidInput.at("url", "no user or password in it: api_key takes the key")
        host, path = parts.netloc, parts.path.rstrip("/")
        if parts.scheme in _GRPC_PORTS:
            if path:
                raise InvalidInput.at("url", f"host and port alone for gRPC, found {url!r}")
            host = host if port else f"{host.rstrip(':')}:{_GRPC_PORTS[parts.scheme]}"
        return cls(parts.scheme, host, path)

    @property
    def is_grpc(self) -> bool:
        """Whether gRPC is spoken there."""
        return self.scheme in _GRPC_PORTS

    @property
    def is_secure(self) -> bool:
        """Whether by TLS."""
        return self.scheme.endswith("s")

    @property
    def http(self) -> str:
        """The base of HTTP addresses."""
        return urlunsplit((self.scheme, self.host, self.path, "", ""))

    @property
    def websocket(self) -> str:
        """The address of the stream."""
        scheme = "wss" if self.is_secure else "ws"
        return urlunsplit((scheme, self.host, f"{self.path}/v1/stream", "", ""))

    def __str__(self) -> str:
        """The address, for messages."""
        return f"{self.scheme}://{self.host}{self.path}"
