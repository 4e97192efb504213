"""Starts one replica of the service: settings, models, engine, servers; and ends it in order."""

import asyncio
import gc
import logging
import math
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import grpc.aio
import uvicorn
import uvloop
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from poselift.errors import ModelError
from poselift.runtime.clip import ClipModel
from service.context import ServiceContext, ServiceState
from service.engine import Engine
from service.live.registry import LiveSessions
from service.live.serving import live_sessions
from service.metrics import Metrics
from service.request_errors import StoreError
from service.rest.app import create_app
from service.rpc.server import create_server
from service.served_models import Batching, ModelSet, ServedModel, model_folders
from service.settings import Settings, explain, unknown_variables
from service.validation import Limits
from service.wire.decoding import Decoder

_log = logging.getLogger("poselift")

_LARGE_WORKERS = 2
_SWITCH_INTERVAL_S = 0.0002
_LARGEST_STREAM_MESSAGE = 8 * 1024 * 1024


class StartError(Exception):
    """The service cannot start; the message is all a user needs."""


def main() -> int:
    """Serve until a signal; the exit status is 0 after an orderly end."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"poselift: settings: {explain(error)}\n")
        return 2
    _start_logging(settings.log_level)
    # Models run in threads beside the event loop. By default one would wait 5 ms for the other to
    # let go of Python's lock, several times in every tick of live frames.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    for name, likely in unknown_variables(os.environ).items():
        meant = f"; did you mean {likely}?" if likely else ""
        _log.warning("the environment variable %s means nothing here%s", name, meant)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except (StartError, ModelError, StoreError) as error:
        _log.error("cannot start: %s", error)
        return 1
    return 0


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT, then let what is in progress finish.

    Raises:
        StartError: an address cannot be listened on.
        ModelError: a model cannot be served.
        StoreError: live sessions cannot be kept.
    """
    stop = _stop_signal()
    http_socket = _bind(settings.host, settings.http_port)
    metrics = Metrics(CollectorRegistry())
    models = _load_models(settings, metrics)
    for model in models:
        model.batcher.start()
    decoder = Decoder(_limits(settings))
    with ThreadPoolExecutor(_LARGE_WORKERS, thread_name_prefix="large") as large_work:
        async with live_sessions(models, settings, metrics) as sessions:
            context = ServiceContext(
                Engine(models, _limits(settings), metrics, large_work, settings.max_gap_s),
                _limits(settings),
                metrics,
                ServiceState(),
                decoder,
                settings.api_keys,
                settings.request_timeout_s,
                settings.slow_reader_timeout_s,
                sessions,
            )
            servers = await _Servers.start(context, settings, http_socket)
            _log.info("ready: %s, %s", servers.addresses, _described(models))
            await servers.run_until(stop)
            _log.info("stopping: finishing what is in progress")
            await servers.drain(settings.drain_timeout_s)
            decoder.close()
        await asyncio.gather(*(model.batcher.stop(drain_s=0) for model in models))
    _log.info("stopped")


@dataclass
class _Servers:
    """The HTTP and the gRPC server of one process."""

    state: ServiceState
    http: uvicorn.Server
    http_task: asyncio.Task[None]
    rpc: grpc.aio.Server
    sessions: LiveSessions | None
    addresses: str

    @classmethod
    async def start(
        cls, context: ServiceContext, settings: Settings, http_socket: socket.socket
    ) -> "_Servers":
        """Start both; they accept requests when this returns."""
        rpc = create_server(context)
        rpc_address = _listen(rpc, settings.host, settings.grpc_port)
        http = _HttpServer(_http_config(context, settings))
        context.state.accepting = True
        await rpc.start()
        http_task = asyncio.create_task(http.serve(sockets=[http_socket]), name="http")
        await _either(http.listening, http_task)
        if http_task.done():
            await _report_failed_start(http_task)
        _settle_garbage_collector()
        context.state.ready = True
        port = http_socket.getsockname()[1]
        addresses = f"http://{_authority(settings.host, port)}, gRPC on {rpc_address}"
        return cls(context.state, http, http_task, rpc, context.sessions, addresses)

    async def run_until(self, stop: asyncio.Event) -> None:
        """Wait for the signal, or for the HTTP server to end by itself."""
        await _either(stop, self.http_task)

    async def drain(self, timeout_s: float) -> None:
        """Refuse new requests and wait for those in progress, no longer than the timeout."""
        self.state.ready = False
        self.state.accepting = False
        if self.sessions is not None:
            await self.sessions.drain()
        self.http.should_exit = True
        await asyncio.gather(self.rpc.stop(timeout_s), self.http_task)


class _HttpServer(uvicorn.Server):
    """Says when it listens, and leaves signals alone: uvicorn's own handling ends the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def _http_config(context: ServiceContext, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(context),
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_STREAM_MESSAGE,
        # Coordinates hardly compress, and compressing costs more than lifting.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.drain_timeout_s),
    )


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _bind(host: str, port: int) -> socket.socket:
    """Reserve the HTTP address; nobody can connect before the server listens on it."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise StartError(
            f"HTTP on {_authority(host, port)}: {error.strerror} "
            "(POSELIFT_HTTP_PORT chooses another port)"
        ) from error
    return bound


def _listen(rpc: grpc.aio.Server, host: str, port: int) -> str:
    try:
        return _authority(host, rpc.add_insecure_port(_authority(host, port)))
    except RuntimeError as error:
        raise StartError(
            f"gRPC on {_authority(host, port)}: the address cannot be used "
            "(POSELIFT_GRPC_PORT chooses another port)"
        ) from error


async def _either(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait for an event or for the end of a task."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _report_failed_start(http_task: asyncio.Task[None]) -> None:
    try:
        await http_task
    except OSError as error:
        raise StartError(f"HTTP: {error.strerror}") from error
    raise StartError("the HTTP server ended as soon as it started")


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _load_models(settings: Settings, metrics: Metrics) -> ModelSet:
    batching = Batching(settings.max_batch_frames, settings.max_queued_frames)
    served = []
    for folder in model_folders(settings.models_dir):
        lifter = ClipModel.load(
            folder,
            provider=settings.providers,
            strict=settings.strict_providers,
            threads=settings.threads,
        )
        model = ServedModel(lifter, batching, metrics, folder)
        model.warm_up()
        metrics.model_served(model.card, model.provider)
        served.append(model)
    return ModelSet(served, settings.default_model, settings.live_model)


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_body_bytes=settings.max_body_bytes,
        max_frames_per_request=settings.max_frames_per_request,
        max_clips_per_request=settings.max_clips_per_request,
    )


def _described(models: ModelSet) -> str:
    """The models, the aliases that stand for them and where they run, for the log."""
    aliases = {name: alias for alias, name in models.aliases.items()}
    return ", ".join(
        f"model {model.card.name}"
        + (f" ({aliases[model.card.name]})" if model.card.name in aliases else "")
        + f" on {model.provider}"
        for model in models
    )


def _settle_garbage_collector() -> None:
    """Keep the collector off what lives as long as the process, and off bodies being decoded.

    A nested body makes hundreds of thousands of lists that hold no cycles; scanning them at the
    default thresholds took a third of the time of decoding and most of the worst delays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _start_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # It tells of every WebSocket that comes and goes.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
