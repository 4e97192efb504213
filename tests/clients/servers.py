"""Servers for clients to be tested with: services that are killed and come back, and proxies."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import httpx
import trustme

from tests.live.stores import StoreServer, free_port
from tests.serving import ServiceProcess, launch

KINDS = ("http", "grpc")


def address(service: ServiceProcess, kind: str) -> str:
    """Where a client finds a service."""
    return service.url if kind == "http" else f"grpc://127.0.0.1:{service.grpc_port}"


class RestartedService:
    """A service on fixed ports, killed and started again with the same store."""

    def __init__(self, models: Path, store: StoreServer, **settings: str) -> None:
        self._models = models
        self.http_port, self.grpc_port = free_port(), free_port()
        ports = {"HTTP_PORT": str(self.http_port), "GRPC_PORT": str(self.grpc_port)}
        self._settings = {"LIVE_MODEL": "causal", "REDIS_URL": store.url, **ports, **settings}
        self._service: ServiceProcess | None = None
        self._starting: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where its HTTP interface is."""
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._service = ServiceProcess(launch(self._models, self._settings))
        self._service.wait_until_ready()
        threading.Thread(target=self._service.read_log, daemon=True).start()

    def start_unless_running(self) -> None:
        """Start it if it was stopped."""
        self._wait_for_start()
        if self._service is None:
            self.start()

    def start_soon(self) -> None:
        """Start it while something else goes on."""
        self._starting = threading.Thread(target=self.start)
        self._starting.start()

    def end(self) -> None:
        """Have it end as it does by itself, on SIGTERM."""
        self._wait_for_start()
        if self._service is not None:
            self._service.stop()
        self.stop()

    def stop(self) -> None:
        """Kill it, if it runs."""
        self._wait_for_start()
        service, self._service = self._service, None
        if service is not None:
            service.process.kill()
            service.process.wait()
            if service.process.stderr is not None:
                service.process.stderr.close()

    def _wait_for_start(self) -> None:
        if self._starting is not None:
            self._starting.join()
            self._starting = None


@contextmanager
def restarted_service(
    models: Path, store: StoreServer, **settings: str
) -> Iterator[RestartedService]:
    """A service that may be killed and started; it has not been yet."""
    service = RestartedService(models, store, **settings)
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def http_proxy(
    upstream: str, answers: Sequence[tuple[int, dict[str, str]]]
) -> Iterator[tuple[str, list[int]]]:
    """A proxy that answers by itself with these statuses and headers first, then passes on.

    Its address, and the statuses that it gave so far.
    """
    given: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if len(given) < len(answers):
                status, headers = answers[len(given)]
                self._answer(status, headers, b"busy")
                return
            answer = httpx.post(
                upstream + self.path,
                content=body,
                headers={"content-type": self.headers["content-type"]},
            )
            self._answer(answer.status_code, dict(answer.headers), answer.content)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            given.append(status)
            self.send_response(status)
            for name, value in headers.items():
                if name not in {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", given
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def grpc_proxy(
    upstream: str, answers: Sequence[tuple[grpc.StatusCode, tuple[tuple[str, str | bytes], ...]]]
) -> Iterator[tuple[str, list[str]]]:
    """A proxy that ends calls with these codes and trailers first, then passes them on."""
    given: list[str] = []
    channel = grpc.insecure_channel(upstream.removeprefix("grpc://"))

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            def pass_on(body: bytes, context: grpc.ServicerContext) -> bytes:
                if len(given) < len(answers):
                    code, trailers = answers[len(given)]
                    given.append(code.name)
                    context.set_trailing_metadata(trailers)
                    context.abort(code, "busy")
                given.append("OK")
                return channel.unary_unary(details.method)(body)

            return grpc.unary_unary_rpc_method_handler(pass_on)

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}", given
    finally:
        server.stop(None).wait()
        channel.close()


@contextmanager
def dribbling_server(pieces: int, pause_s: float) -> Iterator[str]:
    """A server whose answers are whole after so many pieces, each after a pause; its address."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-long: ")
            with contextlib.suppress(OSError):
                for _ in range(pieces):
                    if not stop.wait(pause_s):
                        self.wfile.write(b"x")
                self.wfile.write(b"\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def tls_proxy(port: int, certificate: trustme.LeafCert) -> Iterator[int]:
    """A proxy that speaks TLS, HTTP/1.1 and 2, and passes plain bytes on to a port; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    certificate.configure_cert(context)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                while content := await reader.read(65536):
                    writer.write(content)
                    await writer.drain()
        finally:
            writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        finally:  # the end of the proxy too, in the midst of a connection
            for each in (inner_writer, writer):
                each.close()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    async def serve() -> None:
        server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
        stop = asyncio.Event()
        loop, port = asyncio.get_running_loop(), server.sockets[0].getsockname()[1]
        started.set_result((port, lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        server.close()

    started: futures.Future[tuple[int, Callable[[], object]]] = futures.Future()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    own_port, stop = started.result(60)
    try:
        yield own_port
    finally:
        stop()
        thread.join()
