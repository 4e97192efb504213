"""TLS on both ports: certificates replaced while the service runs, and asked of callers."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc
import httpx
import pytest
import trustme
import websockets.sync.client

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from service.machine import MOST_REFUSED
from service.tls import Tls, TlsError, TlsFiles
from tests.serving import ServiceProcess, service_process

FIRST, SECOND = trustme.CA(), trustme.CA()
CALLERS = trustme.CA()
KNOWN = CALLERS.issue_cert("anna@example.org")
PLACES = 32


def write(folder: Path, authority: trustme.CA) -> dict[str, str]:
    """The settings of a certificate; files that are there are replaced one after the other."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    certificate, key = folder / "tls.pem", folder / "tls.key"
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return {"TLS_CERTIFICATE": str(certificate), "TLS_KEY": str(key)}


def trusting(authority: trustme.CA, caller: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    if caller is not None:
        caller.configure_cert(context)
    return context


@contextmanager
def channel(
    service: ServiceProcess, authority: trustme.CA, caller: trustme.LeafCert | None = None
) -> Iterator[stubs.PoseLiftStub]:
    pair = (None, None)
    if caller is not None:
        pair = caller.private_key_pem.bytes(), caller.cert_chain_pems[0].bytes()
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes(), *pair)
    with grpc.secure_channel(f"localhost:{service.grpc_port}", credentials) as opened:
        yield stubs.PoseLiftStub(opened)


def models_over_http(service: ServiceProcess, context: ssl.SSLContext) -> int:
    url = f"https://localhost:{service.http_port}/v1/models"
    with httpx.Client(verify=context) as client:
        return len(client.get(url).json()["models"])


def models_over_grpc(service: ServiceProcess, *trusted: trustme.CA | trustme.LeafCert) -> int:
    with channel(service, *trusted) as poselift:
        return len(poselift.ListModels(messages.ListModelsRequest(), timeout=60).models)


def test_certificates_are_replaced_while_it_runs(models: Path, tmp_path: Path) -> None:
    with service_process(models, LIVE_MODEL="causal", **write(tmp_path, FIRST)) as service:
        count = models_over_http(service, trusting(FIRST))
        assert models_over_grpc(service, FIRST) == count > 0
        url = f"wss://localhost:{service.http_port}/v1/stream"
        with (
            httpx.Client(verify=trusting(FIRST)) as before,
            websockets.sync.client.connect(url, ssl=trusting(FIRST)) as socket,
        ):
            before.get(f"https://localhost:{service.http_port}/healthz")
            (tmp_path / "tls.pem").write_text("nonsense")
            service.log_says("the certificates stay as they were")
            write(tmp_path, SECOND)
            service.log_says("the certificates were read again")

            assert models_over_http(service, trusting(SECOND)) == count
            assert models_over_grpc(service, SECOND) == count
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                models_over_http(service, trusting(FIRST))
            with pytest.raises(grpc.RpcError):
                models_over_grpc(service, FIRST)
            # Connections from before go on.
            before.get(f"https://localhost:{service.http_port}/healthz").raise_for_status()
            socket.send('{"open": {"image_size": [1000, 800]}}')
            assert "opened" in socket.recv(timeout=60)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://localhost:{service.http_port}/healthz")
        assert service.stop() == 0


@pytest.fixture(scope="module")
def asking(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A small service that asks callers for certificates."""
    folder = tmp_path_factory.mktemp("asking")
    CALLERS.cert_pem.write_to_path(folder / "callers.pem")
    settings = write(folder, FIRST) | {"TLS_CLIENT_CA": str(folder / "callers.pem")}
    settings |= {"MAX_CONNECTIONS": str(PLACES), "MANAGEMENT_PORT": "0"}
    with service_process(models, **settings) as service:
        yield service


def test_callers_are_asked_for_certificates(asking: ServiceProcess) -> None:
    unknown = FIRST.issue_cert("anna@example.org")
    assert models_over_http(asking, trusting(FIRST, KNOWN)) > 0
    assert models_over_grpc(asking, FIRST, KNOWN) > 0
    for caller in (None, unknown):
        with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
            models_over_http(asking, trusting(FIRST, caller))
        with pytest.raises(grpc.RpcError) as refused:
            models_over_grpc(asking, *([FIRST] if caller is None else [FIRST, caller]))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_those_who_begin_no_handshake_are_counted_and_ended(asking: ServiceProcess) -> None:
    with ExitStack() as held:
        many = range(PLACES + MOST_REFUSED + 20)
        silent = [held.enter_context(connected(asking.http_port)) for _ in many]
        assert 0 < connections(asking) <= PLACES + MOST_REFUSED
        # Places are left for others.
        assert models_over_http(asking, trusting(FIRST, KNOWN)) > 0
        for each in silent:
            with suppress(ConnectionResetError):
                assert each.recv(1) == b""


def test_handshakes_that_fail_fill_no_log(asking: ServiceProcess) -> None:
    said = len(asking.log)
    for port in (asking.http_port, asking.grpc_port):
        with connected(port) as junk, suppress(ConnectionResetError):
            junk.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while junk.recv(1000):
                pass
    assert models_over_grpc(asking, FIRST, KNOWN) > 0  # by now it would have been logged
    assert asking.log[said:] == []


def connected(port: int) -> socket.socket:
    """A connection of another caller, who waits for no longer than an event loop's server."""
    return socket.create_connection(("127.0.0.1", port), 30, ("127.0.0.2", 0))


def connections(service: ServiceProcess) -> float:
    """How many there are according to the metrics."""
    text = httpx.get(f"{service.management_url}/metrics", timeout=60).text
    return float(text.partition("\nposelift_http_connections ")[2].partition("\n")[0])


def test_what_cannot_be_used_says_which_file(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    other = tmp_path / "other.key"
    SECOND.issue_cert("localhost").private_key_pem.write_to_path(other)
    for files in (
        TlsFiles(certificate, other),
        TlsFiles(certificate, tmp_path / "absent"),
        TlsFiles(key, key),
        TlsFiles(certificate, key, client_ca=key),
    ):
        with pytest.raises(TlsError, match=r"tls\.pem|tls\.key"):
            Tls(files)
