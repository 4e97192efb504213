"""What exists once on a machine, however many worker processes serve there."""

import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from service.embedded import EmbeddedServer, url_in
from service.keys import KeyRing, Keys, Levels, OwnLevels
from service.settings import Settings
from service.shared_amounts import SharedAmounts, SharedLevels, SharedPlaces
from service.shares import OwnPlaces, Places
from service.siblings import Siblings
from service.tls import Tls, TlsFiles
from service.traces import Tracer

_log = logging.getLogger("poselift")

_OTHER_DESCRIPTORS = 256
"""Of models, the store, decoding processes and whatever else is no caller's connection."""
_TRANSPORTS = 2
MOST_REFUSED = 64
"""Connections to the HTTP port that are told that there is no place for them."""


class StartError(Exception):
    """The service cannot start; the message is all a user needs."""


def say_ready(said: str) -> None:
    """Log that requests are answered, where and by which models."""
    _log.info("ready: %s", said)


@dataclass
class Machine:
    """What a worker is given: settings, sockets, the store's address, the metrics' registry.

    The gRPC port is not here: gRPC binds it by itself, in the worker.
    """

    settings: Settings
    http_socket: socket.socket
    registry: CollectorRegistry
    private_store: EmbeddedServer
    keys: Keys
    max_connections: int
    """On each port: what the settings say, or what there are descriptors for."""
    management_socket: socket.socket | None = None
    """Where the settings ask for one."""
    tls: Tls | None = None
    """The same of certificates."""
    tracer: Tracer | None = None
    """Where traces are wanted."""
    siblings: Siblings | None = None
    """Where there are several workers: they share both ports, and have one private store."""
    amounts: SharedAmounts | None = None
    """What they have given out, together."""
    announce: Callable[[str], None] = say_ready
    """Told once requests are answered, with where and by which models."""

    def places(self, kind: str) -> Places:
        """What counts what parties hold of a kind, in all workers."""
        return OwnPlaces() if self.amounts is None else SharedPlaces(self.amounts, kind)

    def levels(self, kind: str) -> Levels:
        """What remembers how much of a kind was left to names, in all workers."""
        return OwnLevels() if self.amounts is None else SharedLevels(self.amounts, kind)

    async def store_url(self, restarted: Callable[[], None]) -> str:
        """Where live sessions are kept: a private store is started when first asked for.

        ``restarted`` is told each time it has to be once more.

        Raises:
            StoreError: it does not start.
        """
        if self.settings.redis_url is not None:
            return self.settings.redis_url
        if self.siblings is not None:
            return url_in(self.siblings.store_folder)  # the keeper runs it
        if not self.private_store.is_running:
            await self.private_store.start(restarted)
            _log.info("live sessions are kept by a private store, and end with this process")
        return self.private_store.url


@asynccontextmanager
async def shared_machine(
    settings: Settings,
    siblings: Siblings,
    amounts: SharedAmounts,
    announce: Callable[[str], None],
    tracer: Tracer | None = None,
) -> AsyncIterator[Machine]:
    """The same for one of several workers, which are behind ports that are reserved for them."""
    amounts.join(siblings.number, siblings.lock_path)
    siblings.loads.join(siblings.number)
    http = bound_socket("HTTP", settings.host, settings.http_port, is_shared=True)
    with http, unix_socket(siblings.management_path) as management:
        yield Machine(
            settings,
            http,
            CollectorRegistry(),
            EmbeddedServer(settings.embedded_store_bytes),
            Keys(key_ring(settings), levels=partial(SharedLevels, amounts)),
            -(-_most_connections(settings.max_connections) // siblings.count),
            management,
            _tls(settings),
            tracer,
            siblings,
            amounts,
            announce,
        )


@asynccontextmanager
async def prepared_machine(
    settings: Settings, tracer: Tracer | None = None
) -> AsyncIterator[Machine]:
    """Bind the ports; afterwards stop the private store.

    Raises:
        StartError: an address cannot be used.
        KeyFileError, TlsError: a file cannot.
    """
    with ExitStack() as sockets:
        http = sockets.enter_context(bound_socket("HTTP", settings.host, settings.http_port))
        host, port, management = settings.management_host, settings.management_port, None
        if port is not None:
            management = sockets.enter_context(bound_socket("management", host, port))
        private_store = EmbeddedServer(settings.embedded_store_bytes)
        most = _most_connections(settings.max_connections)
        try:
            keys = Keys(key_ring(settings))
            about = CollectorRegistry(), private_store, keys, most, management, _tls(settings)
            yield Machine(settings, http, *about, tracer)
        finally:
            await private_store.stop()


def key_ring(settings: Settings) -> KeyRing:
    """The keys that the settings name, and those of the file they name.

    Raises:
        KeyFileError: the file cannot be used.
    """
    ring = KeyRing.of_keys(settings.api_keys)
    return (
        ring if settings.api_keys_file is None else ring | KeyRing.of_file(settings.api_keys_file)
    )


def _tls(settings: Settings) -> Tls | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return Tls(TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_ca))


def authority(host: str, port: int) -> str:
    """The address as URLs have it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reserved_socket(what: str, host: str, port: int) -> socket.socket:
    """Reserve an address for sockets that are bound with ``is_shared``, and for no others."""
    reserved = bound_socket(what, host, port)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # It never listens: left as it was, a second service could reserve the same.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return reserved


def bound_socket(what: str, host: str, port: int, is_shared: bool = False) -> socket.socket:
    """Bind to an address; no client can connect before ``listen``, nor is it taken for sure."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _unusable(what, authority(host, port), error) from error
    return bound


def listen(what: str, bound: socket.socket) -> None:
    """Let clients connect; servers of the event loop would say nothing where that fails.

    Raises:
        StartError: another process has bound to the address too, and listened first.
    """
    try:
        bound.listen()
    except OSError as error:
        address = bound.getsockname()
        where = address if isinstance(address, str) else authority(*address[:2])
        raise _unusable(what, where, error) from error


def _unusable(what: str, where: str, error: OSError) -> StartError:
    chosen_by = f"POSELIFT_{what.upper()}_PORT chooses another port"
    return StartError(f"{what} on {where}: {error.strerror} ({chosen_by})")


def unix_socket(path: Path) -> socket.socket:
    """A Unix socket at a path where an earlier worker may have left one."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    return bound


def _most_connections(wanted: int) -> int:
    """How many connections there are descriptors for on each port, with all that may be had."""
    import resource  # noqa: PLC0415 - there is none for Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    others = _OTHER_DESCRIPTORS + MOST_REFUSED
    needed = _TRANSPORTS * wanted + others
    had = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < had:
        resource.setrlimit(resource.RLIMIT_NOFILE, (had, hard))
    if had == needed:
        return wanted
    most = max((had - others) // _TRANSPORTS, 1)
    said = "%d files may be open (ulimit -n), so there are no more than %d connections on each port"
    _log.warning(said, had, most)
    return most
