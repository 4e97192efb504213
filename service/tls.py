"""Certificates of the HTTP and gRPC ports, which can be replaced while the service runs."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc

_GrpcCertificates: TypeAlias = grpc.ServerCertificateConfiguration


class TlsError(Exception):
    """Certificates cannot be used; the message says which, and why."""


@dataclass(frozen=True)
class TlsFiles:
    """Files in PEM format."""

    certificate: Path
    """The service's certificate, then those up to its authority."""
    key: Path
    """The certificate's private key, not encrypted."""
    client_ca: Path | None = None
    """Authorities of whose certificates callers must have one."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All that there are."""
        return tuple(path for path in (self.certificate, self.key, self.client_ca) if path)


class Tls:
    """What both servers use for connections to come."""

    def __init__(self, files: TlsFiles) -> None:
        self.files = files
        self.http = _context(files)
        """Of the HTTP port's next connection."""
        initial = _grpc_certificates(files)
        self._changed: _GrpcCertificates | None = None
        fetch: Any = self._fetch  # the stubs do not know that None is for no change
        self.grpc = grpc.dynamic_ssl_server_credentials(
            initial, fetch, require_client_authentication=files.client_ca is not None
        )

    def read(self) -> None:
        """Read the files again, for connections to come.

        Raises:
            TlsError: they cannot be used; nothing changes.
        """
        context, changed = _context(self.files), _grpc_certificates(self.files)
        self.http, self._changed = context, changed

    def _fetch(self) -> _GrpcCertificates | None:
        """GRPC asks in one of its threads, before each connection."""
        changed, self._changed = self._changed, None
        return changed


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except OSError as error:  # SSLError is one
        raise TlsError(f"{files.certificate} with {files.key}: {error}") from error
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except OSError as error:
            raise TlsError(f"{files.client_ca}: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _grpc_certificates(files: TlsFiles) -> _GrpcCertificates:
    pair = files.key.read_bytes(), files.certificate.read_bytes()
    roots = None if files.client_ca is None else files.client_ca.read_bytes()
    return grpc.ssl_server_certificate_configuration([pair], roots)
