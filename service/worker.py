"""What exists once in a worker process: models, live sessions, transports, signals and the end."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from poselift.runtime.onnx_session import RunOptions, share_memory
from poselift.video.detectors import usual_folder
from service.context import ServiceContext
from service.engine import Engine
from service.health import ServiceState
from service.intake import Intake
from service.live.serving import live_sessions
from service.machine import Machine, authority, key_ring
from service.management import ManagementServer
from service.metrics import Metrics
from service.reloading import Reloaded, keep_reloading, read_now
from service.rest.server import HttpTransport
from service.rpc.server import RpcTransport
from service.served_models import Batching, ModelSet, ServedModel, model_folders
from service.settings import Settings
from service.shares import Pool, Rates, Shares
from service.siblings import Siblings
from service.validation import Limits
from service.wire.decoding import Decoder
from service.wire.video_uploads import VideoBounds, VideoUploads

_log = logging.getLogger("poselift")

_LARGE_WORKERS = 2
_LARGEST_BODIES = 4
"""How many of the largest bodies may be in memory at a time."""


class Transport(Protocol):
    """A server of one protocol."""

    def bind(self) -> str:
        """Take its address; how it is called in the log."""

    async def start(self) -> asyncio.Task[Any]:
        """Answer requests from now on; the task is done when it has ended, drained or not."""

    async def drain(self, timeout_s: float) -> None:
        """Let requests in progress finish, no longer than the timeout, and end."""


TRANSPORTS: tuple[Callable[[ServiceContext, Machine], Transport], ...] = (
    HttpTransport,
    RpcTransport,
)


@dataclass(frozen=True)
class _Signals:
    """What this process was sent."""

    stop: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    """SIGTERM and SIGINT, as they come."""
    reload: asyncio.Event = field(default_factory=asyncio.Event)
    """SIGHUP."""


async def work(
    machine: Machine,
    transports: Sequence[Callable[[ServiceContext, Machine], Transport]] = TRANSPORTS,
    restarts: int = 0,
) -> None:
    """Serve until SIGTERM or SIGINT, then let what is in progress finish.

    ``restarts`` says how many workers have ended in the place of this one.

    Raises:
        StartError: an address cannot be listened on.
        ModelError: a model cannot be served.
        StoreError: live sessions cannot be kept.
    """
    signals = _signals()
    metrics = Metrics(machine.registry)
    for _ in range(restarts):
        metrics.process_ended("worker")
    state = ServiceState(max_lag_s=machine.settings.max_event_loop_lag_s)
    with _managed(machine, state, metrics):
        await _serve(machine, transports, state, metrics, signals)
    _log.info("stopped")


async def _serve(
    machine: Machine,
    transports: Sequence[Callable[[ServiceContext, Machine], Transport]],
    state: ServiceState,
    metrics: Metrics,
    signals: _Signals,
) -> None:
    models = _load_models(machine.settings, metrics)
    async with (
        _service(machine, models, state, metrics) as context,
        _beating(state),
        _reloading(machine, context, signals.reload),
    ):
        servers = [create(context, machine) for create in transports]
        addresses = [server.bind() for server in servers]
        context.state.accepting = True
        endings = [await server.start() for server in servers]
        _settle_garbage_collector()
        context.state.ready = True
        machine.announce(f"{', '.join(addresses)}, {_described(models)}")
        async with _taking_of_others(machine.siblings):
            stop = asyncio.create_task(signals.stop.get())
            await asyncio.wait([stop, *endings], return_when=asyncio.FIRST_COMPLETED)
            if stop.done() and stop.result() == signal.SIGTERM:
                await _limp(state, signals.stop, machine.settings.lame_duck_s)
        _log.info("stopping: finishing what is in progress")
        await _drain(servers, context, machine.settings.drain_timeout_s)


@contextmanager
def _managed(machine: Machine, state: ServiceState, metrics: Metrics) -> Iterator[None]:
    """The management port, from before models are loaded until after the last answer."""
    metrics.watch_process(state)
    bound = machine.management_socket
    if bound is None:
        yield
        return
    with ManagementServer(bound, state, machine.registry).running():
        if machine.siblings is None:
            address = authority(machine.settings.management_host, bound.getsockname()[1])
            _log.info("management on http://%s", address)
        yield


@asynccontextmanager
async def _beating(state: ServiceState) -> AsyncIterator[None]:
    pulse = asyncio.create_task(state.pulse.beat(), name="pulse")
    try:
        yield
    finally:
        pulse.cancel()


@asynccontextmanager
async def _taking_of_others(siblings: Siblings | None) -> AsyncIterator[None]:
    """Take requests that other workers pass on; no more of them once this one begins to drain."""
    if siblings is None:
        yield
        return
    taking = asyncio.create_task(siblings.loads.take(), name="taking of others")
    try:
        yield
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


@asynccontextmanager
async def _reloading(
    machine: Machine, context: ServiceContext, told: asyncio.Event
) -> AsyncIterator[None]:
    """Take over files that have changed since the machine read them, and those that will."""
    reloaded = _reloaded(machine, context)
    seen = read_now(reloaded)
    reloading = asyncio.create_task(keep_reloading(reloaded, seen, told), name="reloading")
    try:
        yield
    finally:
        reloading.cancel()


def _reloaded(machine: Machine, context: ServiceContext) -> list[Reloaded]:
    settings, reloaded = machine.settings, []
    if settings.api_keys_file is not None:
        read = partial(_read_keys, machine, context)
        reloaded.append(Reloaded("API keys", (settings.api_keys_file,), read))
    if machine.tls is not None:
        reloaded.append(Reloaded("certificates", machine.tls.files.paths, machine.tls.read))
    return reloaded


def _read_keys(machine: Machine, context: ServiceContext) -> None:
    machine.keys.ring = key_ring(machine.settings)
    if context.sessions is not None:
        context.sessions.leave_others(machine.keys.ring.names)


@asynccontextmanager
async def _service(
    machine: Machine, models: ModelSet, state: ServiceState, metrics: Metrics
) -> AsyncIterator[ServiceContext]:
    """Everything behind the transports, running."""
    settings = machine.settings
    limits = Limits(
        settings.max_body_bytes, settings.max_frames_per_request, settings.max_clips_per_request
    )
    for model in models:
        model.batcher.start()
    told = metrics.decoded, partial(metrics.process_ended, "decoding")
    decoder = Decoder(limits, *told)
    decoder.start()
    converter = Decoder(limits, *told) if settings.converts else None
    shares = _shares(machine)
    requests, bodies = shares.requests, shares.body_bytes
    metrics.watch_requests(
        lambda: requests.taken_here, lambda: bodies.taken_here + bodies.free_here
    )
    store_url = partial(machine.store_url, partial(metrics.process_ended, "store"))
    with ThreadPoolExecutor(_LARGE_WORKERS, thread_name_prefix="large") as large_work:
        shared = machine.siblings, machine.places
        async with live_sessions(models, settings, metrics, store_url, *shared) as sessions:
            try:
                if sessions is not None:
                    state.doubts.append(sessions.doubt)
                yield ServiceContext(
                    Engine(models, limits, metrics, large_work, settings.max_gap_s),
                    limits,
                    metrics,
                    state,
                    decoder,
                    machine.keys,
                    request_timeout_s=settings.request_timeout_s,
                    slow_reader_s=settings.slow_reader_timeout_s,
                    sessions=sessions,
                    converter=converter,
                    video_uploads=_video_uploads(settings, limits) if settings.detects else None,
                    shares=shares,
                    intake=Intake(settings.max_wait_s),
                    trusted_proxies=settings.trusted_proxies,
                    allowed_origins=settings.allowed_origins,
                    allowed_hosts=settings.checked_hosts,
                    describes_http=settings.docs,
                    describes_rpc=settings.reflection,
                    is_managed=settings.management_port is not None,
                    siblings=machine.siblings,
                    tracer=machine.tracer,
                )
            finally:
                decoder.close()
                if converter is not None:
                    converter.close()
    await asyncio.gather(*(model.batcher.stop(drain_s=0) for model in models))


def _video_uploads(settings: Settings, limits: Limits) -> VideoUploads:
    bounds = VideoBounds(
        settings.max_video_bytes,
        settings.max_video_s,
        settings.max_videos,
        settings.detect_timeout_s,
    )
    return VideoUploads(settings.detectors_dir or usual_folder(), bounds, limits)


def _shares(machine: Machine) -> Shares:
    settings, places = machine.settings, machine.places
    bodies = _LARGEST_BODIES * settings.max_body_bytes
    return Shares(
        Pool("requests", settings.max_concurrent_requests, places("requests")),
        Pool("bytes", bodies, places("bytes")),
        Rates(levels=machine.levels("rates")),
    )


async def _limp(state: ServiceState, signals: asyncio.Queue[int], seconds: float) -> None:
    """Serve on while probes say that the service ends, until then or one more signal."""
    state.ready = False
    if seconds > 0:
        _log.info("stopping in %g s: load balancers are told first", seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await signals.get()


async def _drain(servers: Sequence[Transport], context: ServiceContext, timeout_s: float) -> None:
    """Refuse new requests and wait for those in progress, no longer than the timeout."""
    context.state.ready = False
    context.state.accepting = False
    if context.sessions is not None:
        await context.sessions.drain()
    await asyncio.gather(*(server.drain(timeout_s) for server in servers))


def _signals() -> _Signals:
    """Take signals from now on: one to read files again comes while models are loaded too."""
    signals, loop = _Signals(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.stop.put_nowait, number)
    loop.add_signal_handler(signal.SIGHUP, signals.reload.set)
    return signals


def _load_models(settings: Settings, metrics: Metrics) -> ModelSet:
    batching = Batching(settings.max_batch_frames, settings.max_queued_frames)
    how = RunOptions(settings.providers, settings.strict_providers, settings.model_threads)
    share_memory()
    served = []
    for folder in model_folders(settings.models_dir):
        model = ServedModel.load(folder, how, batching, metrics)
        model.warm_up()
        metrics.model_served(model.card, model.provider)
        served.append(model)
    return ModelSet(served, settings.default_model, settings.live_model)


def _described(models: ModelSet) -> str:
    """The models, the aliases that stand for them and where they run, for the log."""
    aliases = {name: f" ({alias})" for alias, name in models.aliases.items()}
    names = [(model.card.name, model.provider) for model in models]
    return ", ".join(f"model {name}{aliases.get(name, '')} on {where}" for name, where in names)


def _settle_garbage_collector() -> None:
    """Keep the collector off what lives as long as the process, and off bodies being decoded.

    A nested body makes hundreds of thousands of lists that hold no cycles; scanning them at the
    default thresholds took a third of the time of decoding and most of the worst delays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
