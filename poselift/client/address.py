"""Where a server is: its URL, read once."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
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
    authorities: bytes | None = field(default=None, repr=False)
    """Certificates in PEM of those whose signatures are trusted, if not the usual ones."""

    @classmethod
    def of(cls, url: str, ca_file: str | Path | None = None) -> "Address":
        """Read ``http://``, ``https://``, ``grpc://`` or ``grpcs://``, and a file of certificates.

        Raises:
            InvalidInput: it is another kind of address, or names no host; or the file holds none.
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
        return cls(parts.scheme, host, path, None if ca_file is None else _read(Path(ca_file)))

    @property
    def is_grpc(self) -> bool:
        """Whether gRPC is spoken there."""
        return self.scheme in _GRPC_PORTS

    @property
    def is_secure(self) -> bool:
        """Whether by TLS."""
        return self.scheme.endswith("s")

    @property
    def trust(self) -> ssl.SSLContext | None:
        """What the server's certificate is checked by, if not by the usual authorities."""
        if self.authorities is None or not self.is_secure:
            return None
        return ssl.create_default_context(cadata=self.authorities.decode("ascii"))

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


def _read(ca_file: Path) -> bytes:
    """The certificates in a file.

    Raises:
        InvalidInput: there are none.
    """
    try:
        content = ca_file.read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=content.decode("ascii")
        )
    except (OSError, ValueError) as error:
        raise InvalidInput.at("ca_file", f"certificates in PEM: {ca_file}: {error}") from None
    return content
